//! The request signature (`q-sign-algorithm=sha1`) that COS and Cloud Infinite share.
//!
//! One computation serves both ends: the client signs with it, the embedded service verifies by it.

use data_encoding::HEXLOWER;
use hmac::{Hmac, KeyInit, Mac};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use secrecy::{ExposeSecret, SecretString};
use sha1::{Digest, Sha1};

use super::credentials::Credentials;

/// Everything but `A-Z a-z 0-9 - _ . ~` is written as `%XX`.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'_')
    .remove(b'.')
    .remove(b'~');

/// The period in which a signature holds, in Unix seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeyTime {
    /// First second.
    pub start: i64,
    /// Last second.
    pub end: i64,
}

impl KeyTime {
    /// The form `start;end`, which is both signed and sent.
    pub fn to_text(self) -> String {
        format!("{};{}", self.start, self.end)
    }
}

/// The parts of a request that a signature covers. Names in any case, values as they are meant,
/// that is before any percent-encoding.
#[derive(Debug, Clone, Copy)]
pub struct SignedRequest<'a> {
    /// HTTP method in any case.
    pub method: &'a str,
    /// Path with its leading slash, not percent-encoded, without the query.
    pub path: &'a str,
    /// The query parameters to sign; one without a value has the empty value.
    pub parameters: &'a [(&'a str, &'a str)],
    /// The headers to sign.
    pub headers: &'a [(&'a str, &'a str)],
}

impl SignedRequest<'_> {
    /// The text whose hash is signed.
    pub fn http_string(&self) -> String {
        let method = self.method.to_ascii_lowercase();
        let (parameters, headers) = (canonical(self.parameters), canonical(self.headers));
        format!(
            "{method}\n{}\n{}\n{}\n",
            self.path,
            joined(&parameters),
            joined(&headers)
        )
    }

    /// The text that is signed; `key_time` is as sent, `start;end`.
    pub fn string_to_sign(&self, key_time: &str) -> String {
        let hash = Sha1::digest(self.http_string().as_bytes());
        format!("sha1\n{key_time}\n{}\n", HEXLOWER.encode(&hash))
    }

    /// The signature, 40 lower-case hexadecimal digits.
    pub fn signature(&self, secret_key: &SecretString, key_time: &str) -> String {
        let mac = self.mac(secret_key, key_time);
        HEXLOWER.encode(&mac.finalize().into_bytes())
    }

    /// Whether `signature` is this request's; the time it takes says nothing of how much agrees.
    pub fn has_signature(
        &self,
        signature: &str,
        secret_key: &SecretString,
        key_time: &str,
    ) -> bool {
        let Ok(signature) = HEXLOWER.decode(signature.as_bytes()) else {
            return false;
        };
        let mac = self.mac(secret_key, key_time);
        mac.verify_slice(&signature).is_ok()
    }

    fn mac(&self, secret_key: &SecretString, key_time: &str) -> Hmac<Sha1> {
        let sign_key = hmac_sha1(secret_key.expose_secret(), key_time);
        let sign_key = HEXLOWER.encode(&sign_key.finalize().into_bytes());
        hmac_sha1(&sign_key, &self.string_to_sign(key_time))
    }

    /// The value of the `Authorization` header.
    pub fn authorization(&self, credentials: &Credentials, key_time: KeyTime) -> String {
        let time = key_time.to_text();
        format!(
            "q-sign-algorithm=sha1&q-ak={}&q-sign-time={time}&q-key-time={time}\
             &q-header-list={}&q-url-param-list={}&q-signature={}",
            credentials.secret_id,
            names(&canonical(self.headers)),
            names(&canonical(self.parameters)),
            self.signature(&credentials.secret_key, &time),
        )
    }
}

/// Percent-encodes as the signature wants it: blanks as `%20`, hexadecimal digits in upper case.
pub fn url_encode(text: &str) -> String {
    utf8_percent_encode(text, ENCODED).to_string()
}

/// Percent-encodes a key as lists and URLs have it: `/` stays.
pub fn encode_key(key: &str) -> String {
    url_encode(key).replace("%2F", "/")
}

/// Names are lower-cased after they are encoded, and sorted after that.
fn canonical(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    let mut encoded: Vec<_> = pairs
        .iter()
        .map(|(name, value)| (url_encode(name).to_ascii_lowercase(), url_encode(value)))
        .collect();
    encoded.sort();
    encoded
}

fn joined(canonical: &[(String, String)]) -> String {
    let pairs = canonical
        .iter()
        .map(|(name, value)| format!("{name}={value}"));
    pairs.collect::<Vec<_>>().join("&")
}

fn names(canonical: &[(String, String)]) -> String {
    let names: Vec<&str> = canonical.iter().map(|(name, _)| name.as_str()).collect();
    names.join(";")
}

#[expect(
    clippy::expect_used,
    reason = "HMAC pads or hashes a key of any length"
)]
fn hmac_sha1(key: &str, message: &str) -> Hmac<Sha1> {
    let mut mac = Hmac::new_from_slice(key.as_bytes()).expect("HMAC takes a key of any length");
    mac.update(message.as_bytes());
    mac
}

#[cfg(test)]
mod tests {
    use super::{KeyTime, SignedRequest};
    use crate::api::credentials::Credentials;
    use data_encoding::HEXLOWER;
    use sha1::{Digest, Sha1};

    const CI_HOST: &str = "examplebucket-1250000000.ci.ap-beijing.myqcloud.com";
    const COS_HOST: &str = "examplebucket-1250000000.cos.ap-beijing.myqcloud.com";
    const JOB: &str = "/inventorytriggerjob/b2f6a1c00f60a11ec9b3a0242ac120002";

    fn check(request: SignedRequest<'_>, sha1: &str, signature: &str) {
        let credentials = Credentials::permanent(
            "AKIDEXAMPLEEXAMPLEEXAMPLEEXAMPLE0001",
            "EXAMPLEsecretKey00000000000000001",
        );
        let hash = HEXLOWER.encode(&Sha1::digest(request.http_string().as_bytes()));
        assert_eq!(hash, sha1, "{}", request.http_string());
        let key_time = KeyTime {
            start: 1_656_314_530,
            end: 1_656_324_590,
        };
        let authorization = request.authorization(&credentials, key_time);
        assert!(
            authorization.ends_with(&format!("&q-signature={signature}")),
            "{authorization}"
        );
    }

    /// The two examples of Tencent's own page on the signature.
    #[test]
    fn official_vectors() {
        let credentials = Credentials::permanent(
            "AKIDQjz3ltompVjBni5LitkWHFlFpwkn9U5q",
            "BQYIM75p8x0iWVFSIgqEKwFprpRSVHlz",
        );
        let host = ("host", COS_HOST);
        let put = SignedRequest {
            method: "PUT",
            path: "/exampleobject(腾讯云)",
            parameters: &[],
            headers: &[
                ("Date", "Thu, 16 May 2019 06:45:51 GMT"),
                host,
                ("Content-Type", "text/plain"),
                ("Content-Length", "13"),
                ("Content-MD5", "mQ/fVh815F3k6TAUm8m0eg=="),
                ("x-cos-acl", "private"),
                ("x-cos-grant-read", "uin=\"100000000011\""),
            ],
        };
        assert_eq!(
            put.signature(&credentials.secret_key, "1557989151;1557996351"),
            "3b8851a11a569213c17ba8fa7dcf2abec6935172"
        );
        let get = SignedRequest {
            method: "GET",
            path: "/exampleobject(腾讯云)",
            parameters: &[
                ("response-content-type", "application/octet-stream"),
                ("response-cache-control", "max-age=600"),
            ],
            headers: &[("Date", "Thu, 16 May 2019 06:55:53 GMT"), host],
        };
        assert_eq!(
            get.signature(&credentials.secret_key, "1557989753;1557996953"),
            "01681b8c9d798a678e43b685a9f1bba0f6c0e012"
        );
    }

    #[test]
    fn trigger_vectors() {
        let check_post = |headers: &[(&str, &str)], sha1, signature| {
            let request = SignedRequest {
                method: "POST",
                path: "/inventorytriggerjob",
                parameters: &[],
                headers,
            };
            check(request, sha1, signature);
        };
        let mut headers = vec![
            ("Content-Type", "application/xml"),
            ("Content-Length", "292"),
            ("Host", CI_HOST),
        ];
        check_post(
            &headers,
            "fa4853b7b969c63a85c017250dc1ae112ed8d6ae",
            "4dd11e9b55578ae699ace06efc19edd07b060599",
        );
        headers.push(("Content-MD5", "qDkn22bWBcneJFgoVLZBtg=="));
        headers.push(("x-ci-security-token", "EXAMPLE/TOKEN+1=="));
        check_post(
            &headers,
            "dfe78e667b8288c96562530f84675a6880f378ad",
            "7e0eeed4b36dda20020942d41f1962839fb33c57",
        );
        check_post(
            &[],
            "785d4a7b1593a35f9ae3a34da3282674cf52804d",
            "b68aad97250762b9b34d1bfdbcd3a21fbba1b5b6",
        );
    }

    #[test]
    fn read_vectors() {
        let get = |path, parameters, host| SignedRequest {
            method: "GET",
            path,
            parameters,
            headers: host,
        };
        let list = [
            ("type", "Workflow"),
            ("orderByTime", "Desc"),
            ("states", "Submitted,Running"),
            ("size", "100"),
            ("nextToken", ""),
            ("startCreationTime", "2022-06-01T00:00:00+0800"),
            ("name", "批量_demo"),
        ];
        check(
            get("/inventorytriggerjob", &list, &[("host", CI_HOST)]),
            "b230ad7266f92247474dd709aa3294e2936d8a79",
            "79c690c767fa90fceba8b131c697a3063a8a471c",
        );
        check(
            get(JOB, &[], &[("host", CI_HOST)]),
            "eeba1470107cc1676cac168e8670aedaf341e6bf",
            "ce1d250fa4c3be5e0e89815051b5c5cf847662ac",
        );
        let runs = [
            ("workflowId", "w0f1e2d3c4b5a49687786a5b4c3d2e1f0"),
            ("jobId", "b2f6a1c00f60a11ec9b3a0242ac120002"),
            ("size", "100"),
            ("states", "All"),
            ("nextToken", ""),
        ];
        check(
            get("/workflowexecution", &runs, &[("host", CI_HOST)]),
            "460f202f6916b64cbdaa1c0b354dbd23d3850be3",
            "1321cd6c6e15c3d0fb1a703a8a9efcb2418167ef",
        );
        let objects = [
            ("prefix", "video/in/"),
            ("max-keys", "1000"),
            ("encoding-type", "url"),
        ];
        check(
            get("/", &objects, &[("host", COS_HOST)]),
            "e878e7ce4159616c64c5945bbf8933b4ba00a28e",
            "0ce00ac2f750d672062a1ab04e65cbb953049c34",
        );
    }

    #[test]
    fn cancel_vectors() {
        let put = |parameters| SignedRequest {
            method: "PUT",
            path: JOB,
            parameters,
            headers: &[("content-length", "0"), ("host", CI_HOST)],
        };
        check(
            put(&[]),
            "c084b55e1becf56a6d5beeadcb7fb80aaf5c97ad",
            "a3527e098f2012e3dea11552951c1937b0528cf9",
        );
        check(
            put(&[("cancel", "")]),
            "9e6c62285ad074b3fcbfe7e0db8ede448737e781",
            "b57b6f2fd7c6c6c67b6c4a75f2839a6f7fab6050",
        );
    }
}
