//! Every link gives credentials that the service takes, and is named in the log.

use std::time::Duration;

use jiff::Timestamp;
use jiff::fmt::rfc2822::DateTimePrinter;

use super::{call, far, with_role, words};
use crate::support::cloud::{self, OIDC_TOKEN, ROLE, SIGNER, refusal};
use crate::support::raw::{RawServer, Reply, answer, header};
use crate::support::text::assert_contains;
use crate::support::workspace::{Run, Workspace};

const LIFETIME: Duration = Duration::from_hours(2);

/// The service took the credentials, and nothing that was said holds a secret.
#[track_caller]
fn taken(run: &Run, source: &str) {
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    let named = format!("source={source} ");
    assert!(run.stderr.contains(&named), "no {named} in {}", run.stderr);
    assert!(!run.stderr.contains("canary"), "{}", run.stderr);
}

fn profile(workspace: &Workspace, text: &str) {
    workspace.write(".tccli/default.credential", text);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pair_in_the_environment_without_what_was_pasted_around_it() {
    let (workspace, _serve) = far(|target| target);
    let run = call(
        &workspace,
        &[
            ("TENCENTCLOUD_SECRET_ID", "stocktake-local"),
            ("TENCENTCLOUD_SECRET_KEY", "\u{feff}\"stocktake-local\"\r\n"),
        ],
    );
    taken(&run, "TENCENTCLOUD_SECRET_ID and TENCENTCLOUD_SECRET_KEY");
    let warning = "TENCENTCLOUD_SECRET_KEY: removed white space and quotation marks and a byte order mark around the value";
    assert!(words(&run.stderr).contains(warning), "{}", run.stderr);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_process() {
    let (workspace, _serve) = far(|target| target);
    let document = r#"{"SecretId":"stocktake-local","SecretKey":"stocktake-local","Token":"canary","Expiration":"2100-01-01T00:00:00Z"}"#;
    workspace.write("credentials.json", document);
    let variables = [(
        "STOCKTAKE_CREDENTIAL_PROCESS",
        "echo canary >&2; cat credentials.json",
    )];
    taken(
        &call(&workspace, &variables),
        "STOCKTAKE_CREDENTIAL_PROCESS",
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_profile_and_one_of_a_login() {
    let (workspace, _serve) = far(|target| target);
    let home = workspace.path().join(".tccli/default.credential");
    let source = format!("the profile {}", home.display());
    profile(
        &workspace,
        r#"{"secretId":"stocktake-local","secretKey":" stocktake-local"}"#,
    );
    let run = call(&workspace, &[]);
    taken(&run, &source);
    let warning = "default.credential, secretKey: removed white space around the value";
    assert!(words(&run.stderr).contains(warning), "{}", run.stderr);
    profile(
        &workspace,
        r#"{"type":"oauth","secretId":"stocktake-local","secretKey":"stocktake-local","token":"canary","expiresAt":4102444800}"#,
    );
    taken(&call(&workspace, &[]), &source);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_role_that_a_profile_or_the_environment_takes() {
    let (workspace, _serve) = far(|target| target);
    let sts = cloud::sts(LIFETIME).await;
    let endpoint = format!("http://{}", sts.address);
    let (id, key) = SIGNER;
    let keys = format!(r#""secretId":"{id}","secretKey":"{key}","role-session-name":"me""#);
    profile(&workspace, &format!(r#"{{{keys},"role-arn":"{ROLE}"}}"#));
    let home = workspace.path().join(".tccli/default.credential");
    let sts_endpoint = ("STOCKTAKE_STS_ENDPOINT", endpoint.as_str());
    let source = format!("the profile {}", home.display());
    taken(&call(&workspace, &[sts_endpoint]), &source);
    assert!(sts.requests()[0].contains(r#""RoleSessionName":"me""#));
    let pair = [
        ("TENCENTCLOUD_SECRET_ID", id),
        ("TENCENTCLOUD_SECRET_KEY", key),
        ("TENCENTCLOUD_ASSUME_ROLE_ARN", ROLE),
        sts_endpoint,
    ];
    let source = format!("TENCENTCLOUD_SECRET_ID and TENCENTCLOUD_SECRET_KEY, for the role {ROLE}");
    taken(&call(&workspace, &pair), &source);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_file_of_tke() {
    let (workspace, _serve) = far(|target| target);
    let sts = cloud::sts(LIFETIME).await;
    let endpoint = format!("http://{}", sts.address);
    let token = workspace.write("token", &format!("{OIDC_TOKEN}\n"));
    let variables = [
        ("TKE_REGION", "ap-beijing"),
        ("TKE_PROVIDER_ID", "provider"),
        ("TKE_WEB_IDENTITY_TOKEN_FILE", token.to_str().unwrap()),
        ("TKE_ROLE_ARN", ROLE),
        ("STOCKTAKE_STS_ENDPOINT", &endpoint),
    ];
    let source = format!("the OIDC token in {}, for the role {ROLE}", token.display());
    taken(&call(&workspace, &variables), &source);
    let request = &sts.requests()[0];
    assert!(request.contains("x-tc-region: ap-beijing\r\n"), "{request}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_oidc_tokens_of_github_and_gitlab() {
    let (workspace, _serve) = far(with_role);
    let (sts, github) = (cloud::sts(LIFETIME).await, cloud::github().await);
    let endpoint = format!("http://{}", sts.address);
    let url = format!("http://{}/token?job=1", github.address);
    let variables = [
        ("ACTIONS_ID_TOKEN_REQUEST_URL", url.as_str()),
        ("ACTIONS_ID_TOKEN_REQUEST_TOKEN", "canary-bearer"),
        ("STOCKTAKE_STS_ENDPOINT", &endpoint),
    ];
    let source = format!("the OIDC token of GitHub Actions, for the role {ROLE}");
    taken(&call(&workspace, &variables), &source);
    let variables = [
        ("STOCKTAKE_ID_TOKEN", OIDC_TOKEN),
        ("STOCKTAKE_STS_ENDPOINT", &endpoint),
    ];
    let source = format!("the OIDC token in STOCKTAKE_ID_TOKEN, for the role {ROLE}");
    taken(&call(&workspace, &variables), &source);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_role_of_the_instance_with_the_consent_of_a_pipeline() {
    let (workspace, _serve) = far(|target| target.set("role", "instance"));
    let metadata = cloud::metadata().await;
    let endpoint = format!("http://{}", metadata.address);
    let source = "the role of this instance, from metadata.tencentyun.com";
    let place = ("STOCKTAKE_METADATA_ENDPOINT", endpoint.as_str());
    taken(&call(&workspace, &[place]), source);
    let asked = metadata.requests().len();
    let run = call(&workspace, &[place, ("CI", "true")]).expect(1);
    assert_contains(&run.stderr, "STOCKTAKE_ALLOWED_HOSTS");
    assert_eq!(
        metadata.requests().len(),
        asked,
        "a request may not have it"
    );
    let consent = (
        "STOCKTAKE_ALLOWED_HOSTS",
        "metadata.tencentyun.com, 127.0.0.1, demo-1250000000",
    );
    taken(&call(&workspace, &[place, ("CI", "true"), consent]), source);
}

#[tokio::test(flavor = "multi_thread")]
async fn sts_tells_the_time_to_a_clock_that_is_off() {
    let (workspace, _serve) = far(|target| target);
    let ahead = Timestamp::now() + Duration::from_hours(1);
    let date = DateTimePrinter::new()
        .timestamp_to_rfc9110_string(&ahead)
        .unwrap();
    let date = format!("Date: {date}\r\n");
    let sts = RawServer::start(move |number, _| {
        let body = match number {
            0 => refusal("AuthFailure.SignatureExpire", "too old"),
            _ => credentials_at(ahead),
        };
        Reply::Bytes(answer("200 OK", &date, &body))
    })
    .await;
    let endpoint = format!("http://{}", sts.address);
    let variables = [
        ("TENCENTCLOUD_SECRET_ID", SIGNER.0),
        ("TENCENTCLOUD_SECRET_KEY", SIGNER.1),
        ("TENCENTCLOUD_ROLE_ARN", ROLE),
        ("STOCKTAKE_STS_ENDPOINT", &endpoint),
    ];
    call(&workspace, &variables).expect(0);
    let times: Vec<i64> = sts
        .requests()
        .iter()
        .map(|request| header(request, "x-tc-timestamp").unwrap().parse().unwrap())
        .collect();
    assert_eq!(times.len(), 2);
    assert_eq!(times[1], ahead.as_second());
}

/// Credentials for an hour from then on.
fn credentials_at(moment: Timestamp) -> String {
    let end = moment + Duration::from_hours(1);
    format!(
        r#"{{"Response":{{"Credentials":{{"Token":"canary","TmpSecretId":"stocktake-local","TmpSecretKey":"stocktake-local"}},"ExpiredTime":{},"RequestId":"r"}}}}"#,
        end.as_second()
    )
}
