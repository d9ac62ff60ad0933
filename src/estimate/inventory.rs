//! Counting an inventory: its rows are read while they come, and none is kept.

use std::sync::Arc;

use jiff::Timestamp;
use md5::Digest;
use tokio::sync::mpsc;

use super::Counter;
use super::stored::{Pieces, problem, quoted, reading};
use super::tally::{ANY_KEY, Tally};
use crate::api::client::Client;
use crate::api::objects::{Budget, DataFile, Inventory, ListProblem, MANIFEST_LIMIT, Rows};

/// Rows are handed over in batches of this many.
const BATCH: usize = 1000;
/// Batches that lie between the reading thread and the tally.
const BATCHES: usize = 4;

/// What counts of one row.
struct Entry {
    second: Option<i64>,
    size: Option<u64>,
}

pub(super) async fn count(
    counter: &Counter<'_>,
    client: &Client,
    name: &str,
    tally: &mut Tally,
) -> Result<(), String> {
    let key = Counter::key_of(client, name)?;
    let text = counter.whole(client, &key, MANIFEST_LIMIT).await?;
    let bucket = &client.endpoint().bucket;
    let inventory =
        Inventory::parse(bucket, &text).map_err(|found| problem(&quoted(&key), &found))?;
    let budget = Arc::new(Budget::default());
    let _reading = budget.stop().raise_on_drop();
    for (index, file) in inventory.files.iter().enumerate() {
        // Keys that the manifest holds are not shown: a plan is read by people who may not read that.
        let name = format!("data file {} of `{key}`", index + 1);
        count_file(counter, client, (&inventory, &budget), (&name, file), tally).await?;
    }
    Ok(())
}

/// The size and the MD5 of the file are known at its end: until then its rows count under the
/// condition that both are what the manifest says.
async fn count_file(
    counter: &Counter<'_>,
    client: &Client,
    (inventory, budget): (&Inventory, &Arc<Budget>),
    (name, file): (&str, &DataFile),
    tally: &mut Tally,
) -> Result<(), String> {
    let (batches, mut read) = mpsc::channel::<Vec<Entry>>(BATCHES);
    let (columns, budget) = (inventory.columns, Arc::clone(budget));
    let (pieces, reader) = reading(move |stored| parse(columns.rows(stored, &budget), &batches));
    let take = async {
        while let Some(batch) = read.recv().await {
            counter.counters.saw(batch.len());
            for Entry { second, size } in batch {
                tally.object(ANY_KEY, second, size);
            }
        }
    };
    let (passed, ()) = tokio::join!(counter.pump(client, (&file.key, name), pieces), take);
    let rows = reader.await.map_err(|error| error.to_string())?;
    let passed = passed?;
    let checked = rows
        .and_then(|()| file.check_size(passed.size))
        .and_then(|()| file.check_md5(&passed.md5.finalize()));
    checked.map_err(|found| problem(name, &found))
}

fn parse(
    mut rows: Rows<'_, Pieces>,
    batches: &mpsc::Sender<Vec<Entry>>,
) -> Result<(), ListProblem> {
    let mut batch = Vec::with_capacity(BATCH);
    while let Some(row) = rows.next_row()? {
        batch.push(Entry {
            second: row.uploaded.map(Timestamp::as_second),
            size: row.size,
        });
        if batch.len() == BATCH {
            let full = std::mem::replace(&mut batch, Vec::with_capacity(BATCH));
            if batches.blocking_send(full).is_err() {
                return Ok(());
            }
        }
    }
    let _ = batches.blocking_send(batch);
    Ok(())
}
