//! Every store keeps the same promises, and every slot reads back or is refused.

use std::sync::Arc;

use jiff::Timestamp;
use proptest::collection::vec;
use proptest::{prop_assert, proptest};
use tokio::sync::Barrier;

use super::{
    Created, FolderStore, Kind, LogError, MemoryStore, Slot, SlotError, Store, Tail, Writer,
};
use crate::state::Holder;
use crate::state::Lineage;
use crate::state::tests::record;

const CREATORS: usize = 16;
const ROUNDS: usize = 20;

/// What every store does.
async fn conforms(store: Arc<dyn Store>) {
    assert_eq!(store.read("log/1").await.unwrap(), None);
    assert_eq!(store.list("log/").await.unwrap(), Vec::<String>::new());
    for (name, bytes) in [
        ("log/1", Vec::new()),
        ("log/2", vec![0]),
        ("log/3", vec![7; 1 << 20]),
    ] {
        assert_eq!(
            store.create(name, &bytes, None).await.unwrap(),
            Created::Created
        );
        assert_eq!(
            store.create(name, b"other", None).await.unwrap(),
            Created::Exists
        );
        // After a lost answer the same create is made once more, and the bytes tell whose it was.
        assert_eq!(
            store.create(name, &bytes, None).await.unwrap(),
            Created::Exists
        );
        assert_eq!(store.read(name).await.unwrap(), Some(bytes));
    }
    let names = ["log/1", "log/2", "log/3"].map(str::to_owned);
    assert_eq!(store.list("log/").await.unwrap(), names);
    assert_eq!(store.list("log/2").await.unwrap(), ["log/2".to_owned()]);
    for hint in [b"first".as_slice(), b"2"] {
        store.write_hint("head", hint).await.unwrap();
        assert_eq!(store.read("head").await.unwrap().unwrap(), hint);
    }
    for round in 0..ROUNDS {
        one_creator_wins(&store, &format!("race/{round}")).await;
    }
}

async fn one_creator_wins(store: &Arc<dyn Store>, name: &str) {
    let barrier = Arc::new(Barrier::new(CREATORS));
    let creators = (0..CREATORS).map(|creator| {
        let (store, barrier) = (Arc::clone(store), Arc::clone(&barrier));
        let name = name.to_owned();
        tokio::spawn(async move {
            let bytes = format!("creator {creator}").into_bytes();
            barrier.wait().await;
            let created = store.create(&name, &bytes, None).await.unwrap();
            (created == Created::Created).then_some(bytes)
        })
    });
    let ended = futures_util::future::join_all(creators).await;
    let mut winners = ended.into_iter().filter_map(Result::unwrap);
    let winner = winners.next().unwrap();
    assert_eq!(winners.next(), None, "one creator alone wins");
    assert_eq!(store.read(name).await.unwrap(), Some(winner));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_store_in_memory_conforms() {
    conforms(Arc::new(MemoryStore::default())).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_store_in_a_folder_conforms() {
    let folder = tempfile::tempdir().unwrap();
    conforms(Arc::new(FolderStore::new(&folder.path().join("new/state")))).await;
}

fn holder() -> Holder {
    Holder::this_process(Some("https://ci.example.com/runs/7".to_owned()))
}

/// A log of a genesis, an acquisition with a record, and its release, slot by slot.
fn log(lineage: &Lineage) -> Vec<Vec<u8>> {
    let writer = Writer::random();
    let until = Timestamp::UNIX_EPOCH;
    let mut tail = Tail::default();
    let steps = [
        (vec![Kind::Genesis], vec![]),
        (
            vec![Kind::Acquire, Kind::Records],
            vec![Arc::new(record("a"))],
        ),
        (vec![Kind::Release], vec![]),
    ];
    steps
        .into_iter()
        .map(|(kinds, records)| {
            let before = tail.last.as_ref().map(|(header, digest)| (header, *digest));
            let by = (&writer, &holder());
            let slot = Slot::new(lineage, before, by, kinds, until, records);
            let bytes = slot.encode().unwrap();
            tail.push(lineage, &bytes).unwrap();
            bytes
        })
        .collect()
}

#[test]
fn what_does_not_follow_is_a_fork() {
    let lineage = Lineage::random();
    let (ours, theirs) = (log(&lineage), log(&lineage));
    let mut tail = Tail::default();
    assert!(
        tail.push(&lineage, &ours[1]).is_err(),
        "it is not the first"
    );
    tail.push(&lineage, &ours[0]).unwrap();
    let fork = tail.push(&lineage, &theirs[1]).unwrap_err();
    assert!(matches!(fork, LogError::Fork { number: 2, .. }), "{fork}");
    let other = tail.push(&Lineage::random(), &ours[1]).unwrap_err();
    assert!(matches!(other, LogError::WrongLineage { .. }), "{other}");
    tail.push(&lineage, &ours[1]).unwrap();
    tail.push(&lineage, &ours[2]).unwrap();
    // Another writer, or the same one after its release, does not own the log without acquiring it.
    let before = tail.last.as_ref().map(|(header, digest)| (header, *digest));
    for writer in [Writer::random(), before.unwrap().0.writer.clone()] {
        let slot = Slot::new(
            &lineage,
            before,
            (&writer, &holder()),
            [Kind::Records],
            Timestamp::UNIX_EPOCH,
            vec![],
        );
        let fork = tail
            .clone()
            .push(&lineage, &slot.encode().unwrap())
            .unwrap_err();
        assert!(matches!(fork, LogError::Fork { number: 4, .. }), "{fork}");
    }
}

#[test]
fn a_newer_format_is_told_from_damage() {
    let newer = b"{\"format\":\"stocktake.slot/2\",\"shape\":\"unknown\"}\n";
    let error = Slot::decode(1, newer).unwrap_err();
    assert_eq!(error, SlotError::NewerFormat("stocktake.slot/2".to_owned()));
}

proptest! {
    #[test]
    fn a_changed_slot_is_refused(byte in 0_usize..10_000, bit in 0_u8..8) {
        let slot = log(&Lineage::random()).swap_remove(1);
        let mut changed = slot.clone();
        let place = byte % slot.len();
        changed[place] ^= 1 << bit;
        prop_assert!(Slot::decode(2, &changed).is_err());
        prop_assert!(Slot::decode(2, &slot[..place]).is_err());
        prop_assert!(Slot::decode(3, &slot).is_err());
    }

    #[test]
    fn no_bytes_make_reading_panic(bytes in vec(0_u8..=255, 0..400)) {
        let _ = Slot::decode(1, &bytes);
        let mixed = [&log(&Lineage::random())[1][..200], &bytes].concat();
        let _ = Slot::decode(2, &mixed);
    }
}
