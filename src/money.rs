//! Amounts of money, exactly: whole billionths of a unit, never a floating-point number.

use std::fmt;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Billionths in a unit.
const UNIT: u128 = 1_000_000_000;
/// Digits after the point.
const DECIMALS: usize = 9;
/// Digits before the point; far more than anything costs.
const DIGITS: usize = 12;
/// Bytes of a GiB.
const GIB: u128 = 1 << 30;

/// A currency by its code of three letters, such as `CNY`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Currency([u8; 3]);

/// An amount of one currency.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "Amount", into = "Amount")]
#[schemars(with = "Amount")]
pub struct Money {
    billionths: u128,
    currency: Currency,
}

/// Money as machine formats write it.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "Money")]
struct Amount {
    /// A decimal number, exact.
    amount: String,
    /// The code of the currency, such as `CNY`.
    currency: String,
}

/// Why a text is not an amount of money.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "is not an amount of money such as `0.0015 CNY`: a decimal number with at most nine digits after the point, a space, a currency of three capital letters"
)]
pub struct MoneyError;

/// What a workflow costs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Price {
    /// For each object.
    pub per_object: Option<Money>,
    /// For each GiB of objects.
    pub per_gib: Option<Money>,
}

impl Price {
    /// What objects of these sizes cost, rounded up to a billionth; `None` when the price
    /// depends on bytes and these are not known, or where there is no price.
    pub fn cost(&self, objects: u64, bytes: Option<u64>) -> Option<Money> {
        let by_object = self
            .per_object
            .map(|price| price.times(u128::from(objects)));
        let by_size = match self.per_gib {
            None => return by_object,
            Some(price) => price.times(u128::from(bytes?)).divided_up(GIB),
        };
        Some(by_object.map_or(by_size, |by_object| by_object.plus(by_size)))
    }

    /// The currency, if there is a price.
    pub fn currency(&self) -> Option<Currency> {
        self.per_object.or(self.per_gib).map(Money::currency)
    }
}

impl Money {
    /// Nothing of a currency.
    pub fn zero(currency: Currency) -> Self {
        Self {
            billionths: 0,
            currency,
        }
    }

    /// Its currency.
    pub fn currency(self) -> Currency {
        self.currency
    }

    /// The sum of two amounts of one currency.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        debug_assert_eq!(self.currency, other.currency, "the reader compared them");
        self.with(self.billionths.saturating_add(other.billionths))
    }

    /// Whether this is more than another amount of the same currency.
    pub fn exceeds(self, other: Self) -> bool {
        self.billionths > other.billionths
    }

    fn times(self, factor: u128) -> Self {
        self.with(self.billionths.saturating_mul(factor))
    }

    fn divided_up(self, divisor: u128) -> Self {
        self.with(self.billionths.div_ceil(divisor))
    }

    fn with(self, billionths: u128) -> Self {
        Self { billionths, ..self }
    }

    /// The exact decimal number, without zeros at its end.
    pub fn decimal(self) -> String {
        let (whole, rest) = (self.billionths / UNIT, self.billionths % UNIT);
        if rest == 0 {
            return whole.to_string();
        }
        let rest = format!("{rest:0DECIMALS$}");
        format!("{whole}.{}", rest.trim_end_matches('0'))
    }

    /// For people: rounded up, to two digits after the point from one unit on, else to four.
    pub fn rounded(self) -> String {
        let decimals = if self.billionths >= UNIT { 2 } else { 4 };
        let step = 10_u128.pow(9 - decimals);
        let steps = self.billionths.div_ceil(step);
        let per_unit = UNIT / step;
        let (whole, rest) = (steps / per_unit, steps % per_unit);
        let width = decimals as usize;
        format!("{whole}.{rest:0width$}")
    }
}

impl fmt::Display for Currency {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&String::from_utf8_lossy(&self.0))
    }
}

/// The exact amount with its currency, as it is written in files.
impl fmt::Display for Money {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} {}", self.decimal(), self.currency)
    }
}

impl FromStr for Money {
    type Err = MoneyError;

    fn from_str(text: &str) -> Result<Self, MoneyError> {
        let (number, currency) = text.split_once(' ').ok_or(MoneyError)?;
        Ok(Self {
            billionths: billionths(number).ok_or(MoneyError)?,
            currency: currency.parse()?,
        })
    }
}

impl FromStr for Currency {
    type Err = MoneyError;

    fn from_str(text: &str) -> Result<Self, MoneyError> {
        let code: [u8; 3] = text.as_bytes().try_into().map_err(|_| MoneyError)?;
        let is_code = code.iter().all(u8::is_ascii_uppercase);
        is_code.then_some(Self(code)).ok_or(MoneyError)
    }
}

fn billionths(number: &str) -> Option<u128> {
    let (whole, rest) = number.split_once('.').unwrap_or((number, "0"));
    let is_number = |text: &str, longest: usize| {
        (1..=longest).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit())
    };
    if !is_number(whole, DIGITS) || !is_number(rest, DECIMALS) {
        return None;
    }
    format!("{whole}{rest:0<DECIMALS$}").parse().ok()
}

impl From<Money> for Amount {
    fn from(money: Money) -> Self {
        Self {
            amount: money.decimal(),
            currency: money.currency.to_string(),
        }
    }
}

impl TryFrom<Amount> for Money {
    type Error = MoneyError;

    fn try_from(amount: Amount) -> Result<Self, MoneyError> {
        format!("{} {}", amount.amount, amount.currency).parse()
    }
}

#[cfg(test)]
mod tests {
    use super::{Money, Price};

    fn money(text: &str) -> Money {
        text.parse().unwrap()
    }

    #[test]
    fn amounts_are_exact_and_nothing_else_is_one() {
        for (text, written) in [
            ("0.1 CNY", "0.1 CNY"),
            ("0.000000001 USD", "0.000000001 USD"),
            ("12.50 CNY", "12.5 CNY"),
            ("999999999999 CNY", "999999999999 CNY"),
        ] {
            assert_eq!(money(text).to_string(), written);
            let json = serde_json::to_string(&money(text)).unwrap();
            assert_eq!(serde_json::from_str::<Money>(&json).unwrap(), money(text));
        }
        let sum = (0..10).fold(money("0 CNY"), |sum, _| sum.plus(money("0.1 CNY")));
        assert_eq!(sum, money("1 CNY"));
        for bad in [
            "",
            "1",
            "CNY",
            "1 cny",
            "1 YUAN",
            "-1 CNY",
            "+1 CNY",
            ".5 CNY",
            "1. CNY",
            "1e3 CNY",
            "1,5 CNY",
            "0.0000000001 CNY",
            "1  CNY",
            "1 CNY ",
            "1000000000000 CNY",
            "١ CNY",
        ] {
            assert!(bad.parse::<Money>().is_err(), "{bad:?}");
        }
    }

    #[test]
    fn a_cost_is_never_rounded_down() {
        let price = Price {
            per_object: Some(money("0.0015 CNY")),
            per_gib: Some(money("0.07 CNY")),
        };
        assert_eq!(price.cost(2, Some(0)), Some(money("0.003 CNY")));
        assert_eq!(price.cost(0, Some(1 << 30)), Some(money("0.07 CNY")));
        assert_eq!(price.cost(0, Some(1)), Some(money("0.000000001 CNY")));
        assert_eq!(price.cost(1, None), None);
        assert_eq!(Price::default().cost(1, Some(1)), None);
        assert!(price.cost(u64::MAX, Some(u64::MAX)).is_some());
        for (exact, shown) in [
            ("0 CNY", "0.0000"),
            ("0.00001 CNY", "0.0001"),
            ("0.99999 CNY", "1.0000"),
            ("1.001 CNY", "1.01"),
            ("2469.13 CNY", "2469.13"),
        ] {
            assert_eq!(money(exact).rounded(), shown);
        }
    }
}
