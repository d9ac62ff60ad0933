//! TLS as this machine trusts it.

use std::sync::Arc;

use hyper_rustls::ConfigBuilderExt;
use rustls::crypto::ring;
use rustls::{ClientConfig, RootCertStore};

use super::settings::ClientError;

/// The one protocol that is spoken inside.
const HTTP_1_1: &[u8] = b"http/1.1";

/// Certificates are checked by the machine's own rules and roots. Reading those takes as long as
/// many calls: where nothing is encrypted, none are read and none would be trusted.
pub(super) fn config(is_used: bool) -> Result<ClientConfig, ClientError> {
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .and_then(|config| {
            if is_used {
                config.try_with_platform_verifier()
            } else {
                Ok(config.with_root_certificates(RootCertStore::empty()))
            }
        });
    let config = config.map_err(|error| ClientError::Setup(error.to_string()))?;
    let mut config = config.with_no_client_auth();
    config.alpn_protocols = vec![HTTP_1_1.to_vec()];
    Ok(config)
}
