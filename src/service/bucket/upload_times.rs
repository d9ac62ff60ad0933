//! Gives files the upload times that a list beside them states: git keeps no modification times.

use std::fs;
use std::io::{self, Read};
use std::time::SystemTime;

use super::folder::Folder;
use super::{UPLOAD_TIMES, is_plain};
use crate::api::time;
use crate::service::start_error::StartError;

/// The largest list, in bytes.
const LIMIT: u64 = 64 * 1024 * 1024;

/// Reads `<time> <key>` lines (`#` begins a comment) and sets the files' modification times.
pub(super) fn apply(folder: &Folder) -> Result<(), StartError> {
    let file = folder.root().join(UPLOAD_TIMES);
    let text = match read(folder) {
        Ok(Some(text)) => text,
        Ok(None) => return Ok(()),
        Err(error) => return Err(StartError::file(&file, error)),
    };
    let text = text.trim_start_matches('\u{feff}');
    for (index, line) in text.lines().enumerate() {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        apply_line(folder, line).map_err(|problem| StartError::UploadTimes {
            file: file.clone(),
            line: index + 1,
            problem,
        })?;
    }
    Ok(())
}

/// The list's text, if there is a list.
fn read(folder: &Folder) -> io::Result<Option<String>> {
    let Some((_, file)) = folder.read(UPLOAD_TIMES)? else {
        let is_there = fs::symlink_metadata(folder.root().join(UPLOAD_TIMES)).is_ok();
        return if is_there {
            Err(io::Error::other("it is no regular file"))
        } else {
            Ok(None)
        };
    };
    let mut text = String::new();
    if file.take(LIMIT + 1).read_to_string(&mut text)? as u64 > LIMIT {
        let problem = format!("it is larger than {LIMIT} bytes");
        return Err(io::Error::other(problem));
    }
    Ok(Some(text))
}

fn apply_line(folder: &Folder, line: &str) -> Result<(), String> {
    let (moment, key) = line
        .split_once(char::is_whitespace)
        .ok_or("a time and a key belong here, as in `2022-02-14T09:30:00+0800 input/cat.png`")?;
    let key = key.trim_start();
    let uploaded = time::parse(moment).map_err(|error| format!("`{moment}` {error}"))?;
    if !is_plain(key) {
        return Err(format!("`{key}` cannot be an object of this bucket"));
    }
    let set = || {
        let found = folder.read(key)?;
        let (_, file) = found.ok_or_else(|| io::Error::from(io::ErrorKind::NotFound))?;
        let uploaded = SystemTime::try_from(uploaded).map_err(io::Error::other)?;
        if file.metadata()?.modified()? == uploaded {
            return Ok(());
        }
        file.set_modified(uploaded)
    };
    set().map_err(|error: io::Error| format!("the time of `{key}` cannot be set: {error}"))
}
