//! Credentials as JSON: what a credential process prints, what STS and the metadata service answer.

use std::time::Duration;

use jiff::Timestamp;
use secrecy::SecretString;
use serde::Deserialize;

use super::cleaning::clean;
use super::error::CredentialError;
use crate::api::credential_provider::IssuedCredentials;
use crate::api::credentials::Credentials;
use crate::diagnostic::Diagnostic;

/// What any of them writes. The names are those of the API, of its command line tool, and plain ones.
#[derive(Deserialize)]
struct Document {
    #[serde(alias = "TmpSecretId", alias = "secretId", rename = "SecretId")]
    secret_id: Option<SecretString>,
    #[serde(alias = "TmpSecretKey", alias = "secretKey", rename = "SecretKey")]
    secret_key: Option<SecretString>,
    #[serde(alias = "token", rename = "Token")]
    token: Option<SecretString>,
    #[serde(rename = "ExpiredTime")]
    expired_time: Option<i64>,
    #[serde(rename = "Expiration")]
    expiration: Option<String>,
    /// As STS nests them.
    #[serde(rename = "Credentials")]
    credentials: Option<Box<Document>>,
    #[serde(rename = "Response")]
    response: Option<Box<Document>>,
    #[serde(rename = "Error")]
    error: Option<ErrorDocument>,
    /// Of the metadata service: `Success`, or what went wrong.
    #[serde(rename = "Code")]
    code: Option<String>,
}

#[derive(Deserialize)]
struct ErrorDocument {
    #[serde(rename = "Code")]
    code: String,
    #[serde(rename = "Message", default)]
    message: String,
}

/// What a document says: credentials, or an error in the words of its writer.
pub(super) enum Said {
    Credentials(IssuedCredentials),
    Refused { code: String, message: String },
}

/// Reads a document of `link` that was written at `now`. Nothing of its text gets into an error.
pub(super) fn read(
    link: &str,
    text: &[u8],
    now: Timestamp,
    warnings: &mut Vec<Diagnostic>,
) -> Result<Said, CredentialError> {
    let text = text.strip_prefix("\u{feff}".as_bytes()).unwrap_or(text);
    let document: Document = serde_json::from_slice(text).map_err(|error| {
        let place = format!("line {}, column {}", error.line(), error.column());
        let problem = format!("it gave no credentials as JSON ({place})");
        CredentialError::new(link, problem)
    })?;
    let outer = document.response.map_or_else(
        || Document {
            response: None,
            ..document
        },
        |response| *response,
    );
    if let Some(error) = outer.error {
        return Ok(Said::Refused {
            code: error.code,
            message: error.message,
        });
    }
    if let Some(code) = outer.code.filter(|code| code != "Success") {
        return Ok(Said::Refused {
            code,
            message: String::new(),
        });
    }
    let ends = ends(link, outer.expired_time, outer.expiration.as_deref())?;
    let keys = outer
        .credentials
        .map_or((outer.secret_id, outer.secret_key, outer.token), |keys| {
            (keys.secret_id, keys.secret_key, keys.token)
        });
    let mut part = |name: &str, value: Option<SecretString>| {
        use secrecy::ExposeSecret as _;
        let value = value.filter(|value| !value.expose_secret().is_empty());
        let link = format!("{link}, {name}");
        let cleaned = value.map(|value| clean(&link, value.expose_secret(), warnings));
        cleaned.transpose()
    };
    let (id, key) = (part("SecretId", keys.0)?, part("SecretKey", keys.1)?);
    let token = part("Token", keys.2)?;
    let (Some(secret_id), Some(secret_key)) = (id, key) else {
        let problem = "its answer lacks a SecretId or a SecretKey";
        return Err(CredentialError::new(link, problem));
    };
    let lifetime = ends.map(|ends| {
        let left = ends.duration_since(now);
        Duration::try_from(left).unwrap_or_default()
    });
    if lifetime.is_some_and(|lifetime| lifetime.is_zero()) {
        return Err(
            CredentialError::new(link, "its credentials have ended already")
                .help("compare the clock of this machine with the real time"),
        );
    }
    Ok(Said::Credentials(IssuedCredentials {
        credentials: Credentials {
            secret_id,
            secret_key: SecretString::from(secret_key),
            token: token.map(SecretString::from),
        },
        lifetime,
    }))
}

fn ends(
    link: &str,
    seconds: Option<i64>,
    text: Option<&str>,
) -> Result<Option<Timestamp>, CredentialError> {
    let unreadable =
        || CredentialError::new(link, "its answer gives no readable time for their end");
    match (seconds, text) {
        (Some(seconds), _) => Timestamp::from_second(seconds)
            .map(Some)
            .map_err(|_| unreadable()),
        (None, Some(text)) => text.parse().map(Some).map_err(|_| unreadable()),
        (None, None) => Ok(None),
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use secrecy::ExposeSecret as _;

    use super::{Said, read};

    fn said(text: &str) -> Result<String, String> {
        let now = Timestamp::from_second(1_543_910_776).unwrap();
        let said = read("LINK", text.as_bytes(), now, &mut Vec::new());
        said.map(|said| match said {
            Said::Credentials(issued) => format!(
                "{} {} {} {:?}",
                issued.credentials.secret_id,
                issued.credentials.secret_key.expose_secret(),
                issued.credentials.token.is_some(),
                issued.lifetime.map(|lifetime| lifetime.as_secs()),
            ),
            Said::Refused { code, message } => format!("refused {code}: {message}"),
        })
        .map_err(|error| error.to_string())
    }

    #[test]
    fn every_form_is_read() {
        let keys = r#""Token":"t","TmpSecretId":"i","TmpSecretKey":"k""#;
        let end = r#""ExpiredTime":1543914376,"Expiration":"2018-12-04T09:06:16Z""#;
        let table = [
            (
                r#"{"SecretId":"i","SecretKey":"k"}"#.to_owned(),
                "i k false None",
            ),
            (
                r#"{"secretId":"i","secretKey":"k","token":""}"#.to_owned(),
                "i k false None",
            ),
            (
                format!(r#"{{"Code":"Success",{keys},{end}}}"#),
                "i k true Some(3600)",
            ),
            (
                format!(r#"{{"Credentials":{{{keys}}},{end}}}"#),
                "i k true Some(3600)",
            ),
            (
                format!(r#"{{"Response":{{"Credentials":{{{keys}}},{end},"RequestId":"r"}}}}"#),
                "i k true Some(3600)",
            ),
            (
                r#"{"SecretId":"i","SecretKey":"k","Expiration":"2018-12-04T09:06:16Z"}"#
                    .to_owned(),
                "i k false Some(3600)",
            ),
            (
                r#"{"Response":{"Error":{"Code":"AuthFailure","Message":"m"},"RequestId":"r"}}"#
                    .to_owned(),
                "refused AuthFailure: m",
            ),
            (r#"{"Code":"Failed"}"#.to_owned(), "refused Failed: "),
        ];
        for (text, expected) in table {
            assert_eq!(said(&text).as_deref(), Ok(expected), "{text}");
        }
    }

    #[test]
    fn nonsense_is_refused_without_its_text() {
        let table = [
            ("", "no credentials as JSON"),
            ("canary", "no credentials as JSON"),
            (r#"{"SecretId":{"canary":1}}"#, "no credentials as JSON"),
            (r#"["canary"]"#, "no credentials as JSON"),
            (
                r#"{"SecretId":"canary"}"#,
                "lacks a SecretId or a SecretKey",
            ),
            (
                r#"{"SecretId":"canary","SecretKey":"canary","Expiration":"canary"}"#,
                "no readable time",
            ),
            (
                r#"{"SecretId":"canary","SecretKey":"canary","ExpiredTime":1}"#,
                "have ended already",
            ),
            (r#"{"SecretId":"canary","SecretKey":"can\nary"}"#, "U+000A"),
        ];
        for (text, expected) in table {
            let error = said(text).unwrap_err();
            assert!(error.starts_with("LINK"), "{error}");
            assert!(error.contains(expected), "{text}: {error}");
            assert!(!error.contains("canary"), "{error}");
        }
    }
}
