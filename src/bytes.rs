//! Amounts of bytes as people write and read them.

/// The units, each 1,024 times the one before.
const BINARY: [&str; 7] = ["B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];
/// The units, each 1,000 times the one before.
const DECIMAL: [&str; 7] = ["B", "kB", "MB", "GB", "TB", "PB", "EB"];

/// Reads `10 GiB`, `1.5 TB` or `4096 B`; the blank may be left out.
pub(crate) fn parse(text: &str) -> Option<u64> {
    let end = text.find(|character: char| character.is_ascii_alphabetic())?;
    let (number, unit) = text.split_at(end);
    let number = number.strip_suffix(' ').unwrap_or(number);
    let power = |units: [&str; 7], base: u128| {
        let place = units
            .iter()
            .position(|known| unit.eq_ignore_ascii_case(known))?;
        base.checked_pow(u32::try_from(place).ok()?)
    };
    let factor = power(BINARY, 1024).or_else(|| power(DECIMAL, 1000))?;
    let (whole, rest) = number.split_once('.').unwrap_or((number, ""));
    let is_number = |text: &str| text.len() <= 20 && text.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty() || number.ends_with('.') || !is_number(whole) || rest.len() > 6 {
        return None;
    }
    let millionths: u128 = format!("{whole}{rest:0<6}").parse().ok()?;
    let bytes = millionths.checked_mul(factor)? / 1_000_000;
    u64::try_from(bytes).ok()
}

/// Writes `512 B`, `3.4 GiB`: three or four digits of the largest unit that fits.
pub(crate) fn format(bytes: u64) -> String {
    let mut unit = 0;
    // Tenths, so that rounding is that of whole numbers.
    let mut tenths = u128::from(bytes) * 10;
    while tenths >= 10_240 && unit + 1 < BINARY.len() {
        tenths = tenths.div_ceil(1024);
        unit += 1;
    }
    let name = BINARY[unit];
    if unit == 0 || tenths >= 1000 {
        format!("{} {name}", tenths.div_ceil(10))
    } else {
        format!("{}.{} {name}", tenths / 10, tenths % 10)
    }
}

#[cfg(test)]
mod tests {
    use super::{format, parse};

    #[test]
    fn amounts_are_read_in_binary_and_decimal_units() {
        for (text, bytes) in [
            ("0 B", 0),
            ("4096 B", 4096),
            ("10 GiB", 10 << 30),
            ("10GiB", 10 << 30),
            ("1.5 KiB", 1536),
            ("1.5 kB", 1500),
            ("2 tb", 2_000_000_000_000),
            ("15.999999 EiB", 18_446_742_920_788_047_009),
        ] {
            assert_eq!(parse(text), Some(bytes), "{text}");
        }
        for bad in [
            "",
            "10",
            "GiB",
            "10 G",
            "-1 B",
            "1. B",
            ".5 B",
            "16 EiB",
            "1  B",
            "1.1234567 B",
            "1e3 B",
        ] {
            assert_eq!(parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn amounts_are_written_short() {
        for (bytes, text) in [
            (0, "0 B"),
            (1023, "1023 B"),
            (1024, "1.0 KiB"),
            (1536, "1.5 KiB"),
            (200 << 20, "200 MiB"),
            (u64::MAX, "16.0 EiB"),
        ] {
            assert_eq!(format(bytes), text);
        }
    }
}
