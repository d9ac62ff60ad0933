//! OIDC tokens, from where the machine that runs this keeps them.

use hyper::Request;
use hyper::header::{ACCEPT, AUTHORIZATION, HOST, HeaderValue};
use reqwest::Url;
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;

use super::cleaning::clean;
use super::error::CredentialError;
use super::file;
use super::origin::TokenSource;
use super::variables::GITHUB_URL;
use crate::api::client::{HttpClient, is_loopback};
use crate::diagnostic::Diagnostic;
use crate::plain_text::printable;

/// For whom a token of GitHub is made out, and those of GitLab should be.
const AUDIENCE: &str = "sts.tencentcloudapi.com";

#[derive(Deserialize)]
struct GitHubAnswer {
    value: SecretString,
}

/// Gets the token as it is now: a file may have been renewed meanwhile, and GitHub makes a new one
/// each time.
pub(super) async fn token(
    source: &TokenSource,
    http: &HttpClient,
    warnings: &mut Vec<Diagnostic>,
) -> Result<SecretString, CredentialError> {
    match source {
        TokenSource::Variable(token) => Ok(token.clone()),
        TokenSource::File(path) => {
            let link = printable(path);
            let text = String::from_utf8(file::read(&link, path)?)
                .map_err(|_| CredentialError::new(&link, "it holds no token but other bytes"))?;
            // A line break at its end is how files end.
            let text = text.trim_end_matches(['\r', '\n']);
            clean(&link, text, warnings).map(SecretString::from)
        }
        TokenSource::GitHub { url, bearer } => github(url, bearer, http).await,
    }
}

async fn github(
    url: &str,
    bearer: &SecretString,
    http: &HttpClient,
) -> Result<SecretString, CredentialError> {
    let failed = |problem: String| CredentialError::new(GITHUB_URL, problem);
    let mut url: Url = url
        .parse()
        .map_err(|_| failed("it is no address".to_owned()))?;
    if url.scheme() != "https" && !is_loopback(&url) {
        return Err(failed(
            "it is not https, and what opens it is a secret".to_owned(),
        ));
    }
    url.query_pairs_mut().append_pair("audience", AUDIENCE);
    let unwritable = || failed("the call to it cannot be written".to_owned());
    let mut request = Request::get(url.as_str())
        .body(String::new())
        .map_err(|_| unwritable())?;
    let host = request.uri().authority().map(ToString::to_string);
    let bearer = format!("Bearer {}", bearer.expose_secret());
    let headers = [
        (HOST, host.unwrap_or_default()),
        (AUTHORIZATION, bearer),
        (ACCEPT, "application/json".to_owned()),
    ];
    for (name, value) in headers {
        let mut value = HeaderValue::from_str(&value).map_err(|_| unwritable())?;
        value.set_sensitive(true);
        request.headers_mut().insert(name, value);
    }
    let answer = http.send(request).await;
    let answer = answer
        .map_err(|reason| failed(format!("no answer from GitHub's token service: {reason}")))?;
    if answer.status != 200 {
        let problem = format!("GitHub's token service answered {}", answer.status);
        return Err(failed(problem).help("give the job `permissions: id-token: write`"));
    }
    let read = serde_json::from_slice::<GitHubAnswer>(&answer.body);
    let token =
        read.map_err(|_| failed("GitHub's token service answered without a token".to_owned()))?;
    clean(GITHUB_URL, token.value.expose_secret(), &mut Vec::new()).map(SecretString::from)
}
