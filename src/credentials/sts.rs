//! The two calls of Tencent's Security Token Service that give a role's temporary credentials.

use std::time::Duration;

use hyper::Request;
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, HOST, HeaderName, HeaderValue};
use jiff::Timestamp;
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};

use super::document::{self, Said};
use super::error::CredentialError;
use super::origin::AssumedRole;
use super::tc3::Tc3Request;
use crate::api::client::{HttpAnswer, HttpClient};
use crate::api::credential_provider::IssuedCredentials;
use crate::api::credentials::Credentials;
use crate::diagnostic::Diagnostic;

/// Where STS is reached if nothing else is said. It serves all regions.
pub(super) const ENDPOINT: &str = "https://sts.tencentcloudapi.com";

const VERSION: &str = "2018-08-13";
const REGION: &str = "ap-guangzhou";
const TYPE: &str = "application/json; charset=utf-8";

/// What the SDKs ask for, too.
const DURATION_SECONDS: u32 = 7200;

/// STS did not answer, or with nothing that decides: asking again can help.
const ATTEMPTS: usize = 2;

const DATE_STEP: Duration = Duration::from_secs(1);

/// Its own text in an error is cut here.
const LONGEST_TEXT: usize = 300;

/// Calls to STS for one link of the chain.
pub(super) struct Sts<'a> {
    pub(super) http: &'a HttpClient,
    /// Its address, without a path.
    pub(super) endpoint: &'a str,
    /// The link, which errors name.
    pub(super) link: &'a str,
    pub(super) region: Option<&'a str>,
}

/// One call, and what must not be repeated of it.
struct Call<'a> {
    action: &'static str,
    body: String,
    /// Who signs; a call that brings a token of its own is not signed.
    signer: Option<&'a Credentials>,
    secrets: Vec<&'a str>,
}

impl Sts<'_> {
    /// `AssumeRole`: a role in exchange for a signature.
    pub(super) async fn assume_role(
        &self,
        signer: &Credentials,
        role: &AssumedRole,
        warnings: &mut Vec<Diagnostic>,
    ) -> Result<IssuedCredentials, CredentialError> {
        let mut secrets = vec![signer.secret_key.expose_secret()];
        secrets.extend(signer.token.as_ref().map(SecretString::expose_secret));
        let call = Call {
            action: "AssumeRole",
            body: body(role, &[]),
            signer: Some(signer),
            secrets,
        };
        self.call(&call, warnings).await
    }

    /// `AssumeRoleWithWebIdentity`: a role in exchange for an OIDC token.
    pub(super) async fn assume_role_with_web_identity(
        &self,
        token: &SecretString,
        provider_id: &str,
        role: &AssumedRole,
        warnings: &mut Vec<Diagnostic>,
    ) -> Result<IssuedCredentials, CredentialError> {
        let token = token.expose_secret();
        let call = Call {
            action: "AssumeRoleWithWebIdentity",
            body: body(
                role,
                &[("ProviderId", provider_id), ("WebIdentityToken", token)],
            ),
            signer: None,
            secrets: vec![token],
        };
        self.call(&call, warnings).await
    }

    async fn call(
        &self,
        call: &Call<'_>,
        warnings: &mut Vec<Diagnostic>,
    ) -> Result<IssuedCredentials, CredentialError> {
        let mut time = Timestamp::now();
        let mut attempts = 0;
        loop {
            attempts += 1;
            let answer = self.http.send(self.request(call, time)?).await;
            let is_last = attempts == ATTEMPTS;
            let answer = match answer {
                Ok(answer) if answer.status < 500 || is_last => answer,
                Err(reason) if is_last => return Err(self.unreachable(&reason)),
                Ok(_) | Err(_) => continue,
            };
            match self.read(call, &answer, warnings)? {
                Said::Credentials(issued) => return Ok(issued),
                Said::Refused { code, message } => match answer.date {
                    // The clock of this machine is off; the time of STS counts.
                    Some(date) if code == "AuthFailure.SignatureExpire" && !is_last => time = date,
                    _ => return Err(self.refused(call, &code, &message)),
                },
            }
        }
    }

    fn request(
        &self,
        call: &Call<'_>,
        time: Timestamp,
    ) -> Result<Request<String>, CredentialError> {
        let invalid = || CredentialError::new(self.link, "the call to STS cannot be written");
        let mut request = Request::post(format!("{}/", self.endpoint))
            .body(call.body.clone())
            .map_err(|_| invalid())?;
        let host = request.uri().authority().map(ToString::to_string);
        let host = host.unwrap_or_default();
        let seconds = time.as_second().to_string();
        let authorization = match call.signer {
            None => Ok("SKIP".to_owned()),
            Some(signer) => Tc3Request {
                service: "sts",
                headers: &[
                    ("content-type", TYPE),
                    ("host", &host),
                    ("x-tc-action", call.action),
                ],
                payload: &call.body,
                time,
            }
            .authorization(signer),
        };
        let authorization = authorization.map_err(|_| invalid())?;
        let token = call.signer.and_then(|signer| signer.token.as_ref());
        let token = token.map(SecretString::expose_secret);
        let headers = [
            (CONTENT_TYPE, Some(TYPE)),
            (HOST, Some(host.as_str())),
            (AUTHORIZATION, Some(authorization.as_str())),
            (HeaderName::from_static("x-tc-action"), Some(call.action)),
            (HeaderName::from_static("x-tc-version"), Some(VERSION)),
            (
                HeaderName::from_static("x-tc-timestamp"),
                Some(seconds.as_str()),
            ),
            (
                HeaderName::from_static("x-tc-region"),
                Some(self.region.unwrap_or(REGION)),
            ),
            (HeaderName::from_static("x-tc-token"), token),
        ];
        for (name, value) in headers {
            if let Some(value) = value {
                let mut value = HeaderValue::from_str(value).map_err(|_| invalid())?;
                value.set_sensitive(matches!(name.as_str(), "authorization" | "x-tc-token"));
                request.headers_mut().insert(name, value);
            }
        }
        Ok(request)
    }

    fn read(
        &self,
        call: &Call<'_>,
        answer: &HttpAnswer,
        warnings: &mut Vec<Diagnostic>,
    ) -> Result<Said, CredentialError> {
        tracing::debug!(action = call.action, status = answer.status, "STS answered");
        // A date has whole seconds: up to one more has passed.
        let now = answer
            .date
            .map_or_else(Timestamp::now, |date| date + DATE_STEP);
        let said = document::read(self.link, &answer.body, now, warnings);
        match said {
            Err(_) if answer.status != 200 => Err(self.unreachable(&format!(
                "it answered {} and not as STS does",
                answer.status
            ))),
            said => said,
        }
    }

    fn refused(&self, call: &Call<'_>, code: &str, message: &str) -> CredentialError {
        let said = format!("{code}: {message}");
        let problem = format!(
            "STS refuses {}: {}",
            call.action,
            shown(&said, &call.secrets)
        );
        let help = match call.action {
            "AssumeRole" => {
                "the policy of these keys must allow sts:AssumeRole for the role, and the role must trust their account"
            }
            _ => {
                "the identity provider of the target must be there, and the role must trust it for this audience and subject"
            }
        };
        CredentialError::new(self.link, problem).help(help)
    }

    fn unreachable(&self, reason: &str) -> CredentialError {
        let problem = format!("no answer from STS at {}: {reason}", self.endpoint);
        CredentialError::new(self.link, problem)
            .help("see that this machine reaches it, through HTTPS_PROXY if need be")
    }
}

fn body(role: &AssumedRole, more: &[(&str, &str)]) -> String {
    let mut body = json!({
        "RoleArn": role.arn,
        "RoleSessionName": role.session,
        "DurationSeconds": DURATION_SECONDS,
    });
    for (name, value) in more {
        body[*name] = Value::from(*value);
    }
    body.to_string()
}

/// Text from elsewhere, on one line, cut, and without anything that was sent in confidence.
pub(super) fn shown(text: &str, secrets: &[&str]) -> String {
    let mut text = text.to_owned();
    for secret in secrets.iter().filter(|secret| !secret.is_empty()) {
        text = text.replace(secret, "…");
    }
    let one_line = text.chars().map(|character| {
        let is_plain = !character.is_control()
            && !matches!(character, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
        if is_plain { character } else { ' ' }
    });
    let text: String = one_line.take(LONGEST_TEXT).collect();
    text.trim().trim_end_matches(':').to_owned()
}
