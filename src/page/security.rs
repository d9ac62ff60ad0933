//! What the page may load: nothing from anywhere, and of style and script only its own.

use std::sync::LazyLock;

use data_encoding::BASE64;
use sha2::{Digest, Sha256};

use super::template::{SCRIPT, STYLE};

/// The Content-Security-Policy of a page that stays as it is, or of one that asks for a newer one.
pub fn policy(is_live: bool) -> &'static str {
    static STILL: LazyLock<String> = LazyLock::new(|| build(""));
    static LIVE: LazyLock<String> = LazyLock::new(|| {
        let script = hash(SCRIPT);
        build(&format!(" script-src '{script}'; connect-src 'self';"))
    });
    if is_live { &LIVE } else { &STILL }
}

fn build(more: &str) -> String {
    let style = hash(STYLE);
    format!(
        "default-src 'none'; style-src '{style}'; img-src data:; base-uri 'none'; \
         form-action 'none';{more}"
    )
}

fn hash(text: &str) -> String {
    format!("sha256-{}", BASE64.encode(&Sha256::digest(text)))
}
