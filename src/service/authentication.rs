//! Checks a request's signature against the service's one key pair.

use std::borrow::Cow;

use axum::http::header;
use jiff::Timestamp;
use percent_encoding::percent_decode_str;
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};

use super::api_error::{ApiError, ErrorCode};
use super::call::Call;
use crate::api::credentials::Credentials;
use crate::api::signature::{SignedRequest, url_encode};

/// The longest that a signature may be valid, in seconds.
const LONGEST_PERIOD: i64 = 7 * 24 * 60 * 60;

/// The headers that a temporary key pair's token may travel in.
const TOKEN_HEADERS: [&str; 2] = ["x-ci-security-token", "x-cos-security-token"];

/// Refuses a call that is not signed with `credentials`, or not now.
pub(super) fn authenticate(
    call: &Call,
    credentials: &Credentials,
    now: Timestamp,
) -> Result<(), ApiError> {
    let signature = Signature::of(call)?;
    if signature.secret_id != credentials.secret_id {
        return Err(ApiError::new(
            ErrorCode::UnknownSecretId,
            "The access key id you provided does not exist in our records.",
        ));
    }
    signature.check_window(now)?;
    check_token(call, credentials.token.as_ref())?;
    signature.check(call, &credentials.secret_key)
}

/// The parts of an `Authorization`, which may travel as query parameters instead.
#[derive(Debug, Default)]
struct Signature<'a> {
    algorithm: Option<Cow<'a, str>>,
    secret_id: Cow<'a, str>,
    key_time: Cow<'a, str>,
    sign_time: Cow<'a, str>,
    header_list: Cow<'a, str>,
    parameter_list: Cow<'a, str>,
    digest: Cow<'a, str>,
}

impl<'a> Signature<'a> {
    fn of(call: &'a Call) -> Result<Self, ApiError> {
        let mut signature = Self::default();
        // `sign` carries a whole `Authorization`, in URLs of older SDKs.
        let whole = call.header(header::AUTHORIZATION);
        let whole = whole.or_else(|| call.parameter("sign"));
        match whole {
            Some(text) => {
                let is_encoded = text.contains('%');
                for pair in text.trim().split('&') {
                    let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
                    let value = if is_encoded {
                        percent_decode_str(value).decode_utf8_lossy()
                    } else {
                        Cow::Borrowed(value)
                    };
                    signature.take(name, value);
                }
            }
            None => {
                for (name, value) in &call.query {
                    signature.take(name, Cow::Borrowed(value));
                }
            }
        }
        match signature.algorithm.as_deref() {
            Some("sha1") => Ok(signature),
            Some(_) => Err(ApiError::new(
                ErrorCode::InvalidAuthorization,
                "The signature's algorithm is not sha1.",
            )),
            None if whole.is_some_and(|text| !text.trim().is_empty()) => Err(ApiError::new(
                ErrorCode::InvalidAuthorization,
                "The request is signed with another scheme than q-sign-algorithm=sha1.",
            )),
            None => Err(ApiError::new(
                ErrorCode::MissingAuthorization,
                "The request is not signed.",
            )),
        }
    }

    fn take(&mut self, name: &str, value: Cow<'a, str>) {
        let part = match name {
            "q-sign-algorithm" => self.algorithm.insert(Cow::default()),
            "q-ak" => &mut self.secret_id,
            "q-sign-time" => &mut self.sign_time,
            "q-key-time" => &mut self.key_time,
            "q-header-list" => &mut self.header_list,
            "q-url-param-list" => &mut self.parameter_list,
            "q-signature" => &mut self.digest,
            _ => return,
        };
        *part = value;
    }

    /// Both periods must hold; every client sends the same one twice.
    fn check_window(&self, now: Timestamp) -> Result<(), ApiError> {
        check_period(&self.sign_time, now)?;
        if self.key_time == self.sign_time {
            return Ok(());
        }
        check_period(&self.key_time, now)
    }

    /// Computes the signature of what the lists name; other headers and parameters may have
    /// been added on the way.
    fn check(&self, call: &Call, secret_key: &SecretString) -> Result<(), ApiError> {
        let mut headers = Vec::new();
        for name in names(&self.header_list) {
            let value = call.header(name);
            headers.push((name, value.ok_or_else(|| missing("header", name))?));
        }
        let mut parameters = Vec::new();
        for name in names(&self.parameter_list) {
            let mut pairs = call.query.iter();
            // The list has encoded names, which are plain here if the whole list was decoded.
            let found = pairs.find(|(other, _)| {
                other.eq_ignore_ascii_case(name) || url_encode(other).eq_ignore_ascii_case(name)
            });
            let (other, value) = found.ok_or_else(|| missing("parameter", name))?;
            parameters.push((other.as_str(), value.as_str()));
        }
        let request = SignedRequest {
            method: call.method.as_str(),
            path: &call.path,
            parameters: &parameters,
            headers: &headers,
        };
        if request.has_signature(&self.digest, secret_key, &self.key_time) {
            return Ok(());
        }
        let string_to_sign = request.string_to_sign(&self.key_time);
        // The token is a secret: the log must not show it.
        let shown = headers.iter().map(|(name, value)| {
            let is_token = TOKEN_HEADERS
                .iter()
                .any(|token| token.eq_ignore_ascii_case(name));
            (*name, if is_token { "<token>" } else { *value })
        });
        let shown: Vec<_> = shown.collect();
        let request = SignedRequest {
            headers: &shown,
            ..request
        };
        tracing::debug!(
            http_string = request.http_string(),
            string_to_sign,
            "the signature differs; this is what it should be of",
        );
        Err(ApiError::new(
            ErrorCode::SignatureDoesNotMatch,
            "The Signature you specified is invalid.",
        ))
    }
}

fn check_period(period: &str, now: Timestamp) -> Result<(), ApiError> {
    let parsed = period
        .split_once(';')
        .and_then(|(start, end)| Some((start.parse::<i64>().ok()?, end.parse::<i64>().ok()?)));
    match parsed {
        Some((start, end)) if end.saturating_sub(start) > LONGEST_PERIOD => Err(ApiError::new(
            ErrorCode::InvalidAuthorization,
            "The signature's period is longer than 7 days.",
        )),
        Some((start, end)) if (start..=end).contains(&now.as_second()) => Ok(()),
        Some(_) => Err(ApiError::new(
            ErrorCode::SignatureExpired,
            "Request has expired",
        )),
        None => Err(ApiError::new(
            ErrorCode::InvalidAuthorization,
            "The signature's period is not `start;end`.",
        )),
    }
}

fn names(list: &str) -> impl Iterator<Item = &str> {
    list.split(';').filter(|name| !name.is_empty())
}

fn missing(what: &str, name: &str) -> ApiError {
    ApiError::new(
        ErrorCode::SignatureDoesNotMatch,
        format!("The signature covers the {what} `{name}`, which the request does not have."),
    )
}

fn check_token(call: &Call, expected: Option<&SecretString>) -> Result<(), ApiError> {
    let Some(expected) = expected else {
        return Ok(());
    };
    let in_query = TOKEN_HEADERS.iter().find_map(|name| call.parameter(name));
    let given = TOKEN_HEADERS
        .iter()
        .find_map(|name| call.header(*name))
        .or(in_query);
    match given {
        Some(given) if same(given, expected.expose_secret()) => Ok(()),
        Some(_) => Err(ApiError::new(
            ErrorCode::AccessDenied,
            "The security token is not valid.",
        )),
        None => Err(ApiError::new(
            ErrorCode::AccessDenied,
            "These keys need their security token.",
        )),
    }
}

/// Compares hashes: the time it takes does not depend on the common prefix.
fn same(one: &str, other: &str) -> bool {
    Sha256::digest(one.as_bytes()) == Sha256::digest(other.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::{ErrorCode, authenticate};
    use crate::api::credentials::Credentials;
    use crate::api::host::Side;
    use crate::api::signature::url_encode;
    use crate::service::call::Call;
    use axum::http::Request;
    use jiff::Timestamp;
    use secrecy::SecretString;

    const SECRET_ID: &str = "AKIDEXAMPLEEXAMPLEEXAMPLEEXAMPLE0001";
    const KEY_TIME: &str = "1656314530;1656324590";
    const CI_HOST: &str = "examplebucket-1250000000.ci.ap-beijing.myqcloud.com";
    const JOB: &str = "/inventorytriggerjob/b2f6a1c00f60a11ec9b3a0242ac120002";

    fn credentials() -> Credentials {
        Credentials::permanent(SECRET_ID, "EXAMPLEsecretKey00000000000000001")
    }

    fn now() -> Timestamp {
        Timestamp::from_second(1_656_314_590).unwrap()
    }

    fn authorization(headers: &str, parameters: &str, signature: &str) -> String {
        format!(
            "q-sign-algorithm=sha1&q-ak={SECRET_ID}&q-sign-time={KEY_TIME}&q-key-time={KEY_TIME}\
             &q-header-list={headers}&q-url-param-list={parameters}&q-signature={signature}"
        )
    }

    fn call(method: &str, target: &str, headers: &[(&str, &str)]) -> Call {
        let mut request = Request::builder().method(method).uri(target);
        request = request.header("host", CI_HOST);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let (parts, ()) = request.body(()).unwrap().into_parts();
        Call::new(parts).unwrap()
    }

    /// The code of the refusal, or nothing.
    fn refusal(call: &Call) -> Option<ErrorCode> {
        let refused = authenticate(call, &credentials(), now()).err();
        refused.map(|error| error.code)
    }

    /// A request as some public SDK signs it.
    struct Vector {
        method: &'static str,
        target: &'static str,
        headers: &'static [(&'static str, &'static str)],
        header_list: &'static str,
        parameter_list: &'static str,
        digest: &'static str,
    }

    const LIST: &str = "/inventorytriggerjob?type=Workflow&orderByTime=Desc\
        &states=Submitted%2CRunning&size=100&nextToken=\
        &startCreationTime=2022-06-01T00%3A00%3A00%2B0800&name=%E6%89%B9%E9%87%8F_demo";
    const RUNS: &str = "/workflowexecution?workflowId=w0f1e2d3c4b5a49687786a5b4c3d2e1f0\
        &jobId=b2f6a1c00f60a11ec9b3a0242ac120002&size=100&states=All&nextToken=";
    const CANCEL: &str = "/inventorytriggerjob/b2f6a1c00f60a11ec9b3a0242ac120002?cancel";
    const KIND: (&str, &str) = ("content-type", "application/xml");
    const LENGTH: (&str, &str) = ("content-length", "292");

    const VECTORS: [Vector; 8] = [
        Vector {
            method: "POST",
            target: "/inventorytriggerjob",
            headers: &[KIND, LENGTH],
            header_list: "content-length;content-type;host",
            parameter_list: "",
            digest: "4dd11e9b55578ae699ace06efc19edd07b060599",
        },
        Vector {
            method: "POST",
            target: "/inventorytriggerjob",
            headers: &[
                KIND,
                LENGTH,
                ("content-md5", "qDkn22bWBcneJFgoVLZBtg=="),
                ("x-ci-security-token", "EXAMPLE/TOKEN+1=="),
            ],
            header_list: "content-length;content-md5;content-type;host;x-ci-security-token",
            parameter_list: "",
            digest: "7e0eeed4b36dda20020942d41f1962839fb33c57",
        },
        Vector {
            method: "POST",
            target: "/inventorytriggerjob",
            headers: &[],
            header_list: "",
            parameter_list: "",
            digest: "b68aad97250762b9b34d1bfdbcd3a21fbba1b5b6",
        },
        Vector {
            method: "GET",
            target: LIST,
            headers: &[],
            header_list: "host",
            parameter_list: "name;nexttoken;orderbytime;size;startcreationtime;states;type",
            digest: "79c690c767fa90fceba8b131c697a3063a8a471c",
        },
        Vector {
            method: "GET",
            target: JOB,
            headers: &[],
            header_list: "host",
            parameter_list: "",
            digest: "ce1d250fa4c3be5e0e89815051b5c5cf847662ac",
        },
        Vector {
            method: "PUT",
            target: CANCEL,
            headers: &[("content-length", "0")],
            header_list: "content-length;host",
            parameter_list: "",
            digest: "a3527e098f2012e3dea11552951c1937b0528cf9",
        },
        Vector {
            method: "PUT",
            target: CANCEL,
            headers: &[("content-length", "0")],
            header_list: "content-length;host",
            parameter_list: "cancel",
            digest: "b57b6f2fd7c6c6c67b6c4a75f2839a6f7fab6050",
        },
        Vector {
            method: "GET",
            target: RUNS,
            headers: &[],
            header_list: "host",
            parameter_list: "jobid;nexttoken;size;states;workflowid",
            digest: "1321cd6c6e15c3d0fb1a703a8a9efcb2418167ef",
        },
    ];

    /// The refusal of the vector's request when it carries this `Authorization`.
    fn refusal_with(vector: &Vector, authorization: &str) -> Option<ErrorCode> {
        let mut headers = vector.headers.to_vec();
        headers.push(("authorization", authorization));
        headers.push(("x-added-on-the-way", "1"));
        refusal(&call(vector.method, vector.target, &headers))
    }

    #[test]
    fn known_signatures_are_right_and_no_others() {
        for vector in VECTORS {
            let (digest, target) = (vector.digest, vector.target);
            let signed = authorization(vector.header_list, vector.parameter_list, digest);
            assert_eq!(refusal_with(&vector, &signed), None, "{target}");
            let wrong = Some(ErrorCode::SignatureDoesNotMatch);
            let other = signed.replace(digest, &"0".repeat(40));
            assert_eq!(refusal_with(&vector, &other), wrong);
            let unsent = signed.replace("q-header-list=", "q-header-list=x-cos-unsent;");
            assert_eq!(
                refusal_with(&vector, &unsent),
                wrong,
                "a header that was not sent"
            );
        }
    }

    #[test]
    fn a_signature_may_travel_in_the_query() {
        for vector in VECTORS {
            let (digest, target) = (vector.digest, vector.target);
            let signed = authorization(vector.header_list, vector.parameter_list, digest);
            let joint = if target.contains('?') { '&' } else { '?' };
            let target = format!("{target}{joint}{}", signed.replace(';', "%3B"));
            let in_query = call(vector.method, &target, vector.headers);
            assert_eq!(refusal(&in_query), None, "{target}");
            let target = format!("{}{joint}sign={}", vector.target, url_encode(&signed));
            let whole = call(vector.method, &target, vector.headers);
            assert_eq!(refusal(&whole), None, "{target}");
        }
    }

    #[test]
    fn what_is_no_signature_of_now_is_denied() {
        let right = authorization("host", "", "ce1d250fa4c3be5e0e89815051b5c5cf847662ac");
        let with = |authorization: &str| call("GET", JOB, &[("authorization", authorization)]);
        let denied = |authorization: &str| {
            let refused = authenticate(&with(authorization), &credentials(), now());
            let error = refused.unwrap_err();
            assert_eq!(error.code.on(Side::Cos), (403, "AccessDenied".into()));
            assert_eq!(error.code.on(Side::Ci).0, 401);
            error.message
        };
        assert_eq!(denied(""), "The request is not signed.");
        assert!(denied("Bearer x").contains("another scheme"));
        assert!(denied(&right.replace("sha1", "md5")).contains("not sha1"));
        let period = "1656314530;1656324590";
        for expired in ["1656314530;1656314589", "1656314591;1656324590", "9;1"] {
            assert_eq!(
                denied(&right.replace(period, expired)),
                "Request has expired"
            );
        }
        let years = right.replace(period, "1656314530;1971674530");
        assert!(denied(&years).contains("longer than 7 days"));
        assert!(denied(&right.replace(period, "soon")).contains("start;end"));
        let stranger = right.replace("AKID", "BKID");
        assert_eq!(refusal(&with(&stranger)), Some(ErrorCode::UnknownSecretId));
        assert_eq!(refusal(&with(&right)), None);
    }

    #[test]
    fn temporary_keys_need_their_token_under_either_name() {
        let mut credentials = credentials();
        credentials.token = Some(SecretString::from("EXAMPLE/TOKEN+1=="));
        let right = authorization("host", "", "ce1d250fa4c3be5e0e89815051b5c5cf847662ac");
        let with = |token: &[(&str, &str)]| {
            let mut headers = vec![("authorization", right.as_str())];
            headers.extend(token);
            let call = call("GET", JOB, &headers);
            let refused = authenticate(&call, &credentials, now()).err();
            refused.map(|failure| failure.message)
        };
        assert_eq!(with(&[("x-ci-security-token", "EXAMPLE/TOKEN+1==")]), None);
        assert_eq!(with(&[("x-cos-security-token", "EXAMPLE/TOKEN+1==")]), None);
        let wrong = with(&[("x-ci-security-token", "EXAMPLE")]).unwrap();
        assert_eq!(wrong, "The security token is not valid.");
        assert_eq!(with(&[]).unwrap(), "These keys need their security token.");
    }
}
