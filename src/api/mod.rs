//! The batch API of Cloud Infinite: its names, times, bodies, signature, errors, and the client.
//!
//! Everything that client and service must agree on lives here and only here.

pub mod client;
pub mod credential_provider;
pub mod credentials;
pub mod host;
pub mod name;
pub mod objects;
pub mod request;
pub mod signature;
pub mod time;
pub mod wire;
