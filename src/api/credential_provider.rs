//! Credentials as they are now: temporary ones are renewed before they end.

use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, SystemTime};

use futures_util::future::BoxFuture;
use jiff::Timestamp;
use tokio::sync::Mutex;

use super::credentials::Credentials;

/// The longest time before their end at which credentials are renewed.
const RENEW_BEFORE: Duration = Duration::from_mins(5);

/// A call that begins with less time left than this may meet the end on its way.
const LEAST_LEFT: Duration = Duration::from_secs(30);

/// How long a failed renewal stands before the next one is tried.
const PAUSE: Duration = Duration::from_secs(1);

/// Credentials as their source gave them.
#[derive(Debug, Clone)]
pub struct IssuedCredentials {
    /// The key pair, with its token.
    pub credentials: Credentials,
    /// How long they hold from now on; absent for those without an end.
    pub lifetime: Option<Duration>,
}

/// Asks the source once more. The error is one line for people, without secrets.
pub type Renewal =
    Box<dyn Fn() -> BoxFuture<'static, Result<IssuedCredentials, String>> + Send + Sync>;

/// Temporary credentials that have ended or are about to, and cannot be renewed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the credentials have ended and cannot be renewed: {reason}")]
pub struct RenewalError {
    /// What the source said.
    pub reason: String,
}

/// Hands out credentials that hold. Clones share them.
#[derive(Clone)]
pub struct CredentialProvider(Arc<Shared>);

struct Shared {
    held: RwLock<Held>,
    renewal: Option<Renewal>,
    /// One renewal at a time.
    turn: Mutex<()>,
}

struct Held {
    credentials: Arc<Credentials>,
    received: SystemTime,
    lifetime: Option<Duration>,
    /// The last renewal, if it failed.
    failure: Option<(SystemTime, String)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Condition {
    Good,
    /// They still hold; it is time for new ones.
    Due,
    Ended,
}

impl Held {
    fn new(issued: IssuedCredentials) -> Self {
        Self {
            credentials: Arc::new(issued.credentials),
            received: SystemTime::now(),
            lifetime: issued.lifetime,
            failure: None,
        }
    }

    fn condition(&self, now: SystemTime) -> Condition {
        let Some(lifetime) = self.lifetime else {
            return Condition::Good;
        };
        // A clock that was set back says nothing; the service would.
        let age = now.duration_since(self.received).unwrap_or_default();
        let left = lifetime.saturating_sub(age);
        if left > RENEW_BEFORE.min(lifetime / 4) {
            Condition::Good
        } else if left > LEAST_LEFT.min(lifetime / 20) {
            Condition::Due
        } else {
            Condition::Ended
        }
    }

    /// A renewal that failed a moment ago.
    fn fresh_failure(&self, now: SystemTime) -> Option<&str> {
        let (failed, reason) = self.failure.as_ref()?;
        let is_fresh = now.duration_since(*failed).is_ok_and(|age| age < PAUSE);
        is_fresh.then_some(reason)
    }
}

impl CredentialProvider {
    /// Credentials that `renewal` replaces before they end.
    pub fn renewing(issued: IssuedCredentials, renewal: Renewal) -> Self {
        Self::new(Held::new(issued), Some(renewal))
    }

    fn new(held: Held, renewal: Option<Renewal>) -> Self {
        Self(Arc::new(Shared {
            held: RwLock::new(held),
            renewal,
            turn: Mutex::new(()),
        }))
    }

    /// Credentials that hold for a call, renewed if it is time for that. Those that still hold are
    /// used while a renewal fails; those that have ended are never used.
    pub async fn current(&self) -> Result<Arc<Credentials>, RenewalError> {
        let (credentials, condition) = self.look();
        let Some(renewal) = self.0.renewal.as_ref() else {
            return match condition {
                Condition::Good | Condition::Due => Ok(credentials),
                Condition::Ended => Err(RenewalError {
                    reason: "their source gave them once".to_owned(),
                }),
            };
        };
        match condition {
            Condition::Good => return Ok(credentials),
            // Another call renews them already.
            Condition::Due if self.0.turn.try_lock().is_err() => return Ok(credentials),
            Condition::Due | Condition::Ended => {}
        }
        let _turn = self.0.turn.lock().await;
        self.renew(renewal).await
    }

    async fn renew(&self, renewal: &Renewal) -> Result<Arc<Credentials>, RenewalError> {
        let (credentials, condition) = self.look();
        if condition == Condition::Good {
            return Ok(credentials);
        }
        let fresh = self.read(|held| held.fresh_failure(SystemTime::now()).map(str::to_owned));
        let renewed = match fresh {
            Some(reason) => Err(reason),
            None => renewal().await,
        };
        let reason = match renewed {
            Ok(issued) => {
                tracing::debug!(lifetime = ?issued.lifetime, "credentials renewed");
                let held = Held::new(issued);
                let credentials = Arc::clone(&held.credentials);
                self.write(|current| *current = held);
                return Ok(credentials);
            }
            Err(reason) => reason,
        };
        self.write(|held| {
            if held.fresh_failure(SystemTime::now()).is_none() {
                tracing::warn!(reason, "credentials not renewed");
                held.failure = Some((SystemTime::now(), reason.clone()));
            }
        });
        match self.look() {
            (_, Condition::Ended) => Err(RenewalError { reason }),
            (credentials, Condition::Good | Condition::Due) => Ok(credentials),
        }
    }

    /// Takes note that the service says that these credentials have ended, whatever was said of their
    /// lifetime. Returns whether there may be others for the next call.
    pub fn has_ended(&self, credentials: &Arc<Credentials>) -> bool {
        if self.0.renewal.is_none() {
            return false;
        }
        self.write(|held| {
            // Another call may have renewed them meanwhile.
            if Arc::ptr_eq(&held.credentials, credentials) {
                held.lifetime = Some(Duration::ZERO);
            }
        });
        true
    }

    /// When they end, by this machine's clock.
    pub fn ends(&self) -> Option<Timestamp> {
        self.read(|held| Timestamp::try_from(held.received.checked_add(held.lifetime?)?).ok())
    }

    fn look(&self) -> (Arc<Credentials>, Condition) {
        let now = SystemTime::now();
        self.read(|held| (Arc::clone(&held.credentials), held.condition(now)))
    }

    fn read<T>(&self, look: impl FnOnce(&Held) -> T) -> T {
        look(&self.0.held.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn write(&self, change: impl FnOnce(&mut Held)) {
        change(&mut self.0.held.write().unwrap_or_else(PoisonError::into_inner));
    }
}

/// Credentials that are never renewed.
impl From<Credentials> for CredentialProvider {
    fn from(credentials: Credentials) -> Self {
        let issued = IssuedCredentials {
            credentials,
            lifetime: None,
        };
        Self::new(Held::new(issued), None)
    }
}

impl fmt::Debug for CredentialProvider {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ends = self.ends();
        formatter
            .debug_struct("CredentialProvider")
            .field("ends", &ends)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::time::{Duration, SystemTime};

    use super::{Condition, CredentialProvider, Held, IssuedCredentials};
    use crate::api::credentials::Credentials;

    fn issued(id: &str, lifetime: Duration) -> IssuedCredentials {
        IssuedCredentials {
            credentials: Credentials::permanent(id, "key"),
            lifetime: Some(lifetime),
        }
    }

    #[test]
    fn two_hours_are_renewed_five_minutes_before_and_end_thirty_seconds_before() {
        let held = Held::new(issued("id", Duration::from_hours(2)));
        let after = |seconds| held.condition(held.received + Duration::from_secs(seconds));
        assert_eq!(after(0), Condition::Good);
        assert_eq!(after(7200 - 301), Condition::Good);
        assert_eq!(after(7200 - 299), Condition::Due);
        assert_eq!(after(7200 - 29), Condition::Ended);
        assert_eq!(after(9000), Condition::Ended);
        let set_back = SystemTime::now() - Duration::from_hours(1);
        assert_eq!(held.condition(set_back), Condition::Good);
    }

    #[tokio::test]
    async fn what_cannot_be_renewed_is_used_until_it_ends_and_never_later() {
        let tries = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&tries);
        let provider = CredentialProvider::renewing(
            issued("old", Duration::from_millis(400)),
            Box::new(move || {
                counted.fetch_add(1, Ordering::SeqCst);
                Box::pin(async { Err("no way".to_owned()) })
            }),
        );
        let end = SystemTime::now() + Duration::from_millis(400);
        while let Ok(credentials) = provider.current().await {
            assert_eq!(credentials.secret_id, "old");
            assert!(SystemTime::now() < end);
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        assert!(SystemTime::now() < end);
        assert_eq!(
            tries.load(Ordering::SeqCst),
            1,
            "a failure stands for a moment"
        );
    }

    #[tokio::test]
    async fn what_the_service_calls_ended_is_renewed_whatever_its_lifetime() {
        let old = issued("old", Duration::from_hours(2));
        let renewal = || -> super::Renewal {
            Box::new(|| Box::pin(async { Ok(issued("new", Duration::from_hours(2))) }))
        };
        let provider = CredentialProvider::renewing(old, renewal());
        let used = provider.current().await.unwrap();
        assert!(provider.has_ended(&used));
        assert_eq!(provider.current().await.unwrap().secret_id, "new");
        // A call that was signed with the old ones says nothing of the new ones.
        assert!(provider.has_ended(&used));
        assert_eq!(provider.current().await.unwrap().secret_id, "new");
        let fixed = CredentialProvider::from(Credentials::permanent("id", "key"));
        assert!(!fixed.has_ended(&used));
    }

    #[tokio::test]
    async fn many_callers_renew_once() {
        let tries = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&tries);
        let provider = CredentialProvider::renewing(
            issued("old", Duration::ZERO),
            Box::new(move || {
                counted.fetch_add(1, Ordering::SeqCst);
                Box::pin(async {
                    tokio::task::yield_now().await;
                    Ok(issued("new", Duration::from_hours(2)))
                })
            }),
        );
        let calls = (0..50).map(|_| provider.current());
        for credentials in futures_util::future::join_all(calls).await {
            assert_eq!(credentials.unwrap().secret_id, "new");
        }
        assert_eq!(tries.load(Ordering::SeqCst), 1);
    }
}
