//! Messages of jobs and runs.

/// The longest message of a job or a run, in bytes. What it quotes, such as a key or a line of a list,
/// may be longer than anybody reads.
const MESSAGE_LIMIT: usize = 2048;

/// The message, cut where it is too long.
pub(super) fn cut(mut message: String) -> String {
    if message.len() > MESSAGE_LIMIT {
        message.truncate(message.floor_char_boundary(MESSAGE_LIMIT - "…".len()));
        message.push('…');
    }
    message
}

#[cfg(test)]
mod tests {
    use super::{MESSAGE_LIMIT, cut};

    #[test]
    fn long_messages_are_cut_between_characters() {
        let short = "视".repeat(MESSAGE_LIMIT / 3);
        assert_eq!(cut(short.clone()), short);
        let long = cut("视".repeat(MESSAGE_LIMIT));
        assert!(long.len() <= MESSAGE_LIMIT && long.ends_with("视…"));
    }
}
