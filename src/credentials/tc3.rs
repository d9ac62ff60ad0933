//! The signature of Tencent Cloud's API 3.0 (`TC3-HMAC-SHA256`), as STS asks for it.

use data_encoding::HEXLOWER;
use hmac::digest::InvalidLength;
use hmac::{Hmac, KeyInit, Mac};
use jiff::Timestamp;
use jiff::tz::Offset;
use secrecy::ExposeSecret;
use sha2::{Digest, Sha256};

use crate::api::credentials::Credentials;

const ALGORITHM: &str = "TC3-HMAC-SHA256";

/// A `POST /` without a query, before it is signed.
#[derive(Debug, Clone, Copy)]
pub(super) struct Tc3Request<'a> {
    /// The service, as its name stands in the scope: `sts`.
    pub(super) service: &'a str,
    /// The headers to sign: names in lower case and in order, values as they are sent.
    pub(super) headers: &'a [(&'a str, &'a str)],
    /// The body.
    pub(super) payload: &'a str,
    /// The moment of the signature, which is sent as well.
    pub(super) time: Timestamp,
}

impl Tc3Request<'_> {
    /// The value of the `Authorization` header.
    pub(super) fn authorization(&self, credentials: &Credentials) -> Result<String, InvalidLength> {
        Ok(format!(
            "{ALGORITHM} Credential={}/{}, SignedHeaders={}, Signature={}",
            credentials.secret_id,
            self.scope(),
            self.names(),
            self.signature(credentials)?,
        ))
    }

    fn signature(&self, credentials: &Credentials) -> Result<String, InvalidLength> {
        let secret = format!("TC3{}", credentials.secret_key.expose_secret());
        let date = hmac(secret.as_bytes(), &self.date())?;
        let service = hmac(&date, self.service)?;
        let signing = hmac(&service, "tc3_request")?;
        Ok(HEXLOWER.encode(&hmac(&signing, &self.string_to_sign())?))
    }

    fn string_to_sign(&self) -> String {
        let seconds = self.time.as_second();
        let hash = hash(&self.canonical());
        format!("{ALGORITHM}\n{seconds}\n{}\n{hash}", self.scope())
    }

    fn canonical(&self) -> String {
        let line =
            |(name, value): &(&str, &str)| format!("{name}:{}\n", value.to_lowercase().trim());
        let headers: String = self.headers.iter().map(line).collect();
        let (names, hash) = (self.names(), hash(self.payload));
        format!("POST\n/\n\n{headers}\n{names}\n{hash}")
    }

    fn names(&self) -> String {
        let names: Vec<&str> = self.headers.iter().map(|(name, _)| *name).collect();
        names.join(";")
    }

    fn scope(&self) -> String {
        format!("{}/{}/tc3_request", self.date(), self.service)
    }

    fn date(&self) -> String {
        Offset::UTC.to_datetime(self.time).date().to_string()
    }
}

fn hash(text: &str) -> String {
    HEXLOWER.encode(&Sha256::digest(text.as_bytes()))
}

fn hmac(key: &[u8], message: &str) -> Result<Vec<u8>, InvalidLength> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key)?;
    mac.update(message.as_bytes());
    Ok(mac.finalize().into_bytes().to_vec())
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::Tc3Request;
    use crate::api::credentials::Credentials;

    const PAYLOAD: &str =
        r#"{"Limit": 1, "Filters": [{"Values": ["\u672a\u547d\u540d"], "Name": "instance-name"}]}"#;

    /// The worked example of Tencent's page on the signature, in both of its editions.
    #[test]
    fn the_published_examples() {
        let headers = [
            ("content-type", "application/json; charset=utf-8"),
            ("host", "cvm.tencentcloudapi.com"),
            ("x-tc-action", "DescribeInstances"),
        ];
        let masked = "*".repeat(32);
        let table = [
            (
                "AKIDz8krbsJ5yKBZQpn74WFkmLPx3EXAMPLE",
                "Gu5t9xGARNpq86cd98joQYCN3EXAMPLE",
                &headers[..2],
                "content-type;host",
                "72e494ea809ad7a8c8f7a4507b9bddcbaa8e581f516e8da2f66e2c5a96525168",
            ),
            (
                "AKID********************************",
                &masked,
                &headers[..],
                "content-type;host;x-tc-action",
                "10b1a37a7301a02ca19a647ad722d5e43b4b3cff309d421d85b46093f6ab6c4f",
            ),
        ];
        for (id, key, headers, names, signature) in table {
            let request = Tc3Request {
                service: "cvm",
                headers,
                payload: PAYLOAD,
                time: Timestamp::from_second(1_551_113_065).unwrap(),
            };
            let authorization = request.authorization(&Credentials::permanent(id, key));
            assert_eq!(
                authorization.unwrap(),
                format!(
                    "TC3-HMAC-SHA256 Credential={id}/2019-02-25/cvm/tc3_request, \
                     SignedHeaders={names}, Signature={signature}"
                )
            );
        }
    }
}
