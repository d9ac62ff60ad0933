//! TLS: a certificate that is given, or a self-signed one that is made for the names of the buckets.

use std::fs;
use std::io::{self, Write};
use std::net::IpAddr;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

use super::start_error::StartError;
use crate::api::host::{Host, Side};
use crate::api::name::{BucketName, Region};

/// A certificate with its chain, and its private key, as PEM files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsFiles {
    pub certificate: PathBuf,
    pub key: PathBuf,
}

/// Reads the certificate and its key.
pub(super) fn load(files: &TlsFiles) -> Result<Arc<ServerConfig>, StartError> {
    let unusable = |file: &Path, problem: String| StartError::Tls {
        file: file.to_owned(),
        problem,
    };
    let chain = CertificateDer::pem_file_iter(&files.certificate)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .map_err(|error| unusable(&files.certificate, error.to_string()))?;
    if chain.is_empty() {
        let problem = "it has no certificate in PEM format".to_owned();
        return Err(unusable(&files.certificate, problem));
    }
    let key = PrivateKeyDer::from_pem_file(&files.key)
        .map_err(|error| unusable(&files.key, error.to_string()))?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .and_then(|builder| builder.with_no_client_auth().with_single_cert(chain, key));
    let mut config = config.map_err(|error| unusable(&files.certificate, error.to_string()))?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}

/// The names of a service: this machine's, its address, and the hosts of its buckets.
pub fn names<'a>(
    buckets: impl Iterator<Item = &'a BucketName>,
    region: &Region,
    address: IpAddr,
) -> Vec<String> {
    let mut names = vec![
        "localhost".to_owned(),
        "127.0.0.1".to_owned(),
        "::1".to_owned(),
    ];
    if !address.is_loopback() && !address.is_unspecified() {
        names.push(address.to_string());
    }
    for bucket in buckets {
        for side in [Side::Ci, Side::Cos] {
            let host = Host {
                bucket: bucket.clone(),
                side,
                region: region.clone(),
            };
            let host = host.to_string();
            names.push(host.replace(".myqcloud.com", ".tencentcos.cn"));
            names.push(host);
        }
    }
    names
}

/// A certificate for these names below `folder`, signed by its own key. It is made if there is none, or
/// one for other names.
pub fn self_signed(folder: &Path, names: &[String]) -> io::Result<TlsFiles> {
    let files = TlsFiles {
        certificate: folder.join("certificate.pem"),
        key: folder.join("key.pem"),
    };
    let list = folder.join("names");
    let wanted = names.join("\n");
    let is_made = files.certificate.exists() && files.key.exists();
    if is_made && fs::read_to_string(&list).is_ok_and(|list| list == wanted) {
        return Ok(files);
    }
    let made = rcgen::generate_simple_self_signed(names).map_err(io::Error::other)?;
    fs::create_dir_all(folder)?;
    // Last, the names: a certificate that was not written whole is made again.
    let _ = fs::remove_file(&list);
    let _ = fs::remove_file(&files.key);
    let mut private = fs::OpenOptions::new();
    private.write(true).create_new(true).mode(0o600);
    let mut key = private.open(&files.key)?;
    key.write_all(made.signing_key.serialize_pem().as_bytes())?;
    fs::write(&files.certificate, made.cert.pem())?;
    fs::write(&list, wanted)?;
    Ok(files)
}
