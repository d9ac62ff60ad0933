//! TLS as this machine trusts it.

use std::sync::Arc;

use hyper_rustls::ConfigBuilderExt;
use rustls::ClientConfig;
use rustls::crypto::ring;

use super::settings::ClientError;

/// The one protocol that is spoken inside.
const HTTP_1_1: &[u8] = b"http/1.1";

/// Certificates are checked by the machine's own rules and roots.
pub(super) fn config() -> Result<ClientConfig, ClientError> {
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .and_then(ConfigBuilderExt::try_with_platform_verifier);
    let config = config.map_err(|error| ClientError::Setup(error.to_string()))?;
    let mut config = config.with_no_client_auth();
    config.alpn_protocols = vec![HTTP_1_1.to_vec()];
    Ok(config)
}
