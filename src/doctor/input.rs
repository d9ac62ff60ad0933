//! Whether the inputs that jobs name can be read.

use crate::api::client::{Client, ObjectQuery};
use crate::api::objects;
use crate::api::request::Input;

use super::check::{Check, Finding, failed, in_time, ok, refused, warning};

/// Asks for one input.
pub(super) async fn check(client: &Client, input: &Input) -> Check {
    let bucket = &client.endpoint().bucket;
    let (asked, subject) = match input {
        Input::Prefix(prefix) => (format!("GET /?prefix={prefix} on {bucket}"), prefix),
        Input::Object(key) | Input::Manifest(key) | Input::UrlFile(key) => {
            (format!("HEAD {key} on {bucket}"), key)
        }
    };
    let finding = in_time(async {
        match input {
            Input::Prefix(prefix) => listed(client, prefix).await,
            Input::Object(key) => object(client, key).await,
            Input::Manifest(reference) | Input::UrlFile(reference) => {
                named(client, reference).await
            }
        }
    })
    .await;
    Check::new("input", subject, asked, finding)
}

async fn listed(client: &Client, prefix: &str) -> Finding {
    let query = ObjectQuery {
        prefix: prefix.to_owned(),
        ..ObjectQuery::default()
    };
    match client.objects(&query).await {
        Ok(page) if page.objects.is_empty() => warning(
            format!("no object begins with `{prefix}`"),
            "compare the prefix with the bucket; it has no leading slash",
        ),
        Ok(_) => ok("it can be listed, and has objects"),
        Err(error) => refused(client, &error),
    }
}

async fn object(client: &Client, key: &str) -> Finding {
    match client.object(key).await {
        Ok(Some(_)) => ok("it can be read"),
        Ok(None) => failed(
            format!("there is no object `{key}`"),
            "compare the key with the bucket; it has no leading slash",
        ),
        Err(error) => refused(client, &error),
    }
}

/// A key, or the address of an object.
async fn named(client: &Client, name: &str) -> Finding {
    match objects::resolve(&client.endpoint().bucket, name) {
        Ok(key) => object(client, &key).await,
        Err(problem) => failed(
            problem,
            "name an object of the same bucket, by its key or its address",
        ),
    }
}
