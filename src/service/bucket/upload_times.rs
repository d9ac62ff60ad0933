//! Gives files the upload times that a list beside them states: git keeps no modification times.

use std::fs::{self, File};
use std::io;
use std::path::Path;
use std::time::SystemTime;

use super::{UPLOAD_TIMES, is_plain};
use crate::api::time;
use crate::service::start_error::StartError;

/// Reads `<time> <key>` lines (`#` begins a comment) and sets the files' modification times.
pub(super) fn apply(folder: &Path) -> Result<(), StartError> {
    let file = folder.join(UPLOAD_TIMES);
    let text = match fs::read_to_string(&file) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(StartError::file(&file, error)),
    };
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

fn apply_line(folder: &Path, line: &str) -> Result<(), String> {
    let (moment, key) = line
        .split_once(char::is_whitespace)
        .ok_or("a time and a key belong here, as in `2022-02-14T09:30:00+0800 input/cat.png`")?;
    let key = key.trim_start();
    let uploaded = time::parse(moment).map_err(|error| format!("`{moment}` {error}"))?;
    if !is_plain(key) {
        return Err(format!("`{key}` cannot be an object of this bucket"));
    }
    let set = || {
        let file = File::open(folder.join(key))?;
        let uploaded = SystemTime::try_from(uploaded).map_err(io::Error::other)?;
        if file.metadata()?.modified()? == uploaded {
            return Ok(());
        }
        file.set_modified(uploaded)
    };
    set().map_err(|error: io::Error| format!("the time of `{key}` cannot be set: {error}"))
}
