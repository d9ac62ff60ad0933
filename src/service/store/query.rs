//! A query for one page of a list: conditions that are there only when they filter something.

use jiff::Timestamp;
use rusqlite::types::Value;

/// The order of a list, by the time at which its entries came in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::service) enum Order {
    Ascending,
    Descending,
}

/// A query as it grows, with the values of its places.
pub(super) struct Query {
    text: String,
    values: Vec<Value>,
}

impl Query {
    /// Begins with a text that ends in a condition on `first`.
    pub(super) fn new(text: String, first: &str) -> Self {
        Self {
            text,
            values: vec![Value::from(first.to_owned())],
        }
    }

    /// Adds a condition, if there is a value for it.
    pub(super) fn and(mut self, condition: &str, value: Option<impl Into<Value>>) -> Self {
        if let Some(value) = value {
            self.text = format!("{} AND {condition}", self.text);
            self.values.push(value.into());
        }
        self
    }

    /// Adds the interval in which `column` lies; both ends belong to it.
    pub(super) fn and_between(
        self,
        column: &str,
        from: Option<Timestamp>,
        until: Option<Timestamp>,
    ) -> Self {
        self.and(&format!("{column} >= ?"), from.map(Timestamp::as_second))
            .and(&format!("{column} <= ?"), until.map(Timestamp::as_second))
    }

    /// Adds that `column` is one of these states, if any are given.
    pub(super) fn and_in(mut self, column: &str, states: Vec<String>) -> Self {
        if !states.is_empty() {
            let places = vec!["?"; states.len()].join(", ");
            self.text = format!("{} AND {column} IN ({places})", self.text);
            self.values.extend(states.into_iter().map(Value::from));
        }
        self
    }

    /// Ends with the order by `column`, the last entry of the previous page, and the size.
    pub(super) fn page(
        self,
        column: &str,
        order: Order,
        after: Option<i64>,
        limit: usize,
    ) -> (String, Vec<Value>) {
        let (after_last, direction) = match order {
            Order::Ascending => (">", "ASC"),
            Order::Descending => ("<", "DESC"),
        };
        let Self { text, mut values } = self.and(&format!("{column} {after_last} ?"), after);
        values.push(i64::try_from(limit).unwrap_or(i64::MAX).into());
        let text = format!("{text} ORDER BY {column} {direction} LIMIT ?");
        (text, values)
    }
}
