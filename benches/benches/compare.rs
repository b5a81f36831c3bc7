//! What a comparison costs, beside the floor of parsing both sides with `serde_json`.
//!
//! Run with `cargo bench -p benches --bench compare`. The ratio to read is that of a `compare` line
//! to the `floor` line of the same group.

use std::fmt::Write;
use std::hint::black_box;

use bytes::Bytes;
use comparator::{Response, Rules, RulesConfig, Verdict, compare};
use criterion::{BenchmarkGroup, Criterion, Throughput, criterion_group, criterion_main};
use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderValue};

/// How a side writes the same list of orders.
#[derive(Clone, Copy)]
enum Spelling {
    /// Compact, and money with two decimals.
    Legacy,
    /// With blanks, money without trailing zeros: equal by value, not by bytes.
    Blank,
    /// As `Blank`, with the keys in another order.
    Reordered,
    /// Every value another one.
    Different,
}

fn order(id: usize, spelling: Spelling) -> String {
    let (cents, customer) = (id * 7, id % 97);
    let time = format!(
        "2026-11-{:02}T10:{:02}:{:02}.123Z",
        id % 28 + 1,
        id / 60 % 60,
        id % 60
    );
    match spelling {
        Spelling::Legacy => format!(
            r#"{{"type":"order","id":"{id}","attributes":{{"customerId":"{customer}","status":"PENDING","total":{id}.50,"subtotal":{cents}.00,"tax":null,"notes":"left at the door, \"thanks\"","createdAt":"{time}"}}}}"#
        ),
        Spelling::Blank => format!(
            r#"{{"type": "order", "id": "{id}", "attributes": {{"customerId": "{customer}", "status": "PENDING", "total": {id}.5, "subtotal": {cents}, "tax": null, "notes": "left at the door, \"thanks\"", "createdAt": "{time}"}}}}"#
        ),
        Spelling::Reordered => format!(
            r#"{{"attributes": {{"createdAt": "{time}", "customerId": "{customer}", "notes": "left at the door, \"thanks\"", "status": "PENDING", "subtotal": {cents}, "tax": null, "total": {id}.5}}, "id": "{id}", "type": "order"}}"#
        ),
        Spelling::Different => format!(
            r#"{{"type":"Order","id":"x{id}","attributes":{{"customerId":"y{customer}","status":"pending","total":{id}.75,"subtotal":{cents}.25,"tax":0,"notes":"left at the gate, \"thanks\"","createdAt":"{time}Z"}}}}"#
        ),
    }
}

fn list(ids: impl Iterator<Item = usize>, spelling: Spelling) -> Bytes {
    let mut text = String::from(r#"{"data":["#);
    for (at, id) in ids.enumerate() {
        let comma = if at == 0 { "" } else { "," };
        let _ = write!(text, "{comma}{}", order(id, spelling));
    }
    text.push_str("]}");
    Bytes::from(text)
}

struct Case {
    name: &'static str,
    sides: [[Bytes; 1]; 2],
    rules: Rules,
    verdict: Verdict,
}

#[expect(
    clippy::expect_used,
    reason = "a benchmark of wrong rules measures nothing"
)]
fn case(name: &'static str, legacy: &Bytes, modern: Bytes, rules: &str, verdict: Verdict) -> Case {
    // A copy, so that equal bodies are not one allocation.
    let legacy = Bytes::copy_from_slice(legacy);
    let config: RulesConfig = serde_json::from_str(rules).expect("the rules parse");
    let rules = Rules::try_from(&config).expect("the rules are right");
    Case {
        name,
        sides: [[legacy], [modern]],
        rules,
        verdict,
    }
}

fn measure(group: &mut BenchmarkGroup<'_, criterion::measurement::WallTime>, case: &Case) {
    let headers =
        HeaderMap::from_iter([(CONTENT_TYPE, HeaderValue::from_static("application/json"))]);
    let [legacy, modern] = case.sides.each_ref().map(|body| Response {
        status: 200,
        headers: &headers,
        body,
    });
    let bytes = case.sides.iter().flatten().map(Bytes::len).sum::<usize>();
    group.throughput(Throughput::Bytes(bytes as u64));
    group.bench_function(format!("{}/compare", case.name), |b| {
        let verdict = compare(&legacy, &modern, &case.rules).verdict;
        assert_eq!(verdict, case.verdict, "{}", case.name);
        b.iter(|| compare(black_box(&legacy), black_box(&modern), &case.rules));
    });
    group.bench_function(format!("{}/floor", case.name), |b| {
        b.iter(|| {
            case.sides
                .each_ref()
                .map(|[body]| serde_json::from_slice::<serde_json::Value>(black_box(body)).is_ok())
        });
    });
}

fn ordered(c: &mut Criterion) {
    for (size, orders) in [("1KB", 4), ("64KB", 260), ("5MB", 20_500)] {
        let mut group = c.benchmark_group(size);
        if size == "5MB" {
            group.sample_size(20);
        }
        let legacy = list(0..orders, Spelling::Legacy);
        let of = |spelling| list(0..orders, spelling);
        let one = String::from_utf8_lossy(&of(Spelling::Blank)).replacen("PENDING", "SHIPPED", 1);
        for case in [
            case(
                "equal_bytes",
                &legacy,
                of(Spelling::Legacy),
                "{}",
                Verdict::Matched,
            ),
            case(
                "equal_values",
                &legacy,
                of(Spelling::Blank),
                "{}",
                Verdict::Matched,
            ),
            case(
                "other_key_order",
                &legacy,
                of(Spelling::Reordered),
                "{}",
                Verdict::Matched,
            ),
            case(
                "one_difference",
                &legacy,
                Bytes::from(one),
                "{}",
                Verdict::Different,
            ),
            case(
                "all_different",
                &legacy,
                of(Spelling::Different),
                "{}",
                Verdict::Different,
            ),
            case(
                "ignored_and_timed",
                &legacy,
                of(Spelling::Blank),
                r#"{"ignore": ["/**/notes", "/data/*/attributes/updatedAt"],
                    "rules": [{"path": "/data/*/attributes/createdAt", "time": {"tolerance": "2s"},
                        "author": "ann", "reason": "clocks"}]}"#,
                Verdict::Matched,
            ),
            case(
                "one_inserted",
                &legacy,
                list(
                    (0..orders / 2).chain([99_999]).chain(orders / 2..orders),
                    Spelling::Blank,
                ),
                "{}",
                Verdict::Different,
            ),
        ] {
            measure(&mut group, &case);
        }
        group.finish();
    }
}

fn unordered(c: &mut Criterion) {
    let mut group = c.benchmark_group("10000_elements");
    group.sample_size(20);
    let legacy = list(0..10_000, Spelling::Legacy);
    let reversed = || list((0..10_000).rev(), Spelling::Blank);
    let multiset = r#"{"unordered": ["/data"]}"#;
    let keyed = r#"{"unordered": ["/data"], "keyed": {"/data": "/id"}}"#;
    measure(
        &mut group,
        &case("multiset", &legacy, reversed(), multiset, Verdict::Matched),
    );
    measure(
        &mut group,
        &case("keyed", &legacy, reversed(), keyed, Verdict::Matched),
    );
    let toleranced = r#"{"unordered": ["/data"], "rules": [
        {"path": "/data/*/attributes/total", "number": {"tolerance": "0.01"}, "author": "ann", "reason": "cents"},
        {"path": "/data/*/attributes/status", "text": ["case", "space"], "author": "ann", "reason": "collation"}]}"#;
    measure(
        &mut group,
        &case(
            "multiset_with_rules",
            &legacy,
            reversed(),
            toleranced,
            Verdict::Matched,
        ),
    );
    let one = String::from_utf8_lossy(&reversed()).replacen("PENDING", "SHIPPED", 1);
    measure(
        &mut group,
        &case(
            "multiset_one_difference",
            &legacy,
            Bytes::from(one),
            multiset,
            Verdict::Different,
        ),
    );
    group.finish();
}

criterion_group!(benches, ordered, unordered);
criterion_main!(benches);
