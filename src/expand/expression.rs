//! `${ … }` inside the strings of a job file.
//!
//! Expressions are evaluated after parsing, one string at a time, so that a value can never change
//! the structure of a file. They see what they are given and nothing else: no file, no environment,
//! no clock.

use std::ops::Range;

use jiff::fmt::strtime::BrokenDownTime;
use jiff::tz::{Offset, TimeZone};
use minijinja::machinery::{Token, tokenize};
use minijinja::syntax::SyntaxConfig;
use minijinja::value::ValueKind;
use minijinja::{
    Environment, Error, ErrorKind, Output, State, Template, UndefinedBehavior, Value,
    escape_formatter, filters,
};

use crate::api::time;
use crate::diagnostic::closest;

/// Statements and comments do not exist in our expressions; their delimiters are characters of
/// Unicode's private use, which `evaluate` refuses in a text.
const UNUSED_DELIMITERS: [&str; 4] = ["\u{f8f0}", "\u{f8f1}", "\u{f8f2}", "\u{f8f3}"];

/// The steps that one expression may take; a name or a prefix needs a few dozen.
const FUEL: u64 = 10_000;

/// The bytes that one string may grow to; an object's key has at most 850.
const LONGEST_RESULT: usize = 16 * 1024;

/// The tokens of all expressions in one string. Each may nest the engine's parser one level deeper.
const TOKEN_LIMIT: usize = 1_000;

/// Why a string has no value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ExpressionError {
    /// What is wrong, in one sentence without a full stop.
    pub(super) message: String,
    /// The way out, where one can be guessed.
    pub(super) help: Option<String>,
    /// The bytes of the string that it is about, where known.
    pub(super) range: Option<Range<usize>>,
}

/// Evaluates strings; made once and shared.
pub(super) struct Expressions {
    environment: Environment<'static>,
}

impl Expressions {
    /// An evaluator with the filters that job files may use.
    pub(super) fn new() -> Self {
        let mut environment = Environment::empty();
        environment.set_syntax(syntax());
        environment.set_undefined_behavior(UndefinedBehavior::Strict);
        environment.set_fuel(Some(FUEL));
        environment.set_formatter(format_value);
        environment.add_filter("lower", filters::lower);
        environment.add_filter("upper", filters::upper);
        environment.add_filter("replace", replace);
        environment.add_filter("trim", filters::trim);
        environment.add_filter("date", date);
        environment.add_filter("pad", pad);
        Self { environment }
    }

    /// Whether `text` holds an expression at all; most strings do not.
    pub(super) fn is_template(text: &str) -> bool {
        text.contains("${")
    }

    /// The value of `text`, whose expressions see the names in `context`.
    pub(super) fn evaluate(&self, text: &str, context: &Value) -> Result<String, ExpressionError> {
        let template = self.parse(text)?;
        let result = template.render(context).map_err(|error| {
            let names = template.undeclared_variables(true);
            unknown_name(&error, text, names, context).unwrap_or_else(|| explain(&error))
        })?;
        if result.len() > LONGEST_RESULT {
            return Err(plain(format!(
                "the result is longer than {LONGEST_RESULT} bytes"
            )));
        }
        Ok(result)
    }

    /// The value of `text`, unless it uses names that are `unknown`: then what can be known to be
    /// wrong without them.
    pub(super) fn evaluate_known(
        &self,
        text: &str,
        context: &Value,
        unknown: impl Fn(&str) -> bool,
    ) -> Result<Option<String>, ExpressionError> {
        let names = self.parse(text)?.undeclared_variables(true);
        if !names.iter().any(|name| unknown(name)) {
            return self.evaluate(text, context).map(Some);
        }
        let known = names.into_iter().filter(|name| !unknown(name));
        absent_name(text, known, context).map_or(Ok(None), Err)
    }

    fn parse<'text>(&self, text: &'text str) -> Result<Template<'_, 'text>, ExpressionError> {
        if text.contains(|character| ('\u{f8f0}'..='\u{f8f3}').contains(&character)) {
            return Err(plain(
                "a character of private use (U+F8F0 to U+F8F3) cannot stand beside an expression",
            ));
        }
        if text.len() > LONGEST_RESULT {
            return Err(plain(format!(
                "a text with expressions is longer than {LONGEST_RESULT} bytes"
            )));
        }
        let parsed = check_tokens(text).and_then(|()| {
            let template = self.environment.template_from_str(text);
            template.map_err(|error| explain(&error))
        });
        parsed.map_err(|error| two_braces(text).unwrap_or(error))
    }
}

/// Explains `${{ … }}`, which is how other tools write expressions.
fn two_braces(text: &str) -> Option<ExpressionError> {
    let start = text.find("${{")?;
    let inner = text[start + 3..].split('}').next()?.trim();
    let length = text[start..]
        .find("}}")
        .map_or(text.len() - start, |end| end + 2);
    Some(ExpressionError {
        message: "an expression has one brace on each side here".to_owned(),
        help: Some(format!("write ${{ {inner} }}")),
        range: Some(start..start + length),
    })
}

/// `true` and `false` as files write them, and as the keys of jobs do.
fn format_value(
    out: &mut Output<'_>,
    state: &mut State<'_, '_>,
    value: &Value,
) -> Result<(), Error> {
    match bool::try_from(value.clone()) {
        Ok(boolean) if value.kind() == ValueKind::Bool => Ok(write!(out, "{boolean}")?),
        _ => escape_formatter(out, state, value),
    }
}

/// `${` and `}`, and no way to write a statement or a comment.
fn syntax() -> SyntaxConfig {
    let [block_start, block_end, comment_start, comment_end] = UNUSED_DELIMITERS;
    #[expect(clippy::expect_used, reason = "only colliding delimiters fail")]
    SyntaxConfig::builder()
        .variable_delimiters("${", "}")
        .block_delimiters(block_start, block_end)
        .comment_delimiters(comment_start, comment_end)
        .keep_trailing_newline(true)
        .build()
        .expect("these delimiters do not collide")
}

fn plain(message: impl Into<String>) -> ExpressionError {
    ExpressionError {
        message: message.into(),
        help: None,
        range: None,
    }
}

/// A limit on what the engine does not count: the depth of its parser, and the length of what a
/// multiplication makes.
fn check_tokens(text: &str) -> Result<(), ExpressionError> {
    let mut inside = 0;
    for token in tokenize(text, false, syntax()) {
        let (token, span) = token.map_err(|error| explain(&error))?;
        match token {
            Token::TemplateData(_) => continue,
            Token::Mul => {
                let start = span.start_offset as usize;
                return Err(ExpressionError {
                    range: Some(start..start + 1),
                    ..plain("expressions do not multiply")
                });
            }
            _ => inside += 1,
        }
        if inside > TOKEN_LIMIT {
            return Err(plain("the expressions of this text are too long"));
        }
    }
    Ok(())
}

/// Explains an error of the template engine.
fn explain(error: &Error) -> ExpressionError {
    let detail = error
        .detail()
        .map(|detail| format!(": {detail}"))
        .unwrap_or_default();
    let (message, help) = match error.kind() {
        ErrorKind::SyntaxError => (format!("the expression is not well-formed{detail}"), None),
        ErrorKind::UnknownFilter => (
            format!("the expression uses an unknown filter{detail}"),
            Some("filters are: date, lower, pad, replace, trim, upper".to_owned()),
        ),
        ErrorKind::UnknownFunction | ErrorKind::UnknownMethod | ErrorKind::UnknownTest => (
            format!("expressions have filters, not functions{detail}"),
            None,
        ),
        ErrorKind::OutOfFuel => ("the expression takes too many steps".to_owned(), None),
        _ => (
            error
                .detail()
                .map_or_else(|| error.kind().to_string(), ToOwned::to_owned),
            None,
        ),
    };
    ExpressionError {
        message,
        help,
        range: error.range(),
    }
}

/// Finds the name that does not exist, and the one that was probably meant.
fn unknown_name(
    error: &Error,
    text: &str,
    names: impl IntoIterator<Item = String>,
    context: &Value,
) -> Option<ExpressionError> {
    if error.kind() != ErrorKind::UndefinedError {
        return None;
    }
    let mut absent = absent_name(text, names, context)?;
    absent.range = absent.range.or_else(|| error.range());
    Some(absent)
}

/// The first of the names, in the order of the alphabet, that does not exist.
fn absent_name(
    text: &str,
    names: impl IntoIterator<Item = String>,
    context: &Value,
) -> Option<ExpressionError> {
    let mut names: Vec<String> = names.into_iter().collect();
    names.sort();
    let (name, parent, last) = names.iter().find_map(|name| missing_part(name, context))?;
    let known: Vec<String> = parent
        .try_iter()
        .into_iter()
        .flatten()
        .map(|known| known.to_string())
        .collect();
    let prefix = name.strip_suffix(&last).unwrap_or_default();
    let help = match closest(&last, known.iter().map(String::as_str)) {
        Some(close) => Some(format!("did you mean `{prefix}{close}`?")),
        None if known.is_empty() && prefix == "vars." => {
            Some("declare it in stocktake.toml under [vars], or give it with --var".to_owned())
        }
        None if known.is_empty() => None,
        None => Some(format!("known here: {}", listed(prefix, &known))),
    };
    Some(ExpressionError {
        message: format!("`{name}` is not known here"),
        help,
        range: text.find(&name).map(|start| start..start + name.len()),
    })
}

/// The first part of a dotted name that does not exist, with the value it was looked up in.
fn missing_part(name: &str, context: &Value) -> Option<(String, Value, String)> {
    let mut parent = context.clone();
    let mut path = String::new();
    for part in name.split('.') {
        path.push_str(part);
        let value = parent.get_attr(part).ok()?;
        if value.is_undefined() {
            return Some((path, parent, part.to_owned()));
        }
        parent = value;
        path.push('.');
    }
    None
}

fn listed(prefix: &str, names: &[String]) -> String {
    let mut names: Vec<String> = names
        .iter()
        .map(|name| format!("`{prefix}{name}`"))
        .collect();
    names.sort();
    names.join(", ")
}

/// `window.start | date("%Y%m")`: a moment in another form, in the moment's own offset.
fn date(moment: &str, form: &str) -> Result<String, Error> {
    let invalid = |problem: String| Error::new(ErrorKind::InvalidOperation, problem);
    let timestamp = time::parse(moment).map_err(|error| invalid(format!("`{moment}` {error}")))?;
    // The first 19 bytes are date and time; what follows is the offset.
    let offset = moment
        .get(19..)
        .and_then(time::parse_offset)
        .unwrap_or(Offset::UTC);
    let local = timestamp.to_zoned_datetime(TimeZone::fixed(offset));
    BrokenDownTime::from(&local)
        .to_string(form)
        .map_err(|error| invalid(format!("`{form}` is not a form of a date: {error}")))
}

/// `key | replace("a", "b")`, never growing beyond what a string may have.
fn replace(text: &str, from: &str, to: &str) -> Result<String, Error> {
    let result_length = text.matches(from).count().saturating_mul(to.len());
    if result_length > LONGEST_RESULT {
        let problem = format!("the result is longer than {LONGEST_RESULT} bytes");
        return Err(Error::new(ErrorKind::InvalidOperation, problem));
    }
    Ok(text.replace(from, to))
}

/// `matrix.part | pad(3)`: filled up on the left, with zeros unless said otherwise.
fn pad(text: &Value, width: usize, fill: Option<&str>) -> Result<String, Error> {
    const WIDEST: usize = 128;
    let mut fill = fill.unwrap_or("0").chars();
    let (Some(fill), None, true) = (fill.next(), fill.next(), width <= WIDEST) else {
        let problem = format!("pad takes a width up to {WIDEST} and one character");
        return Err(Error::new(ErrorKind::InvalidOperation, problem));
    };
    let text = text.to_string();
    let missing = width.saturating_sub(text.chars().count());
    Ok(std::iter::repeat_n(fill, missing)
        .chain(text.chars())
        .collect())
}

#[cfg(test)]
mod tests {
    use super::{ExpressionError, Expressions};
    use minijinja::{Value, context};

    fn evaluate(text: &str) -> Result<String, ExpressionError> {
        let context: Value = context! {
            vars => context! { thumbnails => "w1", probe => "w2" },
            matrix => context! { part => 7, region => "cn" },
            window => context! { start => "2022-01-01T00:00:00+0800" },
            key => "archive",
        };
        Expressions::new().evaluate(text, &context)
    }

    #[test]
    fn names_and_filters_have_values() {
        for (text, value) in [
            ("a/${ matrix.region }/b\n", "a/cn/b\n"),
            ("${ vars.thumbnails }${key|upper}", "w1ARCHIVE"),
            ("${ window.start | date('%Y%m') }", "202201"),
            (
                "${ window.start | date('%F %T %:z') }",
                "2022-01-01 00:00:00 +08:00",
            ),
            ("${ matrix.part | pad(3) }", "007"),
            ("${ key | replace('arch', 'x') }", "xive"),
            ("{% for %} {# #} {{ key }}", "{% for %} {# #} {{ key }}"),
            ("${ '${' }", "${"),
        ] {
            assert_eq!(evaluate(text), Ok(value.to_owned()), "{text}");
        }
    }

    #[test]
    fn an_unknown_name_is_found_and_a_near_one_offered() {
        let error = evaluate("in/${ vars.thumbnail }").unwrap_err();
        assert_eq!(error.message, "`vars.thumbnail` is not known here");
        assert_eq!(
            error.help.as_deref(),
            Some("did you mean `vars.thumbnails`?")
        );
        assert_eq!(error.range, Some(6..20));
        let error = evaluate("${ env.HOME }").unwrap_err();
        assert_eq!(error.message, "`env` is not known here");
        assert_eq!(
            error.help.as_deref(),
            Some("known here: `key`, `matrix`, `vars`, `window`")
        );
    }

    #[test]
    fn what_cannot_be_evaluated_is_an_error() {
        for bad in [
            "${ key",
            "${ }",
            "${ key | shout }",
            "${ range(9) }",
            "${ key | date('%Y') }",
            "${ window.start | date('%!') }",
            "${ key | pad(999999999) }",
            "${ [key] * 99999999 }",
            "${ key * 99999999 }",
            "${ ([key] * 99999999) | upper }",
            "${ 'a' | replace('a', 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa') | replace('a', 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa') | replace('a', 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa') }",
            "${ '\u{f8f0}' }",
            r"${ (['\\'] * 99999999) | upper }",
            "${ {}|upper ~ 'x' * 99999999 }",
            &format!("${{ {}1 }}", "-".repeat(16_000)),
            &format!("${{ key{} }}", "|upper".repeat(2_000)),
            &format!("${{ {}key }}", "not ".repeat(4_000)),
            &format!("${{ key{} }}", ".a".repeat(8_000)),
            &format!("{}${{ key }}", "a".repeat(16 * 1024)),
        ] {
            assert!(evaluate(bad).is_err(), "{bad}: {:?}", evaluate(bad));
        }
    }
}
