//! What gives credentials in the cloud, as small servers: STS, the metadata service of an instance, and
//! the token service of GitHub.

use std::time::Duration;

use data_encoding::HEXLOWER;
use hmac::{Hmac, KeyInit, Mac};
use jiff::Timestamp;
use jiff::tz::Offset;
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::raw::{RawServer, Reply, answer, header};

/// The key pair that STS knows, and that no output may show.
pub const SIGNER: (&str, &str) = ("AKIDsigner", "canary-signer-key");

/// What STS takes for a role.
pub const OIDC_TOKEN: &str = "canary.oidc.token";

/// The role that STS knows.
pub const ROLE: &str = "qcs::cam::uin/100000000001:roleName/batch-jobs";

/// An STS that gives the key pair of the embedded service for as long as `lifetime`, to callers that
/// sign as it asks or bring [`OIDC_TOKEN`]. Its tokens name the moment of their end.
pub async fn sts(lifetime: Duration) -> RawServer {
    sts_with(move |_, request| issue(request, lifetime)).await
}

/// An STS that answers the n-th call as `respond` says.
pub async fn sts_with(
    respond: impl Fn(usize, &str) -> String + Clone + Send + 'static,
) -> RawServer {
    RawServer::start(move |number, request| {
        Reply::Bytes(answer("200 OK", "", &respond(number, request)))
    })
    .await
}

/// The answer of STS to a call.
pub fn issue(request: &str, lifetime: Duration) -> String {
    let (_, body) = request.split_once("\r\n\r\n").unwrap();
    let asked: Value = serde_json::from_str(body).unwrap();
    let authorization = header(request, "authorization").unwrap();
    let is_trusted = match header(request, "x-tc-action").unwrap().as_str() {
        "AssumeRole" => authorization == signature(request, body),
        "AssumeRoleWithWebIdentity" => {
            authorization == "SKIP"
                && asked["WebIdentityToken"] == OIDC_TOKEN
                && asked["ProviderId"] == "provider"
        }
        _ => false,
    };
    if !is_trusted || asked["RoleArn"] != ROLE {
        return refusal("AuthFailure.UnauthorizedOperation", "you are not trusted");
    }
    let end = Timestamp::now() + lifetime;
    let token = format!("canary-until-{}", end.as_millisecond());
    format!(
        r#"{{"Response":{{"Credentials":{{"Token":"{token}","TmpSecretId":"stocktake-local","TmpSecretKey":"stocktake-local"}},"Expiration":"{end}","RequestId":"r"}}}}"#
    )
}

/// Whether the token of a request holds by now.
pub fn token_holds(request: &str) -> bool {
    let token = header(request, "x-ci-security-token").unwrap();
    let end: i64 = token
        .strip_prefix("canary-until-")
        .unwrap()
        .parse()
        .unwrap();
    Timestamp::now().as_millisecond() < end
}

/// An error of STS.
pub fn refusal(code: &str, message: &str) -> String {
    format!(
        r#"{{"Response":{{"Error":{{"Code":"{code}","Message":"{message}"}},"RequestId":"r"}}}}"#
    )
}

/// The metadata service of an instance with the role `batch`.
pub async fn metadata() -> RawServer {
    RawServer::start(|_, request| {
        let path = request.split(' ').nth(1).unwrap();
        let body = match path.strip_prefix("/latest/meta-data/cam/security-credentials/") {
            Some("") => "batch",
            Some("batch") => {
                r#"{"TmpSecretId":"stocktake-local","TmpSecretKey":"stocktake-local","ExpiredTime":4102444800,"Expiration":"2100-01-01T00:00:00Z","Token":"canary-token","Code":"Success"}"#
            }
            _ => return Reply::Bytes(answer("404 Not Found", "", "")),
        };
        Reply::Bytes(answer("200 OK", "", body))
    })
    .await
}

/// The token service of a job of GitHub Actions, opened by `canary-bearer`.
pub async fn github() -> RawServer {
    RawServer::start(|_, request| {
        let is_open = header(request, "authorization").as_deref() == Some("Bearer canary-bearer");
        let is_for_sts = request.starts_with("GET /token?job=1&audience=sts.tencentcloudapi.com ");
        if is_open && is_for_sts {
            let body = format!(r#"{{"count":1,"value":"{OIDC_TOKEN}"}}"#);
            Reply::Bytes(answer("200 OK", "", &body))
        } else {
            Reply::Bytes(answer("401 Unauthorized", "", "canary"))
        }
    })
    .await
}

/// The `Authorization` of [`SIGNER`] for a request, by the rules of the API's page on signatures.
fn signature(request: &str, body: &str) -> String {
    let value = |name| header(request, name).unwrap();
    let time = value("x-tc-timestamp");
    let moment = Timestamp::from_second(time.parse().unwrap()).unwrap();
    let distance = moment.duration_until(Timestamp::now()).unsigned_abs();
    assert!(distance < Duration::from_mins(5), "signed at {time}");
    let date = Offset::UTC.to_datetime(moment).date().to_string();
    let names = "content-type;host;x-tc-action";
    let line = |name| format!("{name}:{}\n", value(name).to_lowercase());
    let headers: String = names.split(';').map(line).collect();
    let hash = |text: &str| HEXLOWER.encode(&Sha256::digest(text));
    let canonical = format!("POST\n/\n\n{headers}\n{names}\n{}", hash(body));
    let scope = format!("{date}/sts/tc3_request");
    let to_sign = format!("TC3-HMAC-SHA256\n{time}\n{scope}\n{}", hash(&canonical));
    let (id, key) = SIGNER;
    let mut signing = format!("TC3{key}").into_bytes();
    for part in [date.as_str(), "sts", "tc3_request", &to_sign] {
        let mut mac = Hmac::<Sha256>::new_from_slice(&signing).unwrap();
        mac.update(part.as_bytes());
        signing = mac.finalize().into_bytes().to_vec();
    }
    let signature = HEXLOWER.encode(&signing);
    format!("TC3-HMAC-SHA256 Credential={id}/{scope}, SignedHeaders={names}, Signature={signature}")
}
