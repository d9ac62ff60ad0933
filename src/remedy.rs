//! What to do about each error code of the service: one table for everything that shows one.

use crate::api::client::CallError;

/// A code and the service's number for it, and the way out. Where a message tells two causes of a code apart, it stands with the code.
const REMEDIES: [(&[&str], &str); 20] = [
    (
        &["MediaBucketUnBinded", "1111"],
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
        &["WriteTargetBucketDenied", "1124", "ResourceAccessDenied"],
        "give the role CI_QCSRole the policy QcloudCOSDataFullControl for the bucket, at \
         https://console.cloud.tencent.com/cam/role",
    ),
    (
        &[
            "AccessDenied",
            "1018",
            "AccessForbidden",
            "NoProcessAuthority",
        ],
        "attach the policy that `stocktake doctor` prints to the user or role of these credentials, at \
         https://console.cloud.tencent.com/cam/policy; the role CI_QCSRole needs its own policies as well",
    ),
    (
        &["InvalidAccessKeyId", "SecretidNotExist", "1019"],
        "the SecretId is not known: copy it again, and see that it is enabled, at \
         https://console.cloud.tencent.com/cam/capi",
    ),
    (
        &[
            "SignatureDoesNotMatch",
            "InvalidAuthorization",
            "1013",
            "MissingAuthorization",
            "1012",
        ],
        "the SecretKey does not belong to the SecretId: copy both again, at \
         https://console.cloud.tencent.com/cam/capi",
    ),
    (
        &["ExpiredToken"],
        "these temporary credentials have ended: get new ones, or name a source that renews them \
         (docs/credentials.md)",
    ),
    (&["RequestTimeTooSkewed", "SignatureExpired", "1014"], CLOCK),
    (
        &["NoSuchBucket", "InvalidHost", "1017"],
        "there is no such bucket in this region: compare `bucket` (its name with the APPID) and `region` \
         of the target with https://console.cloud.tencent.com/cos/bucket",
    ),
    (
        &["PaymentRequired"],
        "the account is in arrears: https://console.cloud.tencent.com/expense/recharge",
    ),
    (
        &["SlowDown", "1020"],
        "set a lower `rate` for the target: the account has a limit of requests a second",
    ),
    (
        &["ActiveWorkflowForbiddenUpdate", "1114"],
        "pause the workflow first: an active one cannot be changed",
    ),
    (
        &["QueueNotFound", "1106", "TemplateNotFound", "1107"],
        "compare the workflow with https://console.cloud.tencent.com/ci/bucket, the bucket, Tasks and Workflows",
    ),
    (
        &[
            "InvalidArgument",
            "1015",
            "InvalidUrl",
            "1010",
            "InvalidContent",
            "1011",
            "MissingContent",
            "1016",
            "InvalidContentType",
            "1021",
        ],
        "the message names what the service does not take; `stocktake render KEY` shows the request",
    ),
    (
        &["ResourceNotFound", "1103", "NoSuchKey"],
        "see that the object or list of `input` and the workflow are in this bucket; \
         `stocktake doctor` looks for both",
    ),
    (
        &["BucketAlreadyBinded", "1100"],
        "nothing: the bucket is bound already; `stocktake doctor` says whether it is ready",
    ),
    (
        &["TemplateNameDuplicate", "1112"],
        "give the template another name: names are unique in a bucket",
    ),
    (
        &[
            "BindedBucketNumLimit",
            "1109",
            "CreatedTemplateNumLimit",
            "1110",
            "WorkFlowNumLimit",
            "1120",
            "QueueNumLimit",
            "1145",
        ],
        "the account has its limit of these: delete one that is not used at \
         https://console.cloud.tencent.com/ci, or ask for more at https://console.cloud.tencent.com/workorder",
    ),
    (
        &["InternalError", "1007"],
        "the service has a problem of its own: try again later; its support asks for the request id, which \
         `stocktake -v` shows",
    ),
];

/// The way out of a clock that is off.
pub(crate) const CLOCK: &str = "set the clock of this machine: `timedatectl set-ntp true`, or the time of the host of a container";

/// What to do about an error of the service.
pub(crate) fn of(code: &str, message: &str) -> Option<&'static str> {
    // The service has one code for two causes.
    if matches!(code, "AccessDenied" | "1018") && message.contains("expired") {
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

    /// The codes of the service's table with their numbers.
    #[test]
    fn a_code_and_its_number_have_the_same_remedy() {
        let codes = [
            ("InternalError", "1007"),
            ("InvalidUrl", "1010"),
            ("InvalidContent", "1011"),
            ("MissingAuthorization", "1012"),
            ("InvalidAuthorization", "1013"),
            ("SignatureExpired", "1014"),
            ("InvalidArgument", "1015"),
            ("MissingContent", "1016"),
            ("InvalidHost", "1017"),
            ("AccessDenied", "1018"),
            ("SecretidNotExist", "1019"),
            ("SlowDown", "1020"),
            ("InvalidContentType", "1021"),
            ("BucketAlreadyBinded", "1100"),
            ("ResourceNotFound", "1103"),
            ("QueueNotFound", "1106"),
            ("TemplateNotFound", "1107"),
            ("BindedBucketNumLimit", "1109"),
            ("CreatedTemplateNumLimit", "1110"),
            ("MediaBucketUnBinded", "1111"),
            ("TemplateNameDuplicate", "1112"),
            ("ActiveWorkflowForbiddenUpdate", "1114"),
            ("WorkFlowNumLimit", "1120"),
            ("WriteTargetBucketDenied", "1124"),
            ("QueueNumLimit", "1145"),
        ];
        for (code, number) in codes {
            assert!(of(code, "").is_some(), "{code}");
            assert_eq!(of(code, ""), of(number, ""), "{code}");
        }
    }

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
        assert_eq!(of("1018", "Request has expired"), Some(CLOCK));
        assert_eq!(of("Unheard", ""), None);
    }
}
