//! Where the client connects to, and how patient it is.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use reqwest::Url;

use crate::api::host::{Host, Side};
use crate::api::name::{BucketName, Region};

/// Which bucket's API is called, and where it is reached.
#[derive(Debug, Clone)]
pub struct Endpoint {
    /// The bucket.
    pub bucket: BucketName,
    /// Its region.
    pub region: Region,
    /// Where to connect to instead of the bucket's own host; host header and signature name the
    /// bucket's host all the same.
    pub base: Option<Url>,
}

impl Endpoint {
    /// One of the bucket's own hosts, which requests name wherever they are sent.
    pub fn host(&self, side: Side) -> Host {
        Host {
            bucket: self.bucket.clone(),
            side,
            region: self.region.clone(),
        }
    }

    /// The host that calls go to, with a port where one is written.
    pub fn place(&self) -> String {
        let Some(base) = &self.base else {
            return self.host(Side::Ci).to_string();
        };
        let host = base.host_str().unwrap_or_default();
        let port = base.port();
        port.map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
    }

    /// The address to connect to, without a path.
    pub(super) fn address(&self, side: Side) -> Result<Url, ClientError> {
        let Some(base) = &self.base else {
            let own = format!("https://{}", self.host(side));
            return own
                .parse()
                .map_err(|_| ClientError::NotAnAddress { url: own });
        };
        let is_bare = base.path() == "/"
            && base.query().is_none()
            && base.fragment().is_none()
            && base.username().is_empty()
            && base.password().is_none();
        match base.scheme() {
            "https" if is_bare => Ok(base.clone()),
            "http" if is_bare && is_loopback(base) => Ok(base.clone()),
            "http" if is_bare => Err(ClientError::PlainHttp {
                url: base.to_string(),
            }),
            _ => Err(ClientError::NotAnAddress {
                url: shown(base.clone()),
            }),
        }
    }
}

/// An address that may be wrong in any way, without the password that may stand in it.
fn shown(mut url: Url) -> String {
    let _ = url.set_username("");
    let _ = url.set_password(None);
    url.to_string()
}

/// Whether an address is one of this machine alone.
pub(crate) fn is_loopback(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default();
    let address = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost"
        || address
            .parse::<IpAddr>()
            .is_ok_and(|address| address.is_loopback())
}

/// The hosts and buckets that signed calls may be made to.
#[derive(Debug, Clone, Default)]
pub struct Permitted(Arc<BTreeSet<String>>);

impl Permitted {
    /// These names of buckets and hosts, these also with a port.
    pub fn new(names: impl IntoIterator<Item = String>) -> Self {
        Self(Arc::new(names.into_iter().collect()))
    }

    /// What of an endpoint is not permitted: its bucket, and the address that stands in for the bucket's
    /// own host.
    pub fn refused(&self, endpoint: &Endpoint) -> Vec<String> {
        let is_permitted = |name: &str| self.0.contains(name);
        let bucket = endpoint.bucket.as_str();
        let own = [Side::Ci, Side::Cos].map(|side| endpoint.host(side).to_string());
        let mut refused = Vec::new();
        if !is_permitted(bucket) && !own.iter().any(|host| is_permitted(host)) {
            refused.push(bucket.to_owned());
        }
        if let Some(base) = &endpoint.base {
            let (host, place) = (base.host_str().unwrap_or_default(), endpoint.place());
            if !is_permitted(host) && !is_permitted(&place) {
                refused.push(place);
            }
        }
        refused
    }
}

/// How patient the client is, and where it may go.
#[derive(Debug, Clone)]
pub struct ClientSettings {
    /// To connect, TLS included.
    pub connect_timeout: Duration,
    /// For a whole call, from connecting to the last byte of the answer.
    pub call_timeout: Duration,
    /// Calls a second at most, of all clients that share connections; absent for as many as will.
    pub rate: Option<u32>,
    /// How often a read is tried again.
    pub read_retries: usize,
    /// A proxy to go through; none is taken from the environment.
    pub proxy: Option<Url>,
    /// Hosts that are reached without it, as `NO_PROXY` lists them.
    pub no_proxy: Option<String>,
    /// Where signed calls may go; absent for anywhere.
    pub permitted: Option<Permitted>,
}

impl ClientSettings {
    /// Shorter than the call, so that what never connected is known not to have been sent.
    pub(super) fn longest_connecting(&self) -> Duration {
        self.connect_timeout.min(self.call_timeout / 2)
    }
}

impl Default for ClientSettings {
    fn default() -> Self {
        Self {
            connect_timeout: Duration::from_secs(10),
            call_timeout: Duration::from_mins(1),
            rate: None,
            read_retries: 4,
            proxy: None,
            no_proxy: None,
            permitted: None,
        }
    }
}

/// Why no client can be made.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// The endpoint would send signed requests unencrypted over a network.
    #[error(
        "the endpoint `{url}` is plain http, which is allowed on this machine's loopback alone; \
         use https"
    )]
    PlainHttp {
        /// The endpoint.
        url: String,
    },
    /// Not a bare http or https address.
    #[error(
        "the endpoint `{url}` must be an http or https address with a host and perhaps a port, \
         and nothing else"
    )]
    NotAnAddress {
        /// The endpoint.
        url: String,
    },
    /// Neither host nor bucket may be called.
    #[error("signed calls to {names} are not allowed here")]
    NotPermitted {
        /// What is not permitted, separated by commas.
        names: String,
    },
    /// TLS or a proxy cannot be set up.
    #[error("the HTTP client cannot be set up: {0}")]
    Setup(String),
}

#[cfg(test)]
mod tests {
    use super::{ClientError, Endpoint};
    use crate::api::host::Side;
    use crate::api::name::{BucketName, Region};

    fn address(base: Option<&str>) -> Result<String, ClientError> {
        let endpoint = Endpoint {
            bucket: BucketName::new("media-1250000000").unwrap(),
            region: Region::new("ap-beijing").unwrap(),
            base: base.map(|base| base.parse().unwrap()),
        };
        endpoint.address(Side::Ci).map(String::from)
    }

    #[test]
    fn the_default_is_https_on_the_buckets_own_host() {
        assert_eq!(
            address(None).unwrap(),
            "https://media-1250000000.ci.ap-beijing.myqcloud.com/"
        );
    }

    #[test]
    fn plain_http_stays_on_this_machine() {
        for good in [
            "http://127.0.0.1:8787",
            "http://127.9.9.9/",
            "http://[::1]:1",
            "http://localhost:80",
            "https://gateway.example:8443",
        ] {
            assert!(address(Some(good)).is_ok(), "{good}");
        }
        for bad in [
            "http://10.0.0.1",
            "http://0.0.0.0:8787",
            "http://localhost.example",
            "http://gateway.example",
        ] {
            let error = address(Some(bad)).unwrap_err();
            assert!(matches!(error, ClientError::PlainHttp { .. }), "{bad}");
        }
    }

    #[test]
    fn what_is_not_a_bare_address_is_refused_without_showing_a_password() {
        for bad in [
            "ftp://127.0.0.1",
            "https://u:hunter2@gateway.example",
            "https://gateway.example/path",
            "https://gateway.example?a=b",
        ] {
            let error = address(Some(bad)).unwrap_err();
            assert!(matches!(error, ClientError::NotAnAddress { .. }), "{bad}");
            assert!(!error.to_string().contains("hunter2"), "{error}");
        }
    }
}
