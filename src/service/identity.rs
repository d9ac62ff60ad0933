//! Ids in the forms in which the real service gives them.

use data_encoding::BASE64;
use jiff::Timestamp;
use uuid::Uuid;

use crate::api::name::{JobId, NameError};

/// The id of a batch job: `b` and a time-based UUID.
pub(super) fn job_id() -> Result<JobId, NameError> {
    JobId::new(&format!("b{}", time_based()))
}

/// The id of one run of a workflow: `i` and a time-based UUID.
pub(super) fn run_id() -> String {
    format!("i{}", time_based())
}

/// The id of a call: base64 of the time and some random digits.
pub(super) fn request_id() -> String {
    let now = u32::try_from(Timestamp::now().as_second()).unwrap_or_default();
    let (high, low) = Uuid::new_v4().as_u64_pair();
    let text = format!(
        "{now:08x}_{:08x}_{:x}_{:x}",
        high >> 32,
        low & 0xffff,
        low >> 48
    );
    BASE64.encode(text.as_bytes())
}

/// Version 1, with a random node as RFC 9562 allows: no network address of this machine leaves it.
fn time_based() -> uuid::fmt::Simple {
    let random = Uuid::new_v4().into_bytes();
    let [first, second, third, fourth, fifth, sixth, ..] = random;
    let node = [first | 1, second, third, fourth, fifth, sixth];
    Uuid::now_v1(&node).simple()
}

#[cfg(test)]
mod tests {
    use super::{job_id, request_id, run_id};
    use data_encoding::BASE64;
    use uuid::Uuid;

    #[test]
    fn ids_have_the_documented_forms() {
        let job = job_id().unwrap();
        let uuid = Uuid::parse_str(&job.as_str()[1..]).unwrap();
        assert_eq!((job.as_str().len(), uuid.get_version_num()), (33, 1));
        assert!(job.as_str().starts_with('b') && run_id().starts_with('i'));
        assert_ne!(job, job_id().unwrap());
        let request = BASE64.decode(request_id().as_bytes()).unwrap();
        let request = String::from_utf8(request).unwrap();
        let fields: Vec<&str> = request.split('_').collect();
        assert_eq!(fields.len(), 4, "{request}");
        let seconds = i64::from_str_radix(fields[0], 16).unwrap();
        assert!((jiff::Timestamp::now().as_second() - seconds).abs() < 60);
    }
}
