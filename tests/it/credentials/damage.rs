//! Every link damaged, half set, ended, out of reach, slow or answering nonsense: an error that names
//! the link, soon, and no secret anywhere.

use std::fs;
use std::os::unix::ffi::OsStringExt as _;
use std::time::{Duration, Instant};

use super::{call, far, with_role, words};
use crate::support::cloud::{OIDC_TOKEN, ROLE, SIGNER, refusal, sts_with};
use crate::support::raw::{RawServer, Reply, answer};
use crate::support::workspace::{Run, Workspace};

const SOON: Duration = Duration::from_secs(20);

#[track_caller]
fn refused(run: Run, expected: &str) {
    let run = run.expect(1);
    assert!(
        words(&run.stderr).contains(expected),
        "no `{expected}` in {}",
        run.stderr
    );
    assert!(!run.stderr.contains("canary"), "{}", run.stderr);
    assert_eq!(run.stdout, "");
}

#[tokio::test(flavor = "multi_thread")]
async fn variables() {
    let (workspace, _serve) = far(|target| target);
    let table: [(&[(&str, &str)], &str); 5] = [
        (
            &[("TENCENTCLOUD_SECRET_ID", "canary")],
            "TENCENTCLOUD_SECRET_KEY is not",
        ),
        (
            &[("TENCENTCLOUD_SECRET_KEY", "canary")],
            "TENCENTCLOUD_SECRET_ID is not",
        ),
        (
            &[("TENCENTCLOUD_TOKEN", "canary")],
            "TENCENTCLOUD_SECRET_ID and TENCENTCLOUD_SECRET_KEY are not",
        ),
        (
            &[
                ("TENCENTCLOUD_SECRET_ID", "canary"),
                ("TENCENTCLOUD_SECRET_KEY", "can\nary"),
            ],
            "TENCENTCLOUD_SECRET_KEY: its character 4 is U+000A (line feed)",
        ),
        (
            &[("TENCENTCLOUD_SECRET_ID", " ")],
            "TENCENTCLOUD_SECRET_ID: it holds nothing but white space",
        ),
    ];
    for (variables, expected) in table {
        refused(call(&workspace, variables), expected);
    }
    let mut command = workspace.command(&["-t", "far", "adopt"]);
    let no_text = std::ffi::OsString::from_vec(b"canary\xff".to_vec());
    command.env("TENCENTCLOUD_SECRET_ID", no_text);
    let run = tokio::task::block_in_place(|| Run::of(&mut command));
    refused(run, "TENCENTCLOUD_SECRET_ID: its value is not UTF-8");
    refused(
        call(&workspace, &[("TCCLI_PROFILE", "gone")]),
        "TCCLI_PROFILE: it names a profile",
    );
    refused(
        call(&workspace, &[]),
        "no credentials: TENCENTCLOUD_SECRET_ID and",
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_key_of_the_embedded_service() {
    let workspace = Workspace::small();
    let mut command = workspace.command(&["serve"]);
    command.env("STOCKTAKE_SERVE_SECRET_ID", "canary");
    let run = tokio::task::block_in_place(|| Run::of(&mut command));
    refused(run, "STOCKTAKE_SERVE_SECRET_KEY is not");
}

#[tokio::test(flavor = "multi_thread")]
async fn processes() {
    let (workspace, _serve) = far(|target| target);
    let table = [
        (
            "echo canary; echo canary >&2; exit 3",
            "its command ended with exit status: 3",
        ),
        (
            "exec no-such-canar\\y",
            "its command ended with exit status: 127",
        ),
        ("echo canary", "it gave no credentials as JSON (line 1"),
        (
            r#"echo '{"SecretId":"canary"}'"#,
            "its answer lacks a SecretId or a SecretKey",
        ),
        (
            r#"echo '{"SecretId":"canary","SecretKey":"canary","Expiration":"2001-01-01T00:00:00Z"}'"#,
            "its credentials have ended already",
        ),
        ("cat /dev/zero", "its command printed more than 65536 bytes"),
        (
            "sleep 600 & sleep 600",
            "its command did not end within 10s",
        ),
    ];
    for (command, expected) in table {
        let begun = Instant::now();
        let run = call(&workspace, &[("STOCKTAKE_CREDENTIAL_PROCESS", command)]);
        refused(run, &format!("STOCKTAKE_CREDENTIAL_PROCESS: {expected}"));
        assert!(begun.elapsed() < SOON);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn profiles() {
    let (workspace, _serve) = far(|target| target);
    let path = ".tccli/default.credential";
    let table = [
        ("canary", "it is no profile as JSON (line 1, column 1)"),
        (r#"{"secretId":"canary"}"#, "it has no secretKey"),
        (r#"{"use-cvm-role":true}"#, "the role of the instance"),
        (
            r#"{"type":"sso","secretId":"canary","secretKey":"canary","expiresAt":1}"#,
            "its login has ended",
        ),
    ];
    for (text, expected) in table {
        workspace.write(path, text);
        let run = call(&workspace, &[]);
        refused(run, expected);
    }
    fs::remove_file(workspace.path().join(path)).unwrap();
    fs::create_dir(workspace.path().join(path)).unwrap();
    refused(call(&workspace, &[]), "it is not a regular file");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_sts_that_refuses_talks_nonsense_or_hangs() {
    let (workspace, _serve) = far(with_role);
    let echo = |_: usize, request: &str| {
        let (_, body) = request.split_once("\r\n\r\n").unwrap();
        refusal("AuthFailure", &body.replace('"', " "))
    };
    let nonsense = |_: usize, _: &str| "<html>canary".to_owned();
    let ended = |_: usize, _: &str| {
        r#"{"Response":{"Credentials":{"Token":"canary","TmpSecretId":"canary","TmpSecretKey":"canary"},"ExpiredTime":1}}"#.to_owned()
    };
    let refusing = [
        (sts_with(echo).await, "STS refuses"),
        (sts_with(nonsense).await, "no credentials as JSON"),
        (sts_with(ended).await, "have ended already"),
        (
            RawServer::start(|_, _| Reply::Silence).await,
            "no answer from STS",
        ),
        (
            RawServer::start(|_, _| Reply::Reset).await,
            "no answer from STS",
        ),
        (
            RawServer::start(|_, _| Reply::Bytes(answer("502 Bad Gateway", "", "canary"))).await,
            "it answered 502 and not as STS does",
        ),
    ];
    let (id, key) = SIGNER;
    for (sts, expected) in &refusing {
        let endpoint = format!("http://{}", sts.address);
        let endpoint = ("STOCKTAKE_STS_ENDPOINT", endpoint.as_str());
        let begun = Instant::now();
        let run = call(&workspace, &[("STOCKTAKE_ID_TOKEN", OIDC_TOKEN), endpoint]);
        refused(run, expected);
        let pair = [
            ("TENCENTCLOUD_SECRET_ID", id),
            ("TENCENTCLOUD_SECRET_KEY", key),
            ("TENCENTCLOUD_ROLE_ARN", ROLE),
            endpoint,
        ];
        refused(call(&workspace, &pair), expected);
        assert!(begun.elapsed() < 2 * SOON);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn addresses_that_would_show_a_secret() {
    let (workspace, _serve) = far(with_role);
    for endpoint in [
        "http://sts.example",
        "https://u:canary@sts.example",
        "canary",
    ] {
        let variables = [
            ("STOCKTAKE_ID_TOKEN", OIDC_TOKEN),
            ("STOCKTAKE_STS_ENDPOINT", endpoint),
        ];
        refused(
            call(&workspace, &variables),
            "STOCKTAKE_STS_ENDPOINT: it is no bare https address",
        );
    }
    let variables = [
        ("ACTIONS_ID_TOKEN_REQUEST_URL", "http://token.example"),
        ("ACTIONS_ID_TOKEN_REQUEST_TOKEN", "canary"),
    ];
    refused(
        call(&workspace, &variables),
        "ACTIONS_ID_TOKEN_REQUEST_URL: it is not https",
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn tokens() {
    let (workspace, _serve) = far(with_role);
    let token = workspace.path().join("token");
    let path = token.to_str().unwrap().to_owned();
    let variables = [("TKE_WEB_IDENTITY_TOKEN_FILE", path.as_str())];
    refused(call(&workspace, &variables), "token: cannot read");
    for (text, expected) in [
        (&b""[..], "it holds nothing but white space"),
        (b"can\0ary", "U+0000 (null)"),
        (b"canary\xff", "it holds no token but other bytes"),
    ] {
        fs::write(&token, text).unwrap();
        refused(call(&workspace, &variables), expected);
    }
    let closed =
        RawServer::start(|_, _| Reply::Bytes(answer("401 Unauthorized", "", "canary"))).await;
    let empty =
        RawServer::start(|_, _| Reply::Bytes(answer("200 OK", "", r#"{"canary":1}"#))).await;
    let hanging = RawServer::start(|_, _| Reply::Silence).await;
    for (server, expected) in [
        (closed, "answered 401"),
        (empty, "answered without a token"),
        (hanging, "no answer within 5s"),
    ] {
        let url = format!("http://{}/token", server.address);
        let variables = [
            ("ACTIONS_ID_TOKEN_REQUEST_URL", url.as_str()),
            ("ACTIONS_ID_TOKEN_REQUEST_TOKEN", "canary"),
        ];
        refused(call(&workspace, &variables), expected);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_metadata_service_that_has_no_role_talks_nonsense_or_hangs() {
    let (workspace, _serve) = far(|target| target.set("role", "instance"));
    let ok = |body: &str| Reply::Bytes(answer("200 OK", "", body));
    let servers = [
        (
            RawServer::start(|_, _| Reply::Silence).await,
            "no answer within 3s",
        ),
        (
            RawServer::start(|_, _| Reply::Close).await,
            "no answer from it",
        ),
        (
            RawServer::start(|_, _| Reply::Bytes(answer("404 Not Found", "", ""))).await,
            "this instance has no role",
        ),
        (
            RawServer::start(move |_, _| ok("../../user-data canary")).await,
            "names no role",
        ),
        (
            RawServer::start(move |_, _| ok("batch")).await,
            "no credentials as JSON",
        ),
        (
            RawServer::start(move |number, _| ok(["batch", r#"{"Code":"Failed"}"#][number])).await,
            "it gives no credentials for the role batch: Failed",
        ),
    ];
    for (server, expected) in servers {
        let endpoint = format!("http://{}", server.address);
        let begun = Instant::now();
        let run = call(&workspace, &[("STOCKTAKE_METADATA_ENDPOINT", &endpoint)]);
        refused(run, expected);
        assert!(begun.elapsed() < SOON);
    }
}
