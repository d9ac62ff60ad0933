//! What to do about each error code of the service: one table for everything that shows one.

use crate::api::client::CallError;

/// A code, and the way out. Where a message tells two causes of a code apart, it stands with the code.
const REMEDIES: [(&[&str], &str); 14] = [
    (
        &["MediaBucketUnBinded"],
        "bind the bucket to media processing: `POST /mediabucket` on its ci host, or \
         https://console.cloud.tencent.com/ci/bucket, the bucket, Media Processing, Enable",
    ),
    (
        &["PicBucketUnBinded"],
        "bind the bucket to image processing: `POST /picbucket` on its ci host, or \
         https://console.cloud.tencent.com/ci/bucket, the bucket, Image Processing, Enable",
    ),
    (
        &["CIRoleNotExist"],
        "let Cloud Infinite use the bucket: create its service role CI_QCSRole at \
         https://console.cloud.tencent.com/cam/role, Create role, Tencent Cloud service, Cloud Infinite",
    ),
    (
        &["WriteTargetBucketDenied", "ResourceAccessDenied"],
        "give the role CI_QCSRole the policy QcloudCOSDataFullControl for the bucket, at \
         https://console.cloud.tencent.com/cam/role",
    ),
    (
        &["AccessDenied", "AccessForbidden", "NoProcessAuthority"],
        "attach the policy that `stocktake doctor` prints to the user or role of these credentials, at \
         https://console.cloud.tencent.com/cam/policy; the role CI_QCSRole needs its own policies as well",
    ),
    (
        &["InvalidAccessKeyId", "SecretidNotExist"],
        "the SecretId is not known: copy it again, and see that it is enabled, at \
         https://console.cloud.tencent.com/cam/capi",
    ),
    (
        &[
            "SignatureDoesNotMatch",
            "InvalidAuthorization",
            "MissingAuthorization",
        ],
        "the SecretKey does not belong to the SecretId: copy both again, at \
         https://console.cloud.tencent.com/cam/capi",
    ),
    (
        &["ExpiredToken"],
        "these temporary credentials have ended: get new ones, or name a source that renews them \
         (docs/credentials.md)",
    ),
    (&["RequestTimeTooSkewed", "SignatureExpired"], CLOCK),
    (
        &["NoSuchBucket", "InvalidHost"],
        "there is no such bucket in this region: compare `bucket` (its name with the APPID) and `region` \
         of the target with https://console.cloud.tencent.com/cos/bucket",
    ),
    (
        &["PaymentRequired"],
        "the account is in arrears: https://console.cloud.tencent.com/expense/recharge",
    ),
    (
        &["SlowDown"],
        "set a lower `rate` for the target: the account has a limit of requests a second",
    ),
    (
        &["ActiveWorkflowForbiddenUpdate"],
        "pause the workflow first: an active one cannot be changed",
    ),
    (
        &["QueueNotFound", "TemplateNotFound", "WorkFlowNumLimit"],
        "compare the workflow with https://console.cloud.tencent.com/ci/bucket, the bucket, Tasks and Workflows",
    ),
];

/// The way out of a clock that is off.
pub(crate) const CLOCK: &str = "set the clock of this machine: `timedatectl set-ntp true`, or the time of the host of a container";

/// What to do about an error of the service.
pub(crate) fn of(code: &str, message: &str) -> Option<&'static str> {
    // The service has one code for two causes.
    if code == "AccessDenied" && message.contains("expired") {
        return Some(CLOCK);
    }
    let known = REMEDIES.iter().find(|(codes, _)| codes.contains(&code));
    known.map(|(_, remedy)| *remedy)
}

/// What to do about a call that failed, if it is an error of the service.
pub(crate) fn of_call(error: &CallError) -> Option<&'static str> {
    match error {
        CallError::Service { error, .. } => of(&error.code, &error.message),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::{CLOCK, REMEDIES, of};

    #[test]
    fn a_code_has_one_remedy_and_an_expired_signature_is_a_matter_of_the_clock() {
        let codes: Vec<&str> = REMEDIES
            .iter()
            .flat_map(|(codes, _)| *codes)
            .copied()
            .collect();
        let once: HashSet<&str> = codes.iter().copied().collect();
        assert_eq!(once.len(), codes.len());
        assert_eq!(of("AccessDenied", "Request has expired"), Some(CLOCK));
        assert_ne!(of("AccessDenied", "no"), Some(CLOCK));
        assert_eq!(of("Unheard", ""), None);
    }
}
