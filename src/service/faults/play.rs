//! Faults as they happen.

use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::{HeaderValue, Method, header};
use axum::response::Response;
use hyper::body::{Body as HttpBody, Frame};
use tokio::time::Sleep;

use super::model::{Choice, Fault, FaultKind, Faults};

/// How long half a body has to leave before the connection breaks.
const FLUSH_TIME: Duration = Duration::from_millis(50);

/// Put into a response's extensions, it closes the connection instead.
#[derive(Debug, Clone, Copy, thiserror::Error)]
#[error("the connection is dropped on purpose")]
pub(in crate::service) struct Dropped;

/// The faults of a service, and how many calls each has seen.
#[derive(Debug)]
pub(in crate::service) struct Script {
    seed: u64,
    rules: Vec<Rule>,
}

#[derive(Debug)]
struct Rule {
    fault: Fault,
    seen: AtomicU64,
}

impl Script {
    pub(in crate::service) fn new(faults: Faults) -> Self {
        let rules = faults.faults.into_iter().map(|fault| Rule {
            fault,
            seen: AtomicU64::new(0),
        });
        Self {
            seed: faults.seed,
            rules: rules.collect(),
        }
    }

    /// The fault that hits this call, if one does.
    pub(in crate::service) fn next(&self, method: &Method, path: &str) -> Option<&FaultKind> {
        let mut hit = None;
        // Every rule counts every call that fits it, also one that another rule hits.
        for (index, rule) in self.rules.iter().enumerate() {
            if rule.hits(self.seed.wrapping_add(index as u64), method, path) {
                hit = hit.or(Some(&rule.fault.kind));
            }
        }
        if let Some(kind) = hit {
            tracing::info!(%method, path, ?kind, "a fault on purpose");
        }
        hit
    }
}

impl Rule {
    fn hits(&self, seed: u64, method: &Method, path: &str) -> bool {
        let fault = &self.fault;
        let fits_method = fault.method.as_deref();
        let fits_method =
            fits_method.is_none_or(|wanted| wanted.eq_ignore_ascii_case(method.as_str()));
        let fits_path = fault
            .path
            .as_deref()
            .is_none_or(|wanted| match wanted.strip_suffix('*') {
                Some(start) => path.starts_with(start),
                None => path == wanted,
            });
        if !fits_method || !fits_path {
            return false;
        }
        let number = self.seen.fetch_add(1, Ordering::Relaxed) + 1;
        match &fault.choice {
            Choice::Always => true,
            Choice::Nth(numbers) => numbers.contains(&number),
            Choice::Every(count) => number.is_multiple_of(*count),
            Choice::Probability(probability) => chance(seed, number) < *probability,
        }
    }
}

/// A number from 0 to 1 that depends on nothing but the seed and the number of the call
/// (`SplitMix64`).
fn chance(seed: u64, number: u64) -> f64 {
    let mut bits = seed.wrapping_add(number.wrapping_mul(0x9e37_79b9_7f4a_7c15));
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    bits ^= bits >> 31;
    f64::from(u32::try_from(bits >> 32).unwrap_or_default()) / f64::from(u32::MAX)
}

/// Cuts an answer's body in the middle; its head still promises the whole.
pub(in crate::service) fn cut_in_half(response: Response, body: &Bytes) -> Response {
    let (mut parts, _) = response.into_parts();
    let length = HeaderValue::from(body.len());
    parts.headers.insert(header::CONTENT_LENGTH, length);
    let body = HalfBody {
        half: Some(body.slice(..body.len() / 2)),
        pause: Box::pin(tokio::time::sleep(FLUSH_TIME)),
    };
    Response::from_parts(parts, Body::new(body))
}

/// A body that breaks off: after a pause, in which what came before it goes out.
struct HalfBody {
    half: Option<Bytes>,
    pause: Pin<Box<Sleep>>,
}

impl HttpBody for HalfBody {
    type Data = Bytes;
    type Error = Dropped;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Dropped>>> {
        if let Some(half) = self.half.take() {
            return Poll::Ready(Some(Ok(Frame::data(half))));
        }
        self.pause
            .as_mut()
            .poll(context)
            .map(|()| Some(Err(Dropped)))
    }
}

#[cfg(test)]
mod tests {
    use super::{Script, chance};
    use crate::service::faults::{Choice, Fault, FaultKind, Faults};
    use axum::http::Method;

    fn hits(fault: Fault, seed: u64) -> Vec<usize> {
        let faults = vec![fault];
        let script = Script::new(Faults { seed, faults });
        let hit = |number: &usize| {
            assert!(script.next(&Method::GET, "/jobs/1").is_none());
            assert!(script.next(&Method::POST, "/job").is_none());
            script
                .next(&Method::POST, &format!("/jobs/{number}"))
                .is_some()
        };
        (1..=1000).filter(hit).collect()
    }

    #[test]
    fn calls_are_hit_by_number_or_by_chance() {
        let fault = || Fault::new("post", "/jobs/*", FaultKind::Half);
        assert_eq!(hits(fault().nth([2, 5]), 0), [2, 5]);
        let mut every = fault();
        every.choice = Choice::Every(400);
        assert_eq!(hits(every, 0), [400, 800]);
        let mut by_chance = fault();
        by_chance.choice = Choice::Probability(0.25);
        let first = hits(by_chance.clone(), 7);
        assert!((200..300).contains(&first.len()), "{}", first.len());
        assert_eq!(first, hits(by_chance.clone(), 7), "a seed repeats a run");
        assert_ne!(first, hits(by_chance, 8));
        assert!((0..1000).all(|number| (0.0..=1.0).contains(&chance(3, number))));
    }
}
