//! Eight at once over one workspace, and readers all the while.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;

use crate::random::length;
use crate::world::World;

const WRITERS: usize = 8;
const JOBS: usize = 40;

#[test]
fn eight_applies_at_once_submit_each_job_once_and_block_no_reader() {
    let rounds = length(2, 20);
    let reads = AtomicUsize::new(0);
    for _ in 0..rounds {
        let world = World::new(JOBS, "");
        let is_over = AtomicBool::new(false);
        thread::scope(|scope| {
            for arguments in [&["plan"][..], &["status"], &["state", "verify"]] {
                let (world, is_over, reads) = (&world, &is_over, &reads);
                scope.spawn(move || {
                    while !is_over.load(Ordering::SeqCst) {
                        let status = world.command(arguments).status().unwrap();
                        assert!(status.success(), "{arguments:?}: {status}");
                        reads.fetch_add(1, Ordering::SeqCst);
                    }
                });
            }
            let writers: Vec<_> = (0..WRITERS)
                .map(|_| scope.spawn(|| write(&world)))
                .collect();
            let ended_well = writers.into_iter().all(|writer| writer.join().unwrap());
            is_over.store(true, Ordering::SeqCst);
            assert!(ended_well);
        });
        world.judge();
    }
    let reads = reads.into_inner();
    println!("{rounds} rounds of {WRITERS} applies, {reads} reads meanwhile");
    assert!(reads > 0);
}

fn write(world: &World) -> bool {
    let mut apply = world.apply(4);
    apply.args(["--lock-timeout", "2m"]);
    apply.status().unwrap().success()
}
