//! Whether job files are whole: half of one is a whole file to a parser, and half of a prefix is a
//! wider one.

use std::collections::HashSet;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use super::Stamp;

/// Those of `files` that another process may still be writing: they changed within the last two
/// seconds, and are open for writing. `by_age_alone` is for file systems on which the writer may
/// be another machine.
pub fn being_written<'a>(
    files: impl Iterator<Item = &'a Path>,
    by_age_alone: bool,
) -> Vec<&'a Path> {
    let young = files.filter(|file| matches!(Stamp::of(file), Ok(None)));
    let young: Vec<&Path> = young.collect();
    if young.is_empty() || by_age_alone {
        return young;
    }
    let written = open_for_writing();
    let is_written = |file: &&Path| {
        let Some(written) = &written else { return true };
        fs::metadata(file).is_ok_and(|file| written.contains(&(file.dev(), file.ino())))
    };
    young.into_iter().filter(is_written).collect()
}

/// Device and inode of the files that are open for writing, as far as this process may know; `None`
/// where the system does not tell.
fn open_for_writing() -> Option<HashSet<(u64, u64)>> {
    let mut open = HashSet::new();
    for process in fs::read_dir("/proc").ok()?.flatten() {
        let name = process.file_name();
        let is_process = name.as_encoded_bytes().iter().all(u8::is_ascii_digit);
        if is_process && name.to_str() != Some(&std::process::id().to_string()) {
            open.extend(written_by(&process.path()));
        }
    }
    Some(open)
}

/// A process that has ended, or belongs to somebody else, has nothing to tell.
fn written_by(process: &Path) -> Vec<(u64, u64)> {
    let Ok(descriptors) = fs::read_dir(process.join("fd")) else {
        return Vec::new();
    };
    let file = |descriptor: fs::DirEntry| {
        let file = fs::metadata(descriptor.path()).ok()?;
        let info: PathBuf = process.join("fdinfo").join(descriptor.file_name());
        (file.is_file() && is_open_for_writing(&info)).then(|| (file.dev(), file.ino()))
    };
    descriptors.flatten().filter_map(file).collect()
}

fn is_open_for_writing(info: &Path) -> bool {
    const ACCESS_MODE: u32 = 0o3;
    let info = fs::read_to_string(info).unwrap_or_default();
    let flags = info.lines().find_map(|line| line.strip_prefix("flags:"));
    let flags = flags.and_then(|flags| u32::from_str_radix(flags.trim(), 8).ok());
    flags.is_some_and(|flags| flags & ACCESS_MODE != 0)
}

#[cfg(test)]
mod tests {
    use std::process::{Command, Stdio};

    use super::being_written;

    #[test]
    fn a_young_file_is_whole_once_its_writer_has_closed_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.yaml");
        std::fs::write(&path, "prefix: ima").unwrap();
        let files = || std::iter::once(path.as_path());
        assert!(being_written(files(), false).is_empty());
        assert_eq!(being_written(files(), true).len(), 1);
        // A shell that holds the file open until its standard input ends.
        let mut writer = Command::new("sh")
            .args(["-c", "exec >>\"$0\"; echo ges/; cat >/dev/null"])
            .arg(&path)
            .stdin(Stdio::piped())
            .spawn()
            .unwrap();
        let deadline = std::time::Instant::now() + std::time::Duration::from_secs(10);
        while being_written(files(), false).is_empty() {
            assert!(
                std::time::Instant::now() < deadline,
                "the writer is not seen"
            );
            std::thread::yield_now();
        }
        drop(writer.stdin.take());
        writer.wait().unwrap();
        assert!(being_written(files(), false).is_empty());
    }
}
