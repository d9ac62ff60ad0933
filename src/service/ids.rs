//! Ids in the forms in which the real service gives them.

use data_encoding::{BASE64, HEXLOWER};
use jiff::Timestamp;
use uuid::Uuid;
use uuid::fmt::Simple;

use crate::api::name::{JobId, WorkflowId};

/// The id of a batch job: `b` and a time-based UUID.
#[expect(
    clippy::expect_used,
    reason = "a letter and 32 hexadecimal digits are such an id"
)]
pub(super) fn job_id() -> JobId {
    JobId::new(&time_based('b')).expect("a letter and hexadecimal digits")
}

/// The id of one run of a workflow: `i` and a time-based UUID.
pub(super) fn run_id() -> String {
    time_based('i')
}

/// The id of one node's task in a run: `j` and a time-based UUID.
pub(super) fn task_id() -> String {
    time_based('j')
}

/// The id of a workflow: `w` and a random UUID.
#[expect(
    clippy::expect_used,
    reason = "a letter and 32 hexadecimal digits are such an id"
)]
pub(super) fn workflow_id() -> WorkflowId {
    let id = format!("w{}", Uuid::new_v4().simple());
    WorkflowId::new(&id).expect("a letter and hexadecimal digits")
}

/// The id of a call: base64 of the time and some random digits.
#[expect(clippy::expect_used, reason = "the clock is between 1970 and 2106")]
pub(super) fn request_id() -> String {
    let now = u32::try_from(Timestamp::now().as_second()).expect("a time between 1970 and 2106");
    let random = Uuid::new_v4().into_bytes();
    let mut text = [b'_'; 27];
    HEXLOWER.encode_mut(&now.to_be_bytes(), &mut text[..8]);
    HEXLOWER.encode_mut(&random[..4], &mut text[9..17]);
    HEXLOWER.encode_mut(&random[14..], &mut text[18..22]);
    HEXLOWER.encode_mut(&random[8..10], &mut text[23..]);
    BASE64.encode(&text)
}

/// A letter and a UUID of version 1, with a random node as RFC 9562 allows: no network address of
/// this machine leaves it.
fn time_based(letter: char) -> String {
    let random = Uuid::new_v4().into_bytes();
    let [first, second, third, fourth, fifth, sixth, ..] = random;
    let node = [first | 1, second, third, fourth, fifth, sixth];
    let id = Uuid::now_v1(&node).simple();
    let mut text = String::with_capacity(1 + Simple::LENGTH);
    text.push(letter);
    text.push_str(id.encode_lower(&mut Uuid::encode_buffer()));
    text
}

#[cfg(test)]
mod tests {
    use super::{job_id, request_id, run_id};
    use data_encoding::BASE64;
    use uuid::Uuid;

    #[test]
    fn ids_have_the_documented_forms() {
        let job = job_id();
        let uuid = Uuid::parse_str(&job.as_str()[1..]).unwrap();
        assert_eq!((job.as_str().len(), uuid.get_version_num()), (33, 1));
        assert!(job.as_str().starts_with('b') && run_id().starts_with('i'));
        assert_ne!(job, job_id());
        let request = BASE64.decode(request_id().as_bytes()).unwrap();
        let request = String::from_utf8(request).unwrap();
        let fields: Vec<&str> = request.split('_').collect();
        assert_eq!(fields.len(), 4, "{request}");
        let seconds = i64::from_str_radix(fields[0], 16).unwrap();
        assert!((jiff::Timestamp::now().as_second() - seconds).abs() < 60);
    }
}
