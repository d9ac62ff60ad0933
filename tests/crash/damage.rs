//! The state file is cut and changed, at every byte and at random.

use std::fs;
use std::path::Path;

use stocktake::state::{Expected, Records, StateError, StateStore};

use crate::random::{Random, length};
use crate::world::World;

const FLIPS: usize = 2_000;

fn read(path: &Path) -> Result<Records, StateError> {
    let expected = Expected {
        target: "test",
        lineage: None,
    };
    Ok(StateStore::read(path, expected)?.1)
}

/// Every record of a state, in a form that can be compared.
fn content(records: &Records) -> Vec<String> {
    let mut lines: Vec<String> = records.iter().map(|record| format!("{record:?}")).collect();
    lines.sort();
    lines
}

/// A log as an apply leaves it that was killed right before compaction, and the same compacted.
fn logs() -> (World, Vec<u8>, Vec<u8>) {
    let world = World::new(3, "");
    let begun = fs::read(world.state()).unwrap();
    world.apply_to_the_end(2);
    let compacted = fs::read(world.state()).unwrap();
    // Every line of the compacted log behind the header of the empty one is a log as well.
    let lines = compacted.splitn(2, |byte| *byte == b'\n').nth(1).unwrap();
    let log = [&begun, lines].concat();
    (world, log, compacted)
}

#[test]
fn a_log_cut_at_any_byte_loses_its_torn_line_and_nothing_else() {
    let (world, log, _) = logs();
    let path = world.state();
    let line_ends: Vec<usize> = (0..log.len()).filter(|at| log[*at] == b'\n').collect();
    for length in 0..log.len() {
        fs::write(&path, &log[..length]).unwrap();
        let whole_lines = line_ends.iter().filter(|end| **end <= length).count();
        match read(&path) {
            // The header and the records whose lines are whole, with or without the last line's end.
            Ok(records) => assert_eq!(records.len() + 1, whole_lines, "cut at {length}"),
            Err(error) => assert_eq!(whole_lines, 0, "cut at {length}: {error}"),
        }
    }
    println!("cut at each of {} bytes", log.len());
}

#[test]
fn a_compacted_state_cut_at_any_byte_is_an_error() {
    let (world, _, compacted) = logs();
    let path = world.state();
    let whole = content(&read(&path).unwrap());
    for length in 0..compacted.len() {
        fs::write(&path, &compacted[..length]).unwrap();
        if let Ok(records) = read(&path) {
            assert_eq!(
                length,
                compacted.len() - 1,
                "only the last line's end may be missing"
            );
            assert_eq!(content(&records), whole);
        }
    }
    println!("cut at each of {} bytes", compacted.len());
}

#[test]
fn no_changed_bit_goes_unnoticed() {
    let (world, log, compacted) = logs();
    let path = world.state();
    let mut random = Random::new();
    for trial in 0..FLIPS {
        let mut bytes = if trial % 2 == 0 {
            log.clone()
        } else {
            compacted.clone()
        };
        for _ in 0..=random.below(3) {
            let bit = random.below(bytes.len() as u64 * 8);
            let (byte, bit) = (usize::try_from(bit / 8).unwrap(), bit % 8);
            bytes[byte] ^= 1 << bit;
        }
        if bytes == log || bytes == compacted {
            continue;
        }
        fs::write(&path, &bytes).unwrap();
        if let Ok(records) = read(&path) {
            panic!(
                "trial {trial}: {} records were taken for true",
                records.len()
            );
        }
    }
    println!("{FLIPS} changed files");
}

#[test]
fn the_commands_refuse_a_damaged_state_and_leave_it_as_it_is() {
    let (world, _, compacted) = logs();
    let path = world.state();
    let mut random = Random::new();
    let taken = world.jobs();
    for _ in 0..length(5, 50) {
        let mut bytes = compacted.clone();
        let at = usize::try_from(random.below(bytes.len() as u64)).unwrap();
        bytes[at] ^= 1 << random.below(8);
        fs::write(&path, &bytes).unwrap();
        for arguments in [
            &["plan"][..],
            &["apply", "--auto-approve"],
            &["state", "verify"],
        ] {
            let status = world.command(arguments).status().unwrap();
            assert_eq!(status.code(), Some(1), "{arguments:?}");
        }
        assert_eq!(fs::read(&path).unwrap(), bytes, "nothing is overwritten");
    }
    assert_eq!(world.jobs(), taken, "nothing was submitted");
}
