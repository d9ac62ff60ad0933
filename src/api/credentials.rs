//! The key pair that signs requests.

use secrecy::SecretString;

/// A key pair, and the token that comes with a temporary one.
///
/// `Debug` shows none of the secrets.
#[derive(Debug, Clone)]
pub struct Credentials {
    /// Public half; travels in every request.
    pub secret_id: String,
    /// Secret half; never leaves this process.
    pub secret_key: SecretString,
    /// Session token of temporary credentials.
    pub token: Option<SecretString>,
}

impl Credentials {
    /// A permanent key pair.
    pub fn permanent(secret_id: impl Into<String>, secret_key: impl Into<String>) -> Self {
        Self {
            secret_id: secret_id.into(),
            secret_key: SecretString::from(secret_key.into()),
            token: None,
        }
    }
}
