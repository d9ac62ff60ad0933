//! Who calls: checks a request's signature against the service's one key pair.

use jiff::Timestamp;
use percent_encoding::percent_decode_str;
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};

use super::call::Call;
use super::failure::Failure;
use crate::api::credentials::Credentials;
use crate::api::signature::{SignedRequest, url_encode};

/// The headers that a temporary key pair's token may travel in.
const TOKEN_HEADERS: [&str; 2] = ["x-ci-security-token", "x-cos-security-token"];

/// Refuses a call that is not signed with `credentials`, or not now.
pub(super) fn authenticate(
    call: &Call,
    credentials: &Credentials,
    now: Timestamp,
) -> Result<(), Failure> {
    let signature = Signature::of(call)?;
    if signature.secret_id != credentials.secret_id {
        return Err(Failure::new(
            403,
            "InvalidAccessKeyId",
            "The access key id you provided does not exist in our records.",
        ));
    }
    signature.check_window(now)?;
    check_token(call, credentials.token.as_ref())?;
    signature.check(call, &credentials.secret_key)
}

/// The parts of an `Authorization`, which may travel as query parameters instead.
#[derive(Debug, Default)]
struct Signature {
    secret_id: String,
    key_time: String,
    sign_time: String,
    header_list: String,
    parameter_list: String,
    digest: String,
}

impl Signature {
    fn of(call: &Call) -> Result<Self, Failure> {
        let pairs = match call.header("authorization") {
            Some(text) => text
                .trim()
                .split('&')
                .map(|pair| {
                    let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
                    (
                        name.to_owned(),
                        percent_decode_str(value).decode_utf8_lossy().into_owned(),
                    )
                })
                .collect(),
            None => call.query.clone(),
        };
        let mut algorithm = None;
        let mut signature = Self::default();
        for (name, value) in pairs {
            let part = match name.as_str() {
                "q-sign-algorithm" => algorithm.insert(String::new()),
                "q-ak" => &mut signature.secret_id,
                "q-sign-time" => &mut signature.sign_time,
                "q-key-time" => &mut signature.key_time,
                "q-header-list" => &mut signature.header_list,
                "q-url-param-list" => &mut signature.parameter_list,
                "q-signature" => &mut signature.digest,
                _ => continue,
            };
            *part = value;
        }
        match algorithm.as_deref() {
            Some("sha1") => Ok(signature),
            Some(_) => Err(Failure::denied("The signature's algorithm is not sha1.")),
            None => Err(Failure::denied("The request is not signed.")),
        }
    }

    /// Both periods must hold; every client sends the same one twice.
    fn check_window(&self, now: Timestamp) -> Result<(), Failure> {
        let now = now.as_second();
        for time in [&self.sign_time, &self.key_time] {
            let parsed = time.split_once(';').and_then(|(start, end)| {
                Some((start.parse::<i64>().ok()?, end.parse::<i64>().ok()?))
            });
            match parsed {
                Some((start, end)) if start <= now && now <= end => {}
                Some(_) => return Err(Failure::denied("Request has expired")),
                None => {
                    return Err(Failure::denied(
                        "The signature's period is not `start;end`.",
                    ));
                }
            }
        }
        Ok(())
    }

    /// Computes the signature anew from what the lists name; other headers and parameters may have
    /// been added on the way.
    fn check(&self, call: &Call, secret_key: &SecretString) -> Result<(), Failure> {
        let mut headers = Vec::new();
        for name in names(&self.header_list) {
            let value = call.header(name);
            headers.push((name, value.ok_or_else(|| missing("header", name))?));
        }
        let mut parameters = Vec::new();
        for name in names(&self.parameter_list) {
            let mut pairs = call.query.iter();
            let found = pairs.find(|(other, _)| url_encode(other).eq_ignore_ascii_case(name));
            let (other, value) = found.ok_or_else(|| missing("parameter", name))?;
            parameters.push((other.as_str(), value.as_str()));
        }
        let request = SignedRequest {
            method: call.method.as_str(),
            path: &call.path,
            parameters: &parameters,
            headers: &headers,
        };
        let expected = request.signature(secret_key, &self.key_time);
        if same(&expected, &self.digest) {
            return Ok(());
        }
        tracing::debug!(
            http_string = request.http_string(),
            string_to_sign = request.string_to_sign(&self.key_time),
            "the signature differs; this is what it should be of",
        );
        Err(Failure::new(
            403,
            "SignatureDoesNotMatch",
            "The Signature you specified is invalid.",
        ))
    }
}

fn names(list: &str) -> impl Iterator<Item = &str> {
    list.split(';').filter(|name| !name.is_empty())
}

fn missing(what: &str, name: &str) -> Failure {
    Failure::new(
        403,
        "SignatureDoesNotMatch",
        format!("The signature covers the {what} `{name}`, which the request does not have."),
    )
}

fn check_token(call: &Call, expected: Option<&SecretString>) -> Result<(), Failure> {
    let Some(expected) = expected else {
        return Ok(());
    };
    let in_query = TOKEN_HEADERS.iter().find_map(|name| call.parameter(name));
    let given = TOKEN_HEADERS
        .iter()
        .find_map(|name| call.header(name))
        .or(in_query);
    match given {
        Some(given) if same(given, expected.expose_secret()) => Ok(()),
        Some(_) => Err(Failure::new(
            403,
            "AccessDenied",
            "The security token is not valid.",
        )),
        None => Err(Failure::denied("These keys need their security token.")),
    }
}

/// Compares hashes, so that the time it takes says nothing of how much agrees.
fn same(one: &str, other: &str) -> bool {
    Sha256::digest(one.as_bytes()) == Sha256::digest(other.as_bytes())
}
