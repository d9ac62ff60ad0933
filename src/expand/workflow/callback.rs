//! The address that the service is to call.

use std::net::IpAddr;

use super::WorkflowBuilder;
use crate::api::wire::{Element, find};
use crate::document::Field;
use crate::jobfile::model::ElementsSpec;
use crate::source::Span;
use crate::workflow::element_name;

/// Reports an address that the service cannot reach.
pub(super) fn check<'a>(
    builder: &mut WorkflowBuilder<'a, '_>,
    elements: &[Element],
    field: &'a Field<ElementsSpec>,
) {
    let text = |name: &str| find(elements, name).and_then(Element::as_text);
    let is_off = text("State").is_some_and(|state| state.eq_ignore_ascii_case("off"));
    let kind = text("Type").unwrap_or("Url");
    if is_off || !kind.eq_ignore_ascii_case("url") {
        return;
    }
    let Some(spec) = field.valid() else { return };
    let url_span = spec.value.0.iter();
    let mut url_span = url_span.filter(|(name, _)| element_name(&name.value) == "Url");
    let span: Span = url_span.next().map_or(spec.span, |(_, value)| value.span);
    let Some(url) = text("Url").filter(|url| !url.is_empty()) else {
        builder.error("callback", span, "a callback needs `url`".to_owned());
        return;
    };
    let Some(host) = host(url) else {
        let message = format!("`{url}` is not an address such as `https://example.com/done`");
        builder.error("callback", span, message);
        return;
    };
    if is_private(host) && !builder.texts.expander.context.private_callbacks {
        let message = format!("the service cannot reach `{host}`, which is a private address");
        builder.error("callback", span, message);
        builder.help("name an address that is reachable from the internet");
    }
}

/// The host of an http or https URL, without its port.
fn host(url: &str) -> Option<&str> {
    let rest = url
        .strip_prefix("https://")
        .or_else(|| url.strip_prefix("http://"))?;
    let authority = rest.split(['/', '?', '#']).next()?;
    let authority = authority.rsplit('@').next()?;
    let host = match authority.strip_prefix('[') {
        Some(rest) => rest.split(']').next()?,
        None => authority.split(':').next()?,
    };
    let is_plain = !host.is_empty() && !host.contains(|part: char| part.is_whitespace());
    is_plain.then_some(host)
}

fn is_private(host: &str) -> bool {
    match host.parse() {
        Ok(IpAddr::V4(address)) => {
            address.is_private()
                || address.is_loopback()
                || address.is_link_local()
                || address.is_unspecified()
        }
        Ok(IpAddr::V6(address)) => {
            address.is_loopback()
                || address.is_unspecified()
                || address.is_unique_local()
                || address.is_unicast_link_local()
        }
        Err(_) => {
            let host = host.to_ascii_lowercase();
            let endings = [".local", ".internal", ".localhost", ".lan"];
            host == "localhost" || endings.iter().any(|ending| host.ends_with(ending))
        }
    }
}
