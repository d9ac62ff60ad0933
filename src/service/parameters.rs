//! The parameters that every list takes.

use jiff::Timestamp;

use super::api_error::ApiError;
use super::call::Call;
use super::store::Order;
use crate::api::time;

pub(super) const DEFAULT_SIZE: usize = 10;

pub(super) const MAX_SIZE: usize = 100;

/// A parameter with a value: an empty one counts as absent.
pub(super) fn given<'a>(call: &'a Call, name: &str) -> Option<&'a str> {
    call.parameter(name).filter(|value| !value.is_empty())
}

/// A parameter that counts, from 1 to `largest`.
pub(super) fn number(
    call: &Call,
    name: &str,
    default: usize,
    largest: usize,
) -> Result<usize, ApiError> {
    let Some(text) = given(call, name) else {
        return Ok(default);
    };
    let number = text
        .parse()
        .ok()
        .filter(|number| (1..=largest).contains(number));
    number.ok_or_else(|| {
        ApiError::argument(format!(
            "{name}: `{text}` is not a number from 1 to {largest}"
        ))
    })
}

/// `size`.
pub(super) fn size(call: &Call) -> Result<usize, ApiError> {
    number(call, "size", DEFAULT_SIZE, MAX_SIZE)
}

/// `nextToken`: the place of the last entry of the page before.
pub(super) fn after(call: &Call) -> Result<Option<i64>, ApiError> {
    let token = given(call, "nextToken").map(|text| {
        text.parse().map_err(|_| {
            ApiError::argument(format!(
                "nextToken: `{text}` was not given out by this service"
            ))
        })
    });
    token.transpose()
}

/// `orderByTime`.
pub(super) fn order(call: &Call) -> Result<Order, ApiError> {
    match given(call, "orderByTime") {
        None | Some("Desc") => Ok(Order::Descending),
        Some("Asc") => Ok(Order::Ascending),
        Some(other) => Err(ApiError::argument(format!(
            "orderByTime: `{other}` is neither `Desc` nor `Asc`"
        ))),
    }
}

/// `states`: none for `All`.
pub(super) fn states(call: &Call, known: &[&str]) -> Result<Vec<String>, ApiError> {
    let words = given(call, "states")
        .unwrap_or("All")
        .split(',')
        .map(str::trim);
    let words: Vec<&str> = words.collect();
    if let Some(unknown) = words
        .iter()
        .find(|word| **word != "All" && !known.contains(word))
    {
        let known = known.join(", ");
        return Err(ApiError::argument(format!(
            "states: `{unknown}` is not one of All, {known}"
        )));
    }
    if words.contains(&"All") {
        return Ok(Vec::new());
    }
    Ok(words.into_iter().map(str::to_owned).collect())
}

/// A parameter that is a moment.
pub(super) fn moment(call: &Call, name: &str) -> Result<Option<Timestamp>, ApiError> {
    let moment = given(call, name).map(|text| {
        time::parse(text).map_err(|error| ApiError::argument(format!("{name}: `{text}` {error}")))
    });
    moment.transpose()
}

/// Truncates `size + 1` entries to a page and returns the token of the next page, if there is one.
pub(super) fn next_token<T>(
    entries: &mut Vec<T>,
    size: usize,
    place: impl Fn(&T) -> i64,
) -> Option<String> {
    let has_more = entries.len() > size;
    entries.truncate(size);
    let last = entries.last().filter(|_| has_more)?;
    Some(place(last).to_string())
}
