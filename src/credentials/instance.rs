//! The role of the instance that this runs on, from its metadata service.

use hyper::Request;
use jiff::Timestamp;

use super::document::{self, Said};
use super::error::CredentialError;
use super::sts::shown;
use crate::api::client::HttpClient;
use crate::api::credential_provider::IssuedCredentials;
use crate::diagnostic::Diagnostic;

/// The host of the metadata service, which `STOCKTAKE_ALLOWED_HOSTS` has to name in automation.
pub const METADATA_HOST: &str = "metadata.tencentyun.com";

/// Where the metadata service is reached if nothing else is said.
pub(super) const ENDPOINT: &str = "http://metadata.tencentyun.com";

const ROLES: &str = "/latest/meta-data/cam/security-credentials/";

/// Longer than any name of a role.
const LONGEST_NAME: usize = 128;

/// Asks for the name of the role, and then for its credentials.
pub(super) async fn credentials(
    http: &HttpClient,
    endpoint: &str,
    warnings: &mut Vec<Diagnostic>,
) -> Result<IssuedCredentials, CredentialError> {
    let name = get(http, endpoint, ROLES).await?;
    let name = String::from_utf8_lossy(&name);
    let name = name.trim();
    let is_part = |byte: u8| {
        byte.is_ascii_alphanumeric()
            || matches!(byte, b'-' | b'_' | b'.' | b'@' | b'+' | b'=' | b',')
    };
    if name.is_empty()
        || name.len() > LONGEST_NAME
        || !name.bytes().all(is_part)
        || name.starts_with('.')
    {
        return Err(CredentialError::new(
            METADATA_HOST,
            "its answer names no role",
        ));
    }
    let text = get(http, endpoint, &format!("{ROLES}{name}")).await?;
    match document::read(METADATA_HOST, &text, Timestamp::now(), warnings)? {
        Said::Credentials(issued) => Ok(issued),
        Said::Refused { code, .. } => {
            let problem = format!(
                "it gives no credentials for the role {name}: {}",
                shown(&code, &[])
            );
            Err(CredentialError::new(METADATA_HOST, problem))
        }
    }
}

async fn get(http: &HttpClient, endpoint: &str, path: &str) -> Result<Vec<u8>, CredentialError> {
    let failed = |problem: String| CredentialError::new(METADATA_HOST, problem);
    let uri = format!("{endpoint}{path}");
    let request = Request::get(&uri);
    let mut request = request
        .body(String::new())
        .map_err(|_| failed(format!("`{endpoint}` is no address")))?;
    if let Some(host) = request.uri().authority() {
        let host = host
            .as_str()
            .parse()
            .map_err(|_| failed(format!("`{endpoint}` is no address")))?;
        request.headers_mut().insert(hyper::header::HOST, host);
    }
    let answer = http.send(request).await;
    let answer = answer.map_err(|reason| {
        failed(format!("no answer from it: {reason}"))
            .help("it answers on instances of Tencent Cloud alone; elsewhere remove `role` from the target")
    })?;
    match answer.status {
        200 => Ok(answer.body.to_vec()),
        404 => Err(failed("this instance has no role".to_owned()).help(
            "bind a CAM role to the instance in the console, or remove `role` from the target",
        )),
        status => Err(failed(format!("it answered {status}"))),
    }
}
