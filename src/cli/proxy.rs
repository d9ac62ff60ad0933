//! `HTTPS_PROXY` and `NO_PROXY`: the way to a service over the network.

use reqwest::Url;

use crate::diagnostic::Diagnostic;

/// The proxy's address. `host:port` alone means http, as curl takes it.
///
/// A scheme that is not supported is an error: a proxy that is set is never passed by.
pub(super) fn parse(text: &str) -> Result<Url, Diagnostic> {
    let text = text.trim();
    let url = match text.split_once("://") {
        Some(("http" | "https" | "HTTP" | "HTTPS", _)) => Url::parse(text).ok(),
        Some(_) => None,
        None => is_authority(text)
            .then(|| Url::parse(&format!("http://{text}")).ok())
            .flatten(),
    };
    url.filter(Url::has_host).ok_or_else(not_a_proxy)
}

/// `host:port`, perhaps with a user before it.
fn is_authority(text: &str) -> bool {
    let port = text.rsplit_once(':').map(|(_, port)| port);
    port.is_some_and(|port| port.parse::<u16>().is_ok())
}

/// The address may hold a password, and is not shown.
fn not_a_proxy() -> Diagnostic {
    let message = "HTTPS_PROXY is not a URL such as http://proxy.example.com:3128";
    Diagnostic::error("proxy", message)
        .help("its scheme is http or https; unset it to connect without a proxy")
}

/// Entries of `NO_PROXY` that no host can match, each with the reason.
pub(super) fn useless_exceptions(list: &str) -> Vec<String> {
    let entries = list.split(',').map(str::trim);
    let entries = entries.filter(|entry| !entry.is_empty());
    let useless = entries.filter_map(|entry| Some((entry, why_useless(entry)?)));
    useless
        .map(|(entry, why)| format!("the entry `{entry}` of NO_PROXY matches no host: {why}"))
        .collect()
}

fn why_useless(entry: &str) -> Option<&'static str> {
    let is_network = entry.split_once('/').is_some_and(|(address, length)| {
        address.parse::<std::net::IpAddr>().is_ok() && length.parse::<u8>().is_ok()
    });
    let address = entry.trim_start_matches('[').trim_end_matches(']');
    if entry == "*" || is_network || address.parse::<std::net::IpAddr>().is_ok() {
        return None;
    }
    if entry.contains("://") {
        return Some("write the host alone, without a scheme");
    }
    if entry.contains(char::is_whitespace) {
        return Some("separate entries by commas");
    }
    if entry.contains('*') {
        return Some("write `.example.com` for all hosts below a domain");
    }
    if entry.contains(':') {
        return Some("write the host without its port");
    }
    entry
        .contains('/')
        .then_some("write the host without a path")
}

#[cfg(test)]
mod tests {
    use super::{parse, useless_exceptions};

    #[test]
    fn only_http_proxies_are_taken_and_no_other_is_passed_by() {
        for (text, url) in [
            ("http://p.example:3128", "http://p.example:3128/"),
            ("https://p.example", "https://p.example/"),
            ("HTTP://p.example:1", "http://p.example:1/"),
            (
                " http://u:hunter2@p.example:3128\n",
                "http://u:hunter2@p.example:3128/",
            ),
            ("127.0.0.1:9", "http://127.0.0.1:9/"),
            (
                "u:hunter2@p.example:3128",
                "http://u:hunter2@p.example:3128/",
            ),
        ] {
            assert_eq!(parse(text).unwrap().as_str(), url, "{text}");
        }
        for bad in [
            "htttp://127.0.0.1:9",
            "ftp://127.0.0.1:9",
            "socks5://127.0.0.1:9",
            "http//127.0.0.1:9x",
            "http:/",
            "http://",
            "direct",
            "none",
            "p.example",
            "htp://u:hunter2@p.example:3128",
        ] {
            let problem = parse(bad).unwrap_err();
            assert!(!problem.message.contains("hunter2"), "{bad}");
        }
    }

    #[test]
    fn entries_that_match_nothing_are_named() {
        let good =
            "*,localhost,.myqcloud.com,myqcloud.com,10.0.0.1,10.0.0.0/8,::1,[::1],fe80::/10,";
        assert_eq!(useless_exceptions(good), Vec::<String>::new());
        for bad in [
            "*.myqcloud.com",
            "host:443",
            "https://host",
            "a.example b.example",
            "host/path",
        ] {
            let found = useless_exceptions(&format!("localhost, {bad}"));
            assert!(found.len() == 1 && found[0].contains(bad), "{found:?}");
        }
    }
}
