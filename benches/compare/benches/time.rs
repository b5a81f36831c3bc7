//! The time of one comparison, beside `serde_json`'s parse of both sides and a public differ.
//!
//! Run with `cargo bench --package bench-compare`; a name such as `'5 MB'` picks cases.

use bench_compare::{Contender, Group, ORDERED, Spec, UNORDERED};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};

/// The proxy's own.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[expect(
    clippy::expect_used,
    reason = "a benchmark of wrong rules or verdicts measures nothing"
)]
fn measure(c: &mut Criterion, sizes: &[Group], specs: &[Spec]) {
    for size in sizes {
        let mut group = c.benchmark_group(size.name);
        // Some of these take a second for ten rounds.
        group.sample_size(20);
        for spec in specs {
            let case = spec.build(size.orders).expect("the case is right");
            group.throughput(Throughput::Bytes(case.bytes() as u64));
            for contender in Contender::ALL {
                group.bench_function(format!("{}/{}", spec.name, contender.name()), |b| {
                    b.iter(|| contender.run(&case));
                });
            }
        }
        group.finish();
    }
}

fn ordered(c: &mut Criterion) {
    measure(c, &ORDERED.0, &ORDERED.1);
}

fn unordered(c: &mut Criterion) {
    measure(c, &UNORDERED.0, &UNORDERED.1);
}

criterion_group!(benches, ordered, unordered);
criterion_main!(benches);
