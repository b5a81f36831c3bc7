//! Finding the route of a request, in tables as small as a demo's and as large as a monolith's.

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use cutover::outcome::Ledger;
use cutover::routes::check;
use cutover::routing::Table;
use http::Method;
use std::fmt::Write;
use std::hint::black_box;
use std::path::Path;

/// A table with `routes` endpoints, a tenth of them behind a host.
fn table(routes: usize) -> Option<Table> {
    let mut text =
        String::from("default = \"rest\"\n[upstreams.legacy]\npeers = [\"127.0.0.1:1\"]\n");
    for i in 0..routes {
        let host = if i % 10 == 0 {
            "host = \"shop.example.com\"\n"
        } else {
            ""
        };
        let _ = write!(
            text,
            "[[routes]]\nname = \"r{i}\"\n{host}path = \"/api/v1/resource{i}/{{id}}/items/{{item}}\"\n\
             methods = [\"GET\", \"POST\"]\nmode = \"legacy\"\nlegacy = \"legacy\"\n"
        );
    }
    text.push_str("[[routes]]\nname = \"rest\"\nmode = \"legacy\"\nlegacy = \"legacy\"\n");
    check(Path::new("routes.toml"), &text, &Ledger::default(), None).ok()
}

fn routing(c: &mut Criterion) {
    let mut group = c.benchmark_group("find a route");
    group.throughput(Throughput::Elements(1));
    for routes in [10, 100, 1000] {
        let Some(table) = table(routes) else { continue };
        let last = format!("/api/v1/resource{}/0192f0c1/items/7", routes - 1);
        let cases = [
            ("hit", Some("api.example.com"), last.as_str()),
            (
                "by host",
                Some("Shop.example.com:8080"),
                "/api/v1/resource0/0192f0c1/items/7",
            ),
            ("escaped", None, "/api/v1/%72esource1/0192f0c1/items/7"),
            ("default", None, "/nowhere/at/all"),
        ];
        for (name, host, path) in cases {
            group.bench_with_input(BenchmarkId::new(name, routes), &path, |b, path| {
                b.iter(|| black_box(table.find(black_box(host), black_box(path), &Method::GET)));
            });
        }
    }
    group.finish();
}

criterion_group!(benches, routing);
criterion_main!(benches);
