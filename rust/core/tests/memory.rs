//! What a read's arrays cost a process; alone in its own, since it looks at all of its memory.
#![cfg(all(target_os = "linux", target_arch = "x86_64"))]

use lakebed_core::memory::{Buffer, Slab};

const ARRAY_BYTES: usize = 1_500_000;

#[test]
fn a_dropped_array_gives_its_memory_back_while_its_neighbours_live() {
    let mapped_bytes = || {
        let statm = std::fs::read_to_string("/proc/self/statm").unwrap();
        statm.split(' ').next().unwrap().parse::<usize>().unwrap() * 4096
    };
    let before = mapped_bytes();
    let slab = Slab::new();
    let mut arrays: Vec<Buffer> = (0..400).map(|_| slab.zeroed(ARRAY_BYTES).unwrap()).collect();
    arrays.iter_mut().for_each(|array| array.fill(1));
    drop(slab);
    let full = mapped_bytes() - before;
    assert!((400 * ARRAY_BYTES..440 * ARRAY_BYTES).contains(&full), "{full}");

    let mut number = 0;
    arrays.retain(|_| {
        number += 1;
        number % 10 == 0
    });
    let left = mapped_bytes() - before;
    assert!(left < 60 * ARRAY_BYTES, "{left} bytes are mapped for {} arrays", arrays.len());
    assert!(arrays.iter().all(|array| array.iter().all(|byte| *byte == 1)));

    drop(arrays);
    assert!(mapped_bytes() - before < 4 * ARRAY_BYTES);
}
