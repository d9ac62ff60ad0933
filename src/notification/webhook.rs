//! The webhook: its address, its form of a message, and its signature.

use std::time::Duration;

use data_encoding::{BASE64, HEXLOWER};
use hmac::{Hmac, KeyInit, Mac};
use hyper::Request;
use hyper::header::{CONTENT_TYPE, HOST};
use jiff::Timestamp;
use reqwest::Url;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use serde_json::json;
use sha2::Sha256;

use super::event::{self, Event};
use crate::api::client::{ClientSettings, HttpAnswer, HttpClient, is_loopback};
use crate::api::signature::url_encode;
use crate::workspace::NotifyForm;

/// A robot takes a text of 2,048 bytes at most.
const LONGEST_TEXT: usize = 2000;

/// Robots take twenty messages a minute.
const ROBOT_PAUSE: Duration = Duration::from_secs(3);

/// Where events go. `Debug` shows neither its address, which is a secret, nor its key.
pub struct Webhook {
    form: NotifyForm,
    address: Url,
    secret: Option<SecretString>,
    http: HttpClient,
}

impl std::fmt::Debug for Webhook {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { form, .. } = self;
        formatter
            .debug_struct("Webhook")
            .field("form", form)
            .finish_non_exhaustive()
    }
}

/// Why there is no webhook at that address. The address is a secret, and not shown.
#[derive(Debug, thiserror::Error)]
pub enum WebhookError {
    /// It is no address that can be used.
    #[error("it is no https address; plain http is for this machine alone")]
    Address,
    /// Connections cannot be set up.
    #[error("{0}")]
    Client(String),
}

/// What a robot answers, whatever the HTTP status.
#[derive(Debug, Deserialize)]
struct RobotAnswer {
    errcode: i64,
    #[serde(default)]
    errmsg: String,
}

impl Webhook {
    /// The webhook at `address`. Connects to nothing.
    pub fn new(
        form: NotifyForm,
        address: &SecretString,
        secret: Option<SecretString>,
        settings: &ClientSettings,
    ) -> Result<Self, WebhookError> {
        let address: Url = address
            .expose_secret()
            .trim()
            .parse()
            .map_err(|_| WebhookError::Address)?;
        let is_encrypted = address.scheme() == "https";
        let is_private = is_encrypted || (address.scheme() == "http" && is_loopback(&address));
        if !is_private {
            return Err(WebhookError::Address);
        }
        let http = HttpClient::new(settings, is_encrypted)
            .map_err(|error| WebhookError::Client(error.to_string()))?;
        Ok(Self {
            form,
            address,
            secret,
            http,
        })
    }

    /// Whether the way to this address is encrypted.
    pub fn is_encrypted(address: &SecretString) -> bool {
        let url: Option<Url> = address.expose_secret().trim().parse().ok();
        url.is_some_and(|url| url.scheme() == "https")
    }

    /// How long to wait between two messages.
    pub(super) fn pause(&self) -> Duration {
        match self.form {
            NotifyForm::Json => Duration::ZERO,
            NotifyForm::Wecom | NotifyForm::Dingtalk => ROBOT_PAUSE,
        }
    }

    /// Sends events as one message. The error is one line, which shows nothing of the address.
    pub(super) async fn send(&self, events: &[Event]) -> Result<(), String> {
        let request = self.request(events, Timestamp::now())?;
        let answer = self.http.send(request).await?;
        match self.form {
            NotifyForm::Json => accepted(&answer),
            NotifyForm::Wecom | NotifyForm::Dingtalk => accepted(&answer).and_then(|()| {
                let said: Result<RobotAnswer, _> = serde_json::from_slice(&answer.body);
                match said {
                    Ok(RobotAnswer { errcode: 0, .. }) => Ok(()),
                    Ok(RobotAnswer { errcode, errmsg }) => {
                        Err(format!("the robot answered {errcode} {errmsg}"))
                    }
                    Err(_) => Err("the answer is not that of a robot".to_owned()),
                }
            }),
        }
    }

    fn request(&self, events: &[Event], now: Timestamp) -> Result<Request<String>, String> {
        let body = match self.form {
            NotifyForm::Json => event::json(events),
            NotifyForm::Wecom | NotifyForm::Dingtalk => serde_json::to_string(
                &json!({ "msgtype": "text", "text": { "content": text(events) } }),
            ),
        };
        let body = body.map_err(|error| error.to_string())?;
        let mut address = self.address.clone();
        let mut signature = None;
        if let Some(secret) = &self.secret {
            match self.form {
                NotifyForm::Json => {
                    let mac = mac(secret, &body);
                    signature = Some(format!("sha256={}", HEXLOWER.encode(&mac)));
                }
                NotifyForm::Dingtalk => {
                    let time = now.as_millisecond();
                    let message = format!("{time}\n{}", secret.expose_secret());
                    let sign = url_encode(&BASE64.encode(&mac(secret, &message)));
                    let query = address.query().map(|query| format!("{query}&"));
                    let query = query.unwrap_or_default();
                    address.set_query(Some(&format!("{query}timestamp={time}&sign={sign}")));
                }
                // Its address has its key; messages are not signed.
                NotifyForm::Wecom => {}
            }
        }
        let host = address.authority().rsplit('@').next().unwrap_or_default();
        let mut request = Request::post(address.as_str())
            .header(HOST, host)
            .header(CONTENT_TYPE, "application/json; charset=utf-8");
        if let Some(signature) = signature {
            request = request.header("X-Stocktake-Signature", signature);
        }
        request
            .body(body)
            .map_err(|_| "the message cannot be written".to_owned())
    }
}

fn accepted(answer: &HttpAnswer) -> Result<(), String> {
    match answer.status {
        200..=299 => Ok(()),
        status => Err(format!("the webhook answered {status}")),
    }
}

/// HMAC-SHA-256 of a text.
fn mac(secret: &SecretString, text: &str) -> Vec<u8> {
    #[expect(clippy::expect_used, reason = "HMAC takes a key of any length")]
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.expose_secret().as_bytes())
        .expect("HMAC takes a key of any length");
    mac.update(text.as_bytes());
    mac.finalize().into_bytes().to_vec()
}

/// A line an event, and how many more there are.
fn text(events: &[Event]) -> String {
    let mut text = "stocktake".to_owned();
    for (index, event) in events.iter().enumerate() {
        let line = event.line();
        if text.len() + 1 + line.len() > LONGEST_TEXT {
            let others = events.len() - index;
            return format!("{text}\n… {others} more");
        }
        text.push('\n');
        text.push_str(&line);
    }
    text
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use secrecy::SecretString;

    use super::{Webhook, text};
    use crate::api::client::ClientSettings;
    use crate::notification::event::Event;
    use crate::state::SubmissionId;
    use crate::workspace::NotifyForm;

    fn webhook(form: NotifyForm, secret: &str) -> Webhook {
        let address = SecretString::from("http://127.0.0.1:1/robot?access_token=abc");
        let settings = ClientSettings::default();
        Webhook::new(form, &address, Some(SecretString::from(secret)), &settings).unwrap()
    }

    fn event() -> Event {
        let left = vec![(SubmissionId::random(), "视频".to_owned())];
        Event::run_unresolved("prod", left).unwrap()
    }

    /// Computed with the HMAC of Python's standard library.
    #[test]
    fn a_message_for_dingtalk_is_signed_in_its_address() {
        let now = Timestamp::from_millisecond(1_700_000_000_000).unwrap();
        let webhook = webhook(NotifyForm::Dingtalk, "SECcanary");
        let request = webhook.request(&[event()], now).unwrap();
        let query = request.uri().query().unwrap();
        assert_eq!(query, DINGTALK_QUERY);
        assert!(!format!("{webhook:?}").contains("canary"));
    }

    const DINGTALK_QUERY: &str = "access_token=abc&timestamp=1700000000000&sign=%2FSavN2yc2rblLbWL2Qr%2FiwRDVxPYE3j7RcOwaXuWxKo%3D";

    #[test]
    fn a_text_fits_whatever_there_is_to_tell() {
        let mut long = event();
        long.keys = vec!["k".repeat(300); 9];
        let shown = text(&vec![long; 40]);
        assert!(shown.len() < 2048 && shown.ends_with(" more"), "{shown}");
    }
}
