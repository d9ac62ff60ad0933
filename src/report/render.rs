//! One job in full: what it becomes, and where each value comes from.

use std::io::{self, Write};

use serde_json::json;

use super::table::{self, Cell};
use super::ui::style::{FAINT, STRONG};
use crate::expand::{Layer, Origin};
use crate::job::Job;
use crate::plain_text::{clean, printable};
use crate::report::json::write as write_json;
use crate::source::{Place, slashes};

/// What there is to say about one job.
#[derive(Debug)]
pub struct Rendered<'a> {
    /// The job.
    pub job: &'a Job,
    /// The target's name.
    pub target: &'a str,
    /// The host that the request names.
    pub host: &'a str,
    /// The body, as it is sent.
    pub body: &'a str,
    /// Where each field comes from.
    pub origins: &'a [Origin],
    /// The variables that it uses.
    pub variables: &'a [VariableOrigin],
}

/// A variable, its value, and where that comes from.
#[derive(Debug)]
pub struct VariableOrigin {
    /// Its name.
    pub name: String,
    /// Its value.
    pub value: String,
    /// Where it comes from, such as `--var`.
    pub source: String,
}

/// Writes all of it for people.
pub fn human(out: &mut dyn Write, rendered: &Rendered<'_>) -> io::Result<()> {
    let job = rendered.job;
    writeln!(out, "{STRONG}{}{STRONG:#}  {}", job.key, place(&job.source))?;
    writeln!(out, "fingerprint {}\n", job.fingerprint)?;
    let fields = rendered.origins.iter().map(|origin| {
        let from = source(origin, rendered.target);
        (origin.field.clone(), origin.value.clone(), from)
    });
    let variables = rendered.variables.iter().map(|variable| {
        let name = format!("vars.{}", variable.name);
        (name, variable.value.clone(), variable.source.clone())
    });
    let mut rows = Vec::new();
    for (name, value, from) in fields.chain(variables) {
        rows.push(vec![Cell::plain(name), Cell::plain(value)]);
        rows.push(vec![Cell::plain(""), Cell::new(from, FAINT)]);
    }
    table::write(out, 0, &rows)?;
    writeln!(out, "\nPOST https://{}{PATH}", rendered.host)?;
    writeln!(out, "{}", rendered.body)
}

const PATH: &str = "/inventorytriggerjob";

fn source(origin: &Origin, target: &str) -> String {
    let from = match &origin.layer {
        Layer::Job(at) => place(at),
        Layer::Defaults(at) => format!("{} (defaults)", place(at)),
        Layer::Windows(at) => format!("{} (windows)", place(at)),
        Layer::Target => format!("target {target}"),
        Layer::BuiltIn => "not written".to_owned(),
    };
    match &origin.template {
        Some(template) => format!("{from}: {template}"),
        None => from,
    }
}

fn place(place: &Place) -> String {
    format!("{}:{}", printable(place.file.path()), place.line())
}

/// Writes what is sent, and its fingerprint, for programs.
pub fn json(out: &mut dyn Write, rendered: &Rendered<'_>) -> io::Result<()> {
    let job = rendered.job;
    let document = json!({
        "key": job.key,
        "fingerprint": job.fingerprint,
        "source": {
            "file": slashes(job.source.file.path()),
            "line": job.source.line(),
        },
        "host": rendered.host,
        "bucket": job.work.bucket,
        "region": job.work.region,
        "request": job.work.request,
        "rerun": job.work.rerun,
    });
    write_json(out, &document)
}

/// Writes a shell script that signs and sends the request with openssl and curl. The secrets stay in
/// the environment it runs in.
pub fn curl(out: &mut dyn Write, rendered: &Rendered<'_>) -> io::Result<()> {
    let Rendered {
        host, body, job, ..
    } = rendered;
    writeln!(
        out,
        r#"# Sends `{key}` by hand. Nothing records that: the next apply would send it again.
# Needs TENCENTCLOUD_SECRET_ID and TENCENTCLOUD_SECRET_KEY.
set -eu
now=$(date +%s)
time="$now;$((now + 600))"
hmac() {{ openssl dgst -sha1 -hmac "$1" | sed 's/^.* //'; }}
sign_key=$(printf '%s' "$time" | hmac "$TENCENTCLOUD_SECRET_KEY")
digest=$(printf 'post\n{PATH}\n\nhost={host}\n' | openssl dgst -sha1 | sed 's/^.* //')
signature=$(printf 'sha1\n%s\n%s\n' "$time" "$digest" | hmac "$sign_key")
authorization="q-sign-algorithm=sha1&q-ak=$TENCENTCLOUD_SECRET_ID&q-sign-time=$time"
authorization="$authorization&q-key-time=$time&q-header-list=host&q-url-param-list="
authorization="$authorization&q-signature=$signature"
curl --fail-with-body --request POST 'https://{host}{PATH}' \
  --header "Authorization: $authorization" \
  --header 'Content-Type: application/xml' \
  --data-raw {body}"#,
        key = clean(job.key.as_str()),
        body = quoted(body),
    )
}

/// As one word of a POSIX shell.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}
