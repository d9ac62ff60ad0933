//! A profile of Tencent's command line tool, in all its forms.

use std::path::Path;
use std::time::Duration;

use jiff::Timestamp;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use serde_json::Value;

use super::cleaning::clean;
use super::error::CredentialError;
use super::file;
use super::origin::AssumedRole;
use crate::api::credential_provider::IssuedCredentials;
use crate::api::credentials::Credentials;
use crate::diagnostic::Diagnostic;
use crate::plain_text::printable;

/// The file as the tool writes it.
#[derive(Deserialize)]
struct Document {
    #[serde(rename = "secretId")]
    id: Option<SecretString>,
    #[serde(rename = "secretKey")]
    key: Option<SecretString>,
    token: Option<SecretString>,
    #[serde(rename = "role-arn")]
    role_arn: Option<String>,
    #[serde(rename = "role-session-name")]
    role_session_name: Option<String>,
    /// A boolean, or its word.
    #[serde(rename = "use-cvm-role")]
    use_cvm_role: Option<Value>,
    /// `oauth` or `sso` for what a login has written.
    #[serde(rename = "type")]
    kind: Option<String>,
    #[serde(rename = "expiresAt")]
    expires_at: Option<Value>,
}

/// What a profile says.
pub(super) struct Profile {
    pub(super) issued: IssuedCredentials,
    pub(super) role: Option<AssumedRole>,
}

/// Reads the profile. What is wrong with it is said without any of its content.
pub(super) fn read(
    path: &Path,
    warnings: &mut Vec<Diagnostic>,
) -> Result<Profile, CredentialError> {
    let link = printable(path);
    let text = file::read(&link, path)?;
    parse(&link, &text, Timestamp::now(), warnings)
}

fn parse(
    link: &str,
    text: &[u8],
    now: Timestamp,
    warnings: &mut Vec<Diagnostic>,
) -> Result<Profile, CredentialError> {
    let text = text.strip_prefix("\u{feff}".as_bytes()).unwrap_or(text);
    let document: Document = serde_json::from_slice(text).map_err(|error| {
        let place = format!("line {}, column {}", error.line(), error.column());
        let problem = format!("it is no profile as JSON ({place})");
        CredentialError::new(link, problem).help("write it again with `tccli configure`")
    })?;
    if document.use_cvm_role.as_ref().is_some_and(is_true) {
        let problem = "it asks for the role of the instance, which the target has to allow";
        return Err(CredentialError::new(link, problem)
            .help("write `role = \"instance\"` into the target, or use another profile"));
    }
    let mut part = |name: &str, value: Option<&SecretString>| {
        let value = value.map(SecretString::expose_secret);
        let value = value.filter(|value| !value.is_empty());
        let link = format!("{link}, {name}");
        value.map(|value| clean(&link, value, warnings)).transpose()
    };
    let id = part("secretId", document.id.as_ref())?;
    let key = part("secretKey", document.key.as_ref())?;
    let token = part("token", document.token.as_ref())?;
    let (secret_id, secret_key) = match (id, key) {
        (Some(id), Some(key)) => (id, key),
        (id, _) => {
            let missing = if id.is_some() {
                "secretKey"
            } else {
                "secretId"
            };
            return Err(CredentialError::new(link, format!("it has no {missing}"))
                .help("write it with `tccli configure`, or log in with `tccli auth login`"));
        }
    };
    let lifetime = lifetime(link, &document, now)?;
    let role_arn = document.role_arn.filter(|arn| !arn.is_empty());
    let session = document.role_session_name.filter(|name| !name.is_empty());
    Ok(Profile {
        issued: IssuedCredentials {
            credentials: Credentials {
                secret_id,
                secret_key: SecretString::from(secret_key),
                token: token.map(SecretString::from),
            },
            lifetime,
        },
        role: role_arn.map(|arn| AssumedRole::new(arn, session)),
    })
}

/// How long what a login wrote still holds.
fn lifetime(
    link: &str,
    document: &Document,
    now: Timestamp,
) -> Result<Option<Duration>, CredentialError> {
    let is_login = document.kind.is_some();
    let Some(ends) = document.expires_at.as_ref().filter(|_| is_login) else {
        return Ok(None);
    };
    let seconds = ends.as_i64().or_else(|| ends.as_str()?.parse().ok());
    let ends = seconds.and_then(|seconds| Timestamp::from_second(seconds).ok());
    let Some(ends) = ends else {
        return Err(CredentialError::new(
            link,
            "its expiresAt is no time in Unix seconds",
        ));
    };
    match Duration::try_from(ends.duration_since(now)) {
        Ok(left) if !left.is_zero() => Ok(Some(left)),
        _ => Err(CredentialError::new(link, "its login has ended")
            .help("log in again with `tccli auth login` (or `tccli sso login`)")),
    }
}

fn is_true(value: &Value) -> bool {
    match value {
        Value::Bool(value) => *value,
        Value::String(word) => word.eq_ignore_ascii_case("true"),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::parse;

    fn shown(text: &str) -> Result<String, String> {
        let now = Timestamp::from_second(1000).unwrap();
        let profile = parse("FILE", text.as_bytes(), now, &mut Vec::new());
        profile
            .map(|profile| {
                let issued = profile.issued;
                let role = profile
                    .role
                    .map(|role| format!("{} as {}", role.arn, role.session));
                format!(
                    "{} {} {:?} {role:?}",
                    issued.credentials.secret_id,
                    issued.credentials.token.is_some(),
                    issued.lifetime.map(|lifetime| lifetime.as_secs()),
                )
            })
            .map_err(|error| error.to_string())
    }

    #[test]
    fn every_form_of_a_profile_is_read() {
        let table = [
            (r#"{"secretId":"i","secretKey":"k"}"#, "i false None None"),
            (
                r#"{"secretId":"i","secretKey":"k","token":"t"}"#,
                "i true None None",
            ),
            (
                r#"{"secretId":"i","secretKey":"k","role-arn":"qcs::r","role-session-name":"s"}"#,
                r#"i false None Some("qcs::r as s")"#,
            ),
            (
                r#"{"secretId":"i","secretKey":"k","role-arn":"qcs::r"}"#,
                r#"i false None Some("qcs::r as stocktake")"#,
            ),
            (
                r#"{"type":"oauth","secretId":"i","secretKey":"k","token":"t","expiresAt":1060,"oauth":{"x":1}}"#,
                "i true Some(60) None",
            ),
            (
                r#"{"type":"sso","secretId":"i","secretKey":"k","token":"t","expiresAt":"1060"}"#,
                "i true Some(60) None",
            ),
            (
                "\u{feff}{\"secretId\":\" i\",\"secretKey\":\"k\\r\\n\",\"use-cvm-role\":false}",
                "i false None None",
            ),
        ];
        for (text, expected) in table {
            assert_eq!(shown(text).as_deref(), Ok(expected), "{text}");
        }
    }

    #[test]
    fn a_damaged_profile_is_named_without_its_content() {
        let table = [
            ("canary", "no profile as JSON"),
            (r#"{"secretId":["canary"]}"#, "no profile as JSON (line 1"),
            (r#"{"secretId":"canary"}"#, "it has no secretKey"),
            (
                r#"{"secretKey":"canary","secretId":""}"#,
                "it has no secretId",
            ),
            (r#"{"use-cvm-role":"True"}"#, "the role of the instance"),
            (
                r#"{"type":"sso","secretId":"canary","secretKey":"canary","expiresAt":999}"#,
                "login has ended",
            ),
            (
                r#"{"type":"sso","secretId":"canary","secretKey":"canary","expiresAt":"soon"}"#,
                "no time",
            ),
            (
                r#"{"secretId":"canary","secretKey":"can\u0000ary"}"#,
                "U+0000 (null)",
            ),
        ];
        for (text, expected) in table {
            let error = shown(text).unwrap_err();
            assert!(error.starts_with("FILE"), "{error}");
            assert!(error.contains(expected), "{error}");
            assert!(!error.contains("canary"), "{error}");
        }
    }
}
