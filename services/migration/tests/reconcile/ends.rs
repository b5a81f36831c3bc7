//! How a run ends: verdicts, what is not verified, stops and going on.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use migration_service::plan::TablePlan;
use migration_service::reconcile::{
    Checkpoint, Depth, Health, Ledger, Options, Report, RowVerdict, TableReport, Unwatched,
    Verdict, Watch, key, rows, table,
};
use migration_service::store::{Commit, Quarantined};
use tokio_util::sync::CancellationToken;

use crate::pair::{NUMBERED, Pair, numbered, only, options, said};

/// Keys that are no key's order to the other side.
const LOOKED_UP: &str = "[[tables]]\nfrom = \"t\"\nto = \"t\"\nsame = true\n[tables.columns]\n\
     id = { from = \"id\", type = \"text\" }\n";

/// Differences of each sort, in several ranges.
const DRIFT: &str = "UPDATE t SET total = -total - 5 WHERE id % 97 = 0;
     DELETE FROM t WHERE id % 101 = 0; UPDATE t SET id = id + 1 WHERE id % 203 = 0";

#[tokio::test]
async fn rows_that_the_load_refused_are_not_verified_and_not_missing() {
    let pair = Pair::alike(&numbered(100), NUMBERED).await;
    pair.at_modern("DELETE FROM t WHERE id IN (SELECT id FROM t ORDER BY id LIMIT 2)")
        .await;
    let (_, target) = pair.sides().await;
    target.prepare().await.expect("books");
    let plan = pair.plan().await;
    let refused = |key: &str| Quarantined {
        source: "t".to_owned(),
        key: key.to_owned(),
        reason: "too long".to_owned(),
        row: "{}".to_owned(),
    };
    let commit = Commit {
        source: "t".to_owned(),
        progress: None,
        quarantined: vec![refused("7"), refused("14")],
        ids: Vec::new(),
        healed: Vec::new(),
    };
    let how = migration_service::store::How::Upsert;
    let written = target
        .write(&plan.tables[0].destination, &[], how, &commit)
        .await;
    written.expect("a commit");
    let report = pair.report().await;
    assert_eq!((report.ledger.quarantined, report.ledger.missing), (2, 0));
    assert_eq!(report.verdict, Verdict::NotVerified);
    assert_eq!(report.health, Health::Critical, "98 of 100 rows are equal");
    assert_eq!(
        only(&report).not_verified,
        ["2 rows were refused by the load"]
    );
    let figures = Options {
        depth: Depth::Figures,
        range: 25,
        ..options()
    };
    assert_eq!(
        pair.report_with(&figures).await.verdict,
        Verdict::NotVerified
    );
    // They explain what is lacking in one range, and nothing of another.
    pair.at_modern("DELETE FROM t WHERE id = (SELECT max(id) FROM t)")
        .await;
    assert_eq!(pair.report_with(&figures).await.verdict, Verdict::Different);
}

#[tokio::test]
async fn what_cannot_come_over_is_not_comparable_and_never_equal() {
    let pair = Pair::alike(
        "CREATE TABLE t (id INTEGER PRIMARY KEY, day TEXT); INSERT INTO t VALUES
         (1, '2026-01-02'), (2, '2026-02-30'), (3, 'soon');",
        "[[tables]]\nfrom = \"t\"\nto = \"t\"\nsame = true\n[tables.columns]\n\
         day = { from = \"day\", type = \"date\" }\n",
    )
    .await;
    let report = pair.report().await;
    assert_eq!((report.ledger.equal, report.ledger.not_comparable), (1, 2));
    assert_eq!(report.verdict, Verdict::NotVerified);
    assert_eq!(
        said(&report),
        ["2 rows: not comparable, since a value of t.day is no date"]
    );
}

#[tokio::test]
async fn a_sample_finds_its_share_and_verifies_no_more_than_that() {
    let pair = Pair::alike(&numbered(4000), NUMBERED).await;
    let sample = Options {
        sample: Some("10%".parse().expect("a share")),
        range: 900,
        ..options()
    };
    let report = pair.report_with(&sample).await;
    assert!(
        (300..500).contains(&report.ledger.equal),
        "{:?}",
        report.ledger
    );
    assert_eq!(report.ledger.rows(), report.ledger.equal);
    assert_eq!(report.verdict, Verdict::NotVerified);
    assert_eq!(report.health, Health::NotVerified);
    pair.at_modern("UPDATE t SET total = -1; INSERT INTO t SELECT id + 1, name, 0 FROM t")
        .await;
    let drifted = pair.report_with(&sample).await;
    assert_eq!(drifted.ledger.different, report.ledger.equal);
    assert!(
        (300..500).contains(&drifted.ledger.extra),
        "{:?}",
        drifted.ledger
    );
    assert_eq!(drifted.verdict, Verdict::Different);
}

#[tokio::test]
async fn suspects_beyond_the_limit_are_counted_and_explained_but_not_confirmed() {
    let pair = Pair::alike(&numbered(500), NUMBERED).await;
    pair.at_modern("UPDATE t SET name = name || ' '").await;
    let few = Options {
        most_suspects: 100,
        ..options()
    };
    let report = pair.report_with(&few).await;
    assert_eq!(
        (report.ledger.different, report.ledger.unconfirmed),
        (100, 400)
    );
    assert_eq!(
        said(&report),
        [
            "100 rows, and 400 more that were read once: trailing blanks in t.name; allowed by \
             compare = { trim = true }"
        ]
    );
}

/// Keeps every checkpoint, and stops the run at one of them.
struct Stopper {
    at: usize,
    stop: CancellationToken,
    kept: Mutex<Vec<String>>,
}

impl Watch for Stopper {
    fn checkpoint(&self, checkpoint: &Checkpoint) {
        let mut kept = self.kept.lock().expect("a lock");
        kept.push(serde_json::to_string(checkpoint).expect("json"));
        if kept.len() == self.at {
            self.stop.cancel();
        }
    }
}

#[tokio::test]
async fn a_run_that_is_stopped_at_any_range_goes_on_to_the_same_end() {
    for mapping in [NUMBERED, LOOKED_UP] {
        let pair = Pair::alike(&numbered(1000), mapping).await;
        pair.at_modern(DRIFT).await;
        let options = Options {
            range: 100,
            parallel: 2,
            ..options()
        };
        let whole = pair.report_with(&options).await;
        for at in 1..=11 {
            let stopper = Arc::new(Stopper {
                at,
                stop: CancellationToken::new(),
                kept: Mutex::default(),
            });
            let (watch, stop) = (Arc::clone(&stopper), stopper.stop.clone());
            let halted = pair.watched(&options, watch, stop, None).await;
            assert_ne!(halted.verdict, Verdict::Equal, "stopped at {at}");
            let last = stopper.kept.lock().expect("a lock").last().cloned();
            let from = serde_json::from_str(&last.expect("a checkpoint")).expect("a checkpoint");
            let stop = CancellationToken::new();
            let end = pair
                .watched(&options, Arc::new(Unwatched), stop, Some(from))
                .await;
            assert_eq!(end.ledger, whole.ledger, "stopped at {at}");
            assert_eq!(said(&end), said(&whole), "stopped at {at}");
        }
    }
}

#[tokio::test]
async fn what_a_run_goes_on_from_is_told_as_old_as_it_is() {
    let pair = Pair::alike(&numbered(1000), NUMBERED).await;
    let options = Options {
        range: 100,
        ..options()
    };
    // Once in the table, and once behind it.
    for at in [1, usize::MAX] {
        let stopper = Arc::new(Stopper {
            at,
            stop: CancellationToken::new(),
            kept: Mutex::default(),
        });
        let (watch, stop) = (Arc::clone(&stopper), stopper.stop.clone());
        let first = pair.watched(&options, watch, stop, None).await;
        let last = stopper.kept.lock().expect("a lock").pop();
        let from = serde_json::from_str(&last.expect("a checkpoint")).expect("a checkpoint");
        let (watch, stop) = (Arc::new(Unwatched), CancellationToken::new());
        let second = pair.watched(&options, watch, stop, Some(from)).await;
        assert_eq!(second.verdict, Verdict::Equal);
        assert_eq!(only(&second).began, only(&first).began);
        assert!(second.began <= only(&first).began);
    }
}

#[tokio::test]
async fn a_run_that_is_stopped_has_not_verified_what_it_did_not_reach() {
    let pair = Pair::alike(&numbered(1000), NUMBERED).await;
    let options = Options {
        range: 100,
        parallel: 1,
        ..options()
    };
    let stopper = Arc::new(Stopper {
        at: 1,
        stop: CancellationToken::new(),
        kept: Mutex::default(),
    });
    let (watch, stop) = (Arc::clone(&stopper), stopper.stop.clone());
    let report = pair.watched(&options, watch, stop, None).await;
    assert!(report.stopped);
    assert_eq!(report.verdict, Verdict::NotVerified);
    assert_eq!(report.health, Health::NotVerified);
    let reached = only(&report)
        .ranges
        .iter()
        .filter(|range| range.reached)
        .count();
    assert!(reached < 10, "{reached} of 10 ranges");
}

/// Counts the rows that are compared.
#[derive(Default)]
struct Read(AtomicU64);

impl Watch for Read {
    fn compared(&self, _table: &TablePlan, rows: u64) {
        self.0.fetch_add(rows, Ordering::Relaxed);
    }
}

/// Stops a run at a checkpoint, and goes on from the last one that was kept; says how many rows
/// were compared then.
async fn halted(pair: &Pair, options: &Options, at: usize) -> (Report, Report, u64) {
    let stopper = Arc::new(Stopper {
        at,
        stop: CancellationToken::new(),
        kept: Mutex::default(),
    });
    let (watch, stop) = (Arc::clone(&stopper), stopper.stop.clone());
    let halted = pair.watched(options, watch, stop, None).await;
    let last = stopper.kept.lock().expect("a lock").last().cloned();
    let from = serde_json::from_str(&last.expect("a checkpoint")).expect("a checkpoint");
    let (read, stop) = (Arc::new(Read::default()), CancellationToken::new());
    let watch = Arc::clone(&read);
    let end = pair.watched(options, watch, stop, Some(from)).await;
    (halted, end, read.0.load(Ordering::Relaxed))
}

#[tokio::test]
async fn a_stop_in_one_table_reaches_no_other_and_keeps_what_was_done() {
    let two = format!(
        "{} CREATE TABLE u (id INTEGER PRIMARY KEY, name TEXT, total INTEGER);
         INSERT INTO u SELECT * FROM t;",
        numbered(1000)
    );
    let mapping = format!("{NUMBERED}{}", NUMBERED.replace("\"t\"", "\"u\""));
    let pair = Pair::alike(&two, &mapping).await;
    let options = Options {
        range: 100,
        parallel: 1,
        ..options()
    };
    let (halted, end, read) = halted(&pair, &options, 3).await;
    assert_eq!(halted.verdict, Verdict::NotVerified);
    let [t, u] = halted.tables.as_slice() else {
        panic!("{:?}", halted.tables);
    };
    assert_eq!(u.not_verified, ["not every range was reached", "stopped"]);
    assert_eq!((u.ranges.len(), u.verdict), (0, Verdict::NotVerified));
    assert_eq!((halted.began <= t.began, t.began <= u.began), (true, true));
    assert_eq!(t.ranges.iter().filter(|range| range.reached).count(), 3);
    assert_eq!(end.verdict, Verdict::Equal);
    assert_eq!((end.ledger.equal, read), (2000, 1700));
}

#[tokio::test]
async fn ranges_that_are_hashed_stop_too() {
    let made = "CREATE TABLE t (id bigint PRIMARY KEY, name text);
         INSERT INTO t SELECT i, 'name ' || i FROM generate_series(1, 1000) AS i; ANALYZE t;";
    let pair = Pair::on_servers(made, made, NUMBERED).await;
    let options = Options {
        range: 100,
        parallel: 1,
        ..options()
    };
    let (halted, end, _) = halted(&pair, &options, 1).await;
    assert_eq!(halted.verdict, Verdict::NotVerified);
    assert!(only(&halted).hashed < 1000, "{}", only(&halted).hashed);
    assert_eq!((end.verdict, only(&end).hashed), (Verdict::Equal, 1000));
}

#[tokio::test]
async fn a_checkpoint_of_another_plan_or_database_is_begun_anew() {
    let pair = Pair::alike(&numbered(300), NUMBERED).await;
    let keeper = Arc::new(Stopper {
        at: usize::MAX,
        stop: CancellationToken::new(),
        kept: Mutex::default(),
    });
    let watch = Arc::clone(&keeper);
    pair.watched(&options(), watch, keeper.stop.clone(), None)
        .await;
    let last = keeper
        .kept
        .lock()
        .expect("a lock")
        .pop()
        .expect("a checkpoint");
    let kept: Checkpoint = serde_json::from_str(&last).expect("a checkpoint");
    let names = pair.both().await.names();
    assert!(kept.fits(&names, &pair.plan().await, &options()));
    let elsewhere = (names.0.clone(), "sqlite:elsewhere.db".to_owned());
    assert!(!kept.fits(&elsewhere, &pair.plan().await, &options()));
    let other = Pair::alike(
        &numbered(300),
        "[[tables]]\nfrom = \"t\"\nto = \"t\"\nsame = true\n[tables.columns]\n\
         name = { from = \"name\", compare = { trim = true } }\n",
    )
    .await;
    assert!(!kept.fits(&names, &other.plan().await, &options()));
}

#[tokio::test]
async fn a_table_that_cannot_be_read_hides_no_other() {
    let sql = format!("{} CREATE TABLE u (id INTEGER PRIMARY KEY);", numbered(10));
    let mapping = format!("[[tables]]\nfrom = \"u\"\nto = \"u\"\n{NUMBERED}");
    let pair = Pair::alike(&sql, &mapping).await;
    let plan = pair.plan().await;
    pair.at_modern("DROP TABLE u").await;
    let (source, target) = pair.sides().await;
    let report = migration_service::reconcile::reconcile(
        &plan,
        source,
        target,
        &options(),
        Arc::new(Unwatched),
        CancellationToken::new(),
        None,
    )
    .await;
    let verdicts: Vec<Verdict> = report.tables.iter().map(|table| table.verdict).collect();
    assert_eq!(verdicts, [Verdict::NotVerified, Verdict::Equal]);
    let failed: &TableReport = &report.tables[0];
    let why = failed.not_verified.join("; ");
    assert!(
        why.contains("could not read u in sqlite:") && why.contains("no such table"),
        "{why}"
    );
}

#[tokio::test]
async fn single_rows_are_compared_on_demand_by_their_entity() {
    let mapping = format!("{NUMBERED}entity = \"thing\"\n");
    let pair = Pair::alike(&numbered(50), &mapping).await;
    pair.at_modern(
        "UPDATE t SET total = 10 WHERE id = 14; DELETE FROM t WHERE id = 21;
         INSERT INTO t VALUES (8, 'x', 1)",
    )
    .await;
    let plan = pair.plan().await;
    let plan = table(&plan, "thing").expect("a table");
    let keys = ["7", "14", "21", "8", "9"].map(|id| key(plan, &[id]).expect(id));
    let (source, target) = pair.sides().await;
    let stop = CancellationToken::new();
    let found = rows(plan, source, target, &keys, &options(), stop)
        .await
        .expect("rows");
    let verdict = |id: &str| {
        let asked = key(plan, &[id]).expect(id);
        let row = found.iter().find(|(key, _)| *key == asked).expect(id);
        row.1.verdict
    };
    assert_eq!(verdict("7"), RowVerdict::Equal);
    assert_eq!(verdict("21"), RowVerdict::Missing);
    assert_eq!(verdict("8"), RowVerdict::Extra);
    assert_eq!(verdict("9"), RowVerdict::Absent);
    let drifted = found.iter().find(|(_, row)| row.key == "14");
    let (_, drifted) = drifted.expect("the row");
    let [total] = drifted.differences.as_slice() else {
        panic!("{drifted:?}");
    };
    assert_eq!(
        (
            total.column.as_str(),
            total.legacy.as_str(),
            total.modern.as_str()
        ),
        ("total", "6", "10")
    );
    let refused = key(plan, &["x"]).expect_err("no key").to_string();
    assert_eq!(refused, "`x` is no key of t: x is no integer");
    assert!(key(plan, &["1", "2"]).is_err());
}

#[tokio::test]
async fn rows_whose_long_keys_are_shown_alike_have_a_verdict_each() {
    let (one, two) = (format!("{:080}1", 0), format!("{:080}2", 0));
    let made = format!(
        "CREATE TABLE t (id TEXT PRIMARY KEY, n INTEGER);
         INSERT INTO t VALUES ('{one}', 1), ('{two}', 2);"
    );
    let pair = Pair::alike(&made, NUMBERED).await;
    pair.at_modern("UPDATE t SET n = 3 WHERE n = 2").await;
    let plan = pair.plan().await;
    let plan = table(&plan, "t").expect("a table");
    let keys = [&one, &two].map(|id| key(plan, &[id]).expect("a key"));
    let (source, target) = pair.sides().await;
    let stop = CancellationToken::new();
    let found = rows(plan, source, target, &keys, &options(), stop).await;
    let found: HashMap<_, _> = found.expect("rows").into_iter().collect();
    let verdicts = keys.map(|key| found[&key].verdict);
    assert_eq!(verdicts, [RowVerdict::Equal, RowVerdict::Different]);
}

#[tokio::test]
async fn nothing_compared_is_nothing_verified() {
    let pair = Pair::alike(&numbered(10), NUMBERED).await;
    let none = Options {
        only: vec!["other".to_owned()],
        ..options()
    };
    let report = pair.report_with(&none).await;
    assert_eq!(report.verdict, Verdict::NotVerified);
    assert_eq!(report.not_compared, ["t"]);
    assert_eq!(report.ledger, Ledger::default());
}
