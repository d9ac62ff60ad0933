//! The key pair of a data folder: drawn once, and kept beside the address for the folder's user alone.

use std::fs;
use std::io::{self, Read, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use rustix::fs::{CWD, Mode, OFlags, openat};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use tempfile::NamedTempFile;
use uuid::Uuid;

use super::data_folder::make_private;
use super::start_error::StartError;
use crate::api::credentials::Credentials;

const FILE: &str = "credentials.json";

/// Larger than any pair.
const SIZE_LIMIT: u64 = 4096;

/// Both halves of the pair that everyone knows.
const WELL_KNOWN: &str = "stocktake-local";

/// As Tencent's command line tool keeps a pair.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Written {
    secret_id: String,
    secret_key: SecretString,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Drawn<'a> {
    secret_id: &'a str,
    secret_key: &'a str,
}

/// The pair that everyone knows: for tests, on loopback alone.
pub fn well_known_key_pair() -> Credentials {
    Credentials::permanent(WELL_KNOWN, WELL_KNOWN)
}

/// Whether anyone could sign with it.
pub(super) fn is_well_known(credentials: &Credentials) -> bool {
    credentials.secret_key.expose_secret() == WELL_KNOWN
}

/// The file of a data folder's pair.
pub fn key_pair_file(data: &Path) -> PathBuf {
    data.join(FILE)
}

/// The pair of a data folder; drawn, if the folder has none yet.
pub fn key_pair(data: &Path) -> Result<Credentials, StartError> {
    let file = key_pair_file(data);
    let pair = match read(&file) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            make_private(data).map_err(|error| StartError::file(data, error))?;
            draw(data, &file)
        }
        pair => pair,
    };
    pair.map_err(|error| StartError::file(&file, error))
}

/// An error says nothing of the content.
fn read(path: &Path) -> io::Result<Credentials> {
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let file = fs::File::from(openat(CWD, path, flags, Mode::empty())?);
    let metadata = file.metadata()?;
    if !metadata.is_file() {
        return Err(io::Error::other("it is no regular file"));
    }
    if metadata.mode() & 0o077 != 0 {
        let problem = "others may read it; remove it, and a new key pair is drawn";
        return Err(io::Error::other(problem));
    }
    let mut text = Vec::new();
    file.take(SIZE_LIMIT).read_to_end(&mut text)?;
    let pair: Written = serde_json::from_slice(&text).map_err(|_| {
        let problem = "it does not hold secretId and secretKey as JSON; remove it, and a new key pair \
                       is drawn";
        io::Error::other(problem)
    })?;
    Ok(Credentials {
        secret_id: pair.secret_id,
        secret_key: pair.secret_key,
        token: None,
    })
}

/// Another process may draw one at the same time: the one that was first counts.
fn draw(data: &Path, path: &Path) -> io::Result<Credentials> {
    let id = format!("local-{}", Uuid::new_v4().simple());
    let key = format!("{}{}", Uuid::new_v4().simple(), Uuid::new_v4().simple());
    // Readable for its user alone.
    let mut file = NamedTempFile::new_in(data)?;
    let drawn = Drawn {
        secret_id: &id,
        secret_key: &key,
    };
    serde_json::to_writer(&mut file, &drawn)?;
    file.write_all(b"\n")?;
    file.as_file().sync_all()?;
    match file.persist_noclobber(path) {
        Ok(_) => Ok(Credentials::permanent(id, key)),
        Err(error) if error.error.kind() == io::ErrorKind::AlreadyExists => read(path),
        Err(error) => Err(error.error),
    }
}

#[cfg(test)]
mod tests {
    use super::{is_well_known, key_pair, key_pair_file, well_known_key_pair};
    use secrecy::ExposeSecret;
    use std::fs::{self, Permissions};
    use std::os::unix::fs::{PermissionsExt, symlink};

    #[test]
    fn a_pair_is_drawn_once_for_its_user() {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().join("data");
        let drawn = key_pair(&data).unwrap();
        let again = key_pair(&data).unwrap();
        let secret = drawn.secret_key.expose_secret();
        assert_eq!(drawn.secret_id, again.secret_id);
        assert_eq!(secret, again.secret_key.expose_secret());
        assert!(!is_well_known(&drawn) && is_well_known(&well_known_key_pair()));
        let mode = |path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(key_pair_file(&data)), 0o600);
        assert_eq!(mode(data.clone()), 0o700);
        let other = key_pair(&folder.path().join("other")).unwrap();
        assert_ne!(other.secret_id, drawn.secret_id);
        assert_ne!(other.secret_key.expose_secret(), secret);
    }

    #[test]
    fn a_pair_that_others_may_know_or_have_put_there_is_refused_without_its_content() {
        let folder = tempfile::tempdir().unwrap();
        let file = key_pair_file(folder.path());
        let refused = || key_pair(folder.path()).unwrap_err().to_string();
        fs::write(&file, "{\"secretId\":\"a\",\"secretKey\":\"canary\"}").unwrap();
        fs::set_permissions(&file, Permissions::from_mode(0o640)).unwrap();
        assert!(refused().contains("others may read it"), "{}", refused());
        fs::set_permissions(&file, Permissions::from_mode(0o600)).unwrap();
        assert!(key_pair(folder.path()).is_ok());
        fs::write(&file, "{\"secretKey\":\"canary\"}").unwrap();
        assert!(refused().contains("does not hold"), "{}", refused());
        assert!(!refused().contains("canary"), "{}", refused());
        fs::remove_file(&file).unwrap();
        symlink("/dev/zero", &file).unwrap();
        assert!(refused().contains("credentials.json"), "{}", refused());
    }
}
