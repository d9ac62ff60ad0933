//! The page's template, style and script.

use std::sync::LazyLock;

use minijinja::syntax::SyntaxConfig;
use minijinja::value::Serde;
use minijinja::{AutoEscape, Environment, Error, UndefinedBehavior, Value, escape_formatter};

use crate::plain_text::one_line;

use super::view::View;

/// The style sheet, as it stands in the page.
pub(super) const STYLE: &str = include_str!("style.css");
/// The script of a live page, as it stands in the page.
pub(super) const SCRIPT: &str = include_str!("live.js");

const NAME: &str = "page.html";

/// Fills the template in.
pub(super) fn render(view: &View<'_>) -> Result<String, Error> {
    static ENVIRONMENT: LazyLock<Result<Environment<'static>, Error>> = LazyLock::new(prepare);
    match &*ENVIRONMENT {
        Ok(environment) => environment.get_template(NAME)?.render(Serde(view)),
        Err(error) => Err(Error::new(error.kind(), error.to_string())),
    }
}

fn prepare() -> Result<Environment<'static>, Error> {
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_auto_escape_callback(|_| AutoEscape::Html);
    // Text of others stays on its line; the style sheet and the script are safe strings.
    environment.set_formatter(|out, state, value| match value.as_str() {
        Some(text) if !value.is_safe() => {
            escape_formatter(out, state, &Value::from(one_line(text)))
        }
        _ => escape_formatter(out, state, value),
    });
    let mut syntax = SyntaxConfig::builder();
    environment.set_syntax(syntax.trim_blocks(true).lstrip_blocks(true).build()?);
    for (name, text) in [("style", STYLE), ("script", SCRIPT)] {
        environment.add_global(name, Value::from_safe_string(text.to_owned()));
    }
    environment.add_template(NAME, include_str!("page.html"))?;
    Ok(environment)
}
