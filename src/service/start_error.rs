//! Why a service does not start.

use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use super::owner::Owner;
use super::store::StoreError;
use crate::api::name::BucketName;
use crate::plain_text::printable;

/// Why a service does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// Another process owns the data folder.
    #[error("another service runs on {}{}", printable(data), describe(owner.as_ref()))]
    Owned {
        /// The folder.
        data: PathBuf,
        /// Absent if it cannot be read.
        owner: Option<Owner>,
    },
    /// The address cannot be listened on.
    #[error("cannot listen on {address}: {source}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The key pair that everyone knows is for this machine.
    #[error(
        "cannot listen on {address} with a key pair that everyone knows: listen on 127.0.0.1, or leave out \
         --fixed-credentials"
    )]
    WellKnownKeyPair { address: SocketAddr },
    /// A bucket's folder is missing or is no folder.
    #[error(
        "the folder {} of bucket {bucket} cannot be used: {source}",
        printable(folder)
    )]
    Bucket {
        /// The bucket.
        bucket: BucketName,
        /// Its folder.
        folder: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// A line of a bucket's list of upload times is wrong.
    #[error("{}:{line}: {problem}", printable(file))]
    UploadTimes {
        /// The list.
        file: PathBuf,
        /// The line, from 1.
        line: usize,
        /// What is wrong with it.
        problem: String,
    },
    /// A file or folder cannot be used.
    #[error("cannot use {}: {source}", printable(path))]
    File {
        /// The file or folder.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// A certificate or its key cannot be used.
    #[error("cannot use {} for TLS: {problem}", printable(file))]
    Tls { file: PathBuf, problem: String },
    /// The database cannot be used.
    #[error("cannot use the service's database {}: {source}", printable(path))]
    Database {
        /// The database.
        path: PathBuf,
        /// Why.
        #[source]
        source: StoreError,
    },
}

impl StartError {
    pub(super) fn file(path: &Path, source: io::Error) -> Self {
        Self::File {
            path: path.to_owned(),
            source,
        }
    }
}

fn describe(owner: Option<&Owner>) -> String {
    owner.map_or_else(String::new, |owner| {
        format!(" (process {}, on {})", owner.process, owner.address)
    })
}
