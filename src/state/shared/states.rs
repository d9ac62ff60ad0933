//! A shared state from its beginning on: owners, readers, and what is wrong with a log.

use std::sync::Arc;
use std::time::Duration;

use super::ownership::{Mode, Terms};
use super::{LogError, MemoryStore, Shared, Store, slot_name};
use crate::state::tests::record;
use crate::state::{
    Expected, Hold, Location, Reading, StateError, StateStore, WriteOptions, check_position,
};

const EXPECTED: Expected<'_> = Expected {
    target: "prod",
    lineage: None,
};
const TERMS: Terms = Terms {
    mode: Mode::Atomic,
    lease: Duration::from_millis(600),
    delay: Duration::ZERO,
};

fn begun() -> (Arc<MemoryStore>, Location) {
    let store = Arc::new(MemoryStore::default());
    let shared = Shared {
        store: store.clone(),
        address: "memory:".to_owned(),
        run: None,
    };
    StateStore::init_shared(&shared, "prod", &TERMS).unwrap();
    (store, Location::Shared(shared))
}

fn open(location: &Location, hold: Hold) -> Result<StateStore, StateError> {
    let options = WriteOptions {
        create: false,
        lock_timeout: Some(Duration::ZERO),
        hold,
    };
    StateStore::open(location, EXPECTED, options, &mut |_| {})
}

fn read(location: &Location) -> Reading {
    StateStore::read_at(location, EXPECTED).unwrap()
}

fn slots(store: &MemoryStore) -> usize {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    runtime.block_on(store.list("log/")).unwrap().len()
}

#[test]
fn an_owner_writes_and_lets_go_and_readers_see_it_at_once() {
    let (_, location) = begun();
    let state = open(&location, Hold::Throughout).unwrap();
    assert!(read(&location).holder.is_some());
    let refused = open(&location, Hold::Throughout).unwrap_err();
    assert!(
        matches!(
            refused,
            StateError::Locked {
                holder: Some(_),
                ..
            }
        ),
        "{refused}"
    );
    state.append_blocking(record("a")).unwrap();
    assert_eq!(read(&location).records.len(), 1);
    state.close().unwrap();
    let after = read(&location);
    assert_eq!((after.records.len(), after.holder), (1, None));
    // A state that is dropped is let go as well.
    drop(open(&location, Hold::Throughout).unwrap());
    open(&location, Hold::Throughout).unwrap().close().unwrap();
}

#[test]
fn what_waits_goes_into_one_slot() {
    let (store, location) = begun();
    let state = open(&location, Hold::Throughout).unwrap();
    let before = slots(&store);
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let records = (0..200).map(|number| record(&format!("job-{number}")));
    let appends = records.map(|record| state.append(record));
    let appended = runtime.block_on(futures_util::future::join_all(appends));
    assert!(appended.iter().all(Result::is_ok));
    assert!(slots(&store) - before < 100, "{}", slots(&store) - before);
    state.close().unwrap();
    assert_eq!(read(&location).records.len(), 200);
}

#[test]
fn a_short_owner_is_one_slot_and_no_slot_if_it_has_nothing_to_say() {
    let (store, location) = begun();
    let before = slots(&store);
    open(&location, Hold::AtTheEnd).unwrap().close().unwrap();
    assert_eq!(slots(&store), before);
    let state = open(&location, Hold::AtTheEnd).unwrap();
    for key in ["a", "b"] {
        state.append_blocking(record(key)).unwrap();
    }
    assert!(read(&location).records.is_empty());
    state.close().unwrap();
    assert_eq!(slots(&store), before + 1);
    assert_eq!(read(&location).records.len(), 2);
}

#[test]
fn a_short_owner_records_nothing_if_another_one_came_before() {
    let (_, location) = begun();
    let late = open(&location, Hold::AtTheEnd).unwrap();
    late.append_blocking(record("late")).unwrap();
    let early = open(&location, Hold::AtTheEnd).unwrap();
    early.append_blocking(record("early")).unwrap();
    early.close().unwrap();
    let refused = late.close().unwrap_err();
    assert!(matches!(refused, StateError::Overtaken { .. }), "{refused}");
    let read = read(&location);
    let keys = read.records.iter().map(|record| record.key.as_str());
    assert_eq!(keys.collect::<Vec<_>>(), ["early"]);
}

/// Takes the log over as a run does whose clock says that the lease is over.
fn take_over(store: &Arc<MemoryStore>) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let log = super::SharedLog::read(&**store).await.unwrap();
        let shared = Shared {
            store: store.clone(),
            address: "memory:".to_owned(),
            run: None,
        };
        let holder = crate::state::Holder::this_process(None);
        let mut contender = super::acquire::Contender::new(&shared, log);
        assert!(
            contender
                .record_at_once(&holder, vec![Arc::new(record("theirs"))])
                .await
                .unwrap()
        );
    });
}

#[test]
fn an_owner_that_was_taken_over_writes_nothing_more() {
    let (store, location) = begun();
    let state = open(&location, Hold::Throughout).unwrap();
    state.append_blocking(record("ours")).unwrap();
    take_over(&store);
    for key in ["lost", "lost as well"] {
        let fenced = state.append_blocking(record(key)).unwrap_err();
        assert!(matches!(fenced, StateError::Fenced { .. }), "{fenced}");
    }
    assert!(matches!(state.close(), Err(StateError::Fenced { .. })));
    let read = read(&location);
    let keys = read.records.iter().map(|record| record.key.as_str());
    assert_eq!(keys.collect::<Vec<_>>(), ["ours", "theirs"]);
}

#[test]
fn a_long_log_is_read_from_a_checkpoint() {
    let (store, location) = begun();
    for round in 0..70 {
        let state = open(&location, Hold::AtTheEnd).unwrap();
        state
            .append_blocking(record(&format!("job-{round:02}")))
            .unwrap();
        state.close().unwrap();
    }
    open(&location, Hold::Throughout).unwrap().close().unwrap();
    let before = read(&location);
    assert_eq!(before.records.len(), 70);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    let checkpoints = runtime.block_on(store.list("checkpoint/")).unwrap();
    assert_eq!(checkpoints.len(), 1);
    // Without its first slots only a checkpoint can tell.
    store.remove("log/00000000000000000005");
    assert_eq!(read(&location).records.len(), 70);
    // The hint may be wrong or missing.
    for hint in [&b"{\"checkpoint\":"[..], b""] {
        runtime.block_on(store.write_hint("head", hint)).unwrap();
        assert_eq!(read(&location).records.len(), 70);
    }
}

#[test]
fn what_is_missing_or_damaged_is_named_and_nothing_is_taken_for_new() {
    let (store, location) = begun();
    for key in ["a", "b", "c"] {
        let state = open(&location, Hold::AtTheEnd).unwrap();
        state.append_blocking(record(key)).unwrap();
        state.close().unwrap();
    }
    let place = read(&location).position.unwrap();
    let problem = || match StateStore::read_at(&location, EXPECTED) {
        Err(StateError::Log { problem, .. }) => problem,
        other => panic!("{other:?}"),
    };
    let kept = store.remove(&slot_name(3)).unwrap();
    assert!(matches!(problem(), LogError::Gap { .. }), "{}", problem());
    store.put(&slot_name(3), &kept[..kept.len() - 9]);
    assert!(
        matches!(problem(), LogError::Slot { number: 3, .. }),
        "{}",
        problem()
    );
    store.put(&slot_name(3), &kept);
    check_position(location.shared().unwrap(), &place).unwrap();
    store.remove(&slot_name(4));
    let backwards = check_position(location.shared().unwrap(), &place).unwrap_err();
    assert!(
        matches!(backwards, StateError::Backwards { .. }),
        "{backwards}"
    );
    for name in ["format.json", &slot_name(1)] {
        let kept = store.remove(name).unwrap();
        for number in 2..4 {
            store.remove(&slot_name(number));
        }
        let missing = StateStore::read_at(&location, EXPECTED).unwrap_err();
        assert!(matches!(missing, StateError::Missing { .. }), "{missing}");
        assert!(open(&location, Hold::Throughout).is_err());
        store.put(name, &kept);
    }
}

#[test]
fn a_state_is_begun_once_and_belongs_to_its_target() {
    let (store, location) = begun();
    let shared = location.shared().unwrap();
    let again = StateStore::init_shared(shared, "prod", &TERMS).unwrap_err();
    assert!(matches!(again, StateError::Exists { .. }), "{again}");
    let other = Expected {
        target: "test",
        lineage: None,
    };
    let wrong = StateStore::read_at(&location, other).unwrap_err();
    assert!(matches!(wrong, StateError::WrongState { .. }), "{wrong}");
    // One that died before its first slot is begun to its end.
    let lineage = read(&location).header.lineage;
    store.remove(&slot_name(1));
    StateStore::init_shared(shared, "prod", &TERMS).unwrap();
    assert_eq!(read(&location).header.lineage, lineage);
}
