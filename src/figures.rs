//! Numbers and lengths of time as people read them.

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

/// `42s`, `3m 07s`, `5h 20m`, `2d 03h`.
pub(crate) fn length(seconds: i64) -> String {
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
    use super::{count, grouped, length};

    #[test]
    fn numbers_are_grouped() {
        assert_eq!(grouped(7), "7");
        assert_eq!(grouped(1_234_567), "1,234,567");
        assert_eq!(count(1, "job", "jobs"), "1 job");
        assert_eq!(count(12_000, "job", "jobs"), "12,000 jobs");
    }

    #[test]
    fn lengths_have_two_parts() {
        assert_eq!(length(-5), "0s");
        assert_eq!(length(42), "42s");
        assert_eq!(length(187), "3m 07s");
        assert_eq!(length(19_200), "5h 20m");
        assert_eq!(length(183_600), "2d 03h");
    }
}
