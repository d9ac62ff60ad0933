//! What a service says when it is ready.

use std::io::{self, Write};
use std::net::SocketAddr;
use std::path::Path;

use secrecy::ExposeSecret;

use super::table::{self, Cell};
use super::text::cut;
use super::ui::Look;
use super::ui::style::{FAINT, GOOD, STRONG};
use crate::api::credentials::Credentials;
use crate::plain_text::printable;
use crate::service::ServiceSettings;

/// Where the key pair that a service accepts is found.
#[derive(Debug, Clone, Copy)]
pub enum KeyPairPlace<'a> {
    Environment,
    /// In the documentation.
    WellKnown,
    File(&'a Path),
}

/// The key pair as assignments of the variables that clients read.
pub fn key_pair(out: &mut dyn Write, credentials: &Credentials) -> io::Result<()> {
    let (id, key) = (
        &credentials.secret_id,
        credentials.secret_key.expose_secret(),
    );
    writeln!(
        out,
        "TENCENTCLOUD_SECRET_ID={id}\nTENCENTCLOUD_SECRET_KEY={key}"
    )
}

/// Says where a service listens and what it serves.
pub fn serving(
    out: &mut dyn Write,
    look: Look,
    address: SocketAddr,
    settings: &ServiceSettings,
    key_pair: KeyPairPlace<'_>,
) -> io::Result<()> {
    writeln!(out, "{GOOD}listening{GOOD:#} on http://{address}")?;
    let row = |what: &str, name: String, rest: String| {
        vec![
            Cell::new(what, FAINT),
            Cell::new(name, STRONG),
            Cell::plain(rest),
        ]
    };
    let buckets = settings
        .buckets
        .iter()
        .map(|(name, folder)| row("bucket", name.to_string(), printable(folder)));
    let bucket_names = settings.buckets.keys().map(|name| name.as_str().len());
    let ids = settings.workflows.keys().map(|id| id.as_str().len());
    let names = bucket_names.chain(ids).max().unwrap_or(0);
    let room = look.width.saturating_sub("  workflow    ".len() + names);
    let workflows = settings.workflows.iter().map(|(id, workflow)| {
        let state = if workflow.paused { "paused: " } else { "" };
        let command = format!("{state}{}", workflow.command.join(" "));
        row("workflow", id.to_string(), cut(&command, room))
    });
    let rows: Vec<_> = buckets.chain(workflows).collect();
    table::write(out, 2, &rows)?;
    if let Some(tls) = &settings.tls {
        let file = printable(&tls.certificate);
        let words = "It speaks HTTPS on the same port, with the certificate";
        writeln!(out, "{FAINT}{words} {file}.{FAINT:#}")?;
    }
    match key_pair {
        KeyPairPlace::Environment => {
            writeln!(
                out,
                "{FAINT}Its key pair is that of STOCKTAKE_SERVE_SECRET_ID.{FAINT:#}"
            )?;
        }
        KeyPairPlace::WellKnown => {
            let words = "Its key pair is stocktake-local / stocktake-local: every user of this machine \
                         can sign with it.";
            writeln!(out, "{FAINT}{words}{FAINT:#}")?;
        }
        KeyPairPlace::File(file) => {
            let file = printable(file);
            writeln!(
                out,
                "{FAINT}Its key pair is in {file}; --print-credentials shows it.{FAINT:#}"
            )?;
        }
    }
    let data = printable(&settings.data);
    writeln!(
        out,
        "{FAINT}Jobs and results are kept in {data}. Ctrl-C ends it.{FAINT:#}"
    )
}
