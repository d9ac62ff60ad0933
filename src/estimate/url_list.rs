//! Counting a list of URLs: each object is asked for by itself, as long as there are not too many.

use std::collections::HashSet;
use std::io::BufReader;

use futures_util::stream::{self, StreamExt};
use jiff::Timestamp;
use md5::{Digest, Md5};
use tokio::sync::mpsc;

use super::stored::{Pieces, problem, quoted, reading};
use super::tally::{ANY_KEY, Tally};
use super::{Counter, HEADS};
use crate::api::client::Client;
use crate::api::name::BucketName;
use crate::api::objects::{Budget, UrlList};

/// The number of objects that are asked for their size and upload time; those beyond are only counted.
const ASKED: usize = 20_000;
/// An object that is named twice runs once, so that what was named is kept, as a hash of 16 bytes.
/// A list with more objects than this is not counted.
const DISTINCT: usize = 1_000_000;
/// Keys that lie between the reading thread and the requests.
const KEYS: usize = 1000;

pub(super) async fn count(
    counter: &Counter<'_>,
    client: &Client,
    name: &str,
    tally: &mut Tally,
) -> Result<(), String> {
    let key = Counter::key_of(client, name)?;
    let (keys, listed) = mpsc::channel(KEYS);
    let (bucket, name) = (client.endpoint().bucket.clone(), quoted(&key));
    let shown = name.clone();
    let (pieces, reader) = reading(move |stored| parse(&bucket, &name, stored, &keys));
    let (passed, taken) = tokio::join!(
        counter.pump(client, (&key, &shown), pieces),
        take(counter, client, listed, tally)
    );
    let list = reader.await.map_err(|error| error.to_string())?;
    passed?;
    list.and(taken)
}

/// Hands every key to `keys`, once.
fn parse(
    bucket: &BucketName,
    list: &str,
    stored: Pieces,
    keys: &mpsc::Sender<String>,
) -> Result<(), String> {
    let mut seen: HashSet<[u8; 16]> = HashSet::new();
    let budget = Budget::default();
    for key in UrlList::new(bucket, &budget, BufReader::new(stored)) {
        let key = key.map_err(|found| problem(list, &found))?;
        if !seen.insert(Md5::digest(&key).into()) {
            continue;
        }
        if seen.len() > DISTINCT {
            return Err(format!("{list} names more than {DISTINCT} objects"));
        }
        if keys.blocking_send(key).is_err() {
            break;
        }
    }
    Ok(())
}

async fn take(
    counter: &Counter<'_>,
    client: &Client,
    listed: mpsc::Receiver<String>,
    tally: &mut Tally,
) -> Result<(), String> {
    let keys = stream::unfold(listed, async |mut listed| {
        let key = listed.recv().await?;
        Some((key, listed))
    });
    let heads = keys.enumerate().map(async |(number, key)| {
        if number < ASKED {
            Some(counter.head(client, &key).await)
        } else {
            None
        }
    });
    let mut heads = Box::pin(heads.buffer_unordered(HEADS));
    while let Some(head) = heads.next().await {
        counter.counters.saw(1);
        match head.transpose()? {
            None => tally.object(ANY_KEY, None, None),
            Some(None) => tally.missing(),
            Some(Some(head)) => {
                let second = head.uploaded.map(Timestamp::as_second);
                tally.object(ANY_KEY, second, head.size);
            }
        }
    }
    Ok(())
}
