//! Bytes, counts and durations as people read and write them.

/// The units, each 1,024 times the one before.
const BINARY: [&str; 7] = ["B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];
/// The units, each 1,000 times the one before.
const DECIMAL: [&str; 7] = ["B", "kB", "MB", "GB", "TB", "PB", "EB"];

/// Parses `10 GiB`, `1.5 TB` or `4096 B`; the space is optional.
pub(crate) fn parse_bytes(text: &str) -> Option<u64> {
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

/// Formats `512 B`, `3.4 GiB`: three or four digits of the largest unit that fits, rounded up.
pub(crate) fn format_bytes(bytes: u64) -> String {
    let mut unit = 0;
    // Tenths: rounding stays in whole numbers.
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

/// `1 job`, `2 jobs`.
pub(crate) fn count(number: usize, one: &str, many: &str) -> String {
    let word = if number == 1 { one } else { many };
    format!("{} {word}", grouped(number))
}

/// `12,345`.
pub(crate) fn grouped(number: usize) -> String {
    grouped_large(number as u64)
}

/// `12,345,678`.
pub(crate) fn grouped_large(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Formats a duration: `42s`, `3m 07s`, `5h 20m`, `2d 03h`.
pub(crate) fn duration(seconds: i64) -> String {
    let seconds = seconds.max(0);
    let (minutes, hours, days) = (seconds / 60, seconds / 3600, seconds / 86_400);
    match (days, hours, minutes) {
        (0, 0, 0) => format!("{seconds}s"),
        (0, 0, _) => format!("{minutes}m {:02}s", seconds % 60),
        (0, _, _) => format!("{hours}h {:02}m", minutes % 60),
        _ => format!("{days}d {:02}h", hours % 24),
    }
}

#[cfg(test)]
mod tests {
    use super::{count, duration, format_bytes, grouped, parse_bytes};

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
            assert_eq!(parse_bytes(text), Some(bytes), "{text}");
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
            assert_eq!(parse_bytes(bad), None, "{bad}");
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
            assert_eq!(format_bytes(bytes), text);
        }
    }

    #[test]
    fn numbers_are_grouped() {
        assert_eq!(grouped(7), "7");
        assert_eq!(grouped(1_234_567), "1,234,567");
        assert_eq!(count(1, "job", "jobs"), "1 job");
        assert_eq!(count(12_000, "job", "jobs"), "12,000 jobs");
    }

    #[test]
    fn durations_have_two_parts() {
        assert_eq!(duration(-5), "0s");
        assert_eq!(duration(42), "42s");
        assert_eq!(duration(187), "3m 07s");
        assert_eq!(duration(19_200), "5h 20m");
        assert_eq!(duration(183_600), "2d 03h");
    }
}
