//! Comparison while both sides are written to: a target that lags is not different, a row that
//! never rests is unstable, and what is wrong is found all the same.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use migration_service::reconcile::{Options, Verdict};

use crate::pair::{NUMBERED, Pair, numbered, only, options};

/// How far the target lags, and how long suspects are left alone: far apart, since the machine
/// may be slow.
const LAG: Duration = Duration::from_millis(20);
const SETTLE: Duration = Duration::from_millis(1500);

/// Makes the same changes on both sides, the target's after a while, until it is told to stop.
/// Says how many it made.
async fn write(pair: Arc<Pair>, stop: Arc<AtomicBool>, made: Arc<AtomicU64>) {
    let mut turn = 0_u64;
    while !stop.load(Ordering::Relaxed) {
        let id = 7 * (1 + turn * 37 % 99);
        let fresh = 1_000_003 + 10 * turn;
        let sql = match turn % 4 {
            0 | 1 => {
                format!("UPDATE t SET total = total + 1, name = 'turn {turn}' WHERE id = {id}")
            }
            2 => format!("INSERT INTO t VALUES ({fresh}, 'fresh', {turn})"),
            _ => format!("DELETE FROM t WHERE id = {}", fresh - 10),
        };
        pair.at_legacy(&sql).await;
        tokio::time::sleep(LAG).await;
        pair.at_modern(&sql).await;
        made.fetch_add(1, Ordering::Relaxed);
        turn += 1;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_invented_while_writers_change_both_sides_and_what_is_wrong_is_found() {
    let pair = Arc::new(Pair::alike(&numbered(3000), NUMBERED).await);
    // Wrong in rows that nobody writes to.
    pair.at_modern(
        "UPDATE t SET total = -1 WHERE id IN (SELECT id FROM t ORDER BY id LIMIT 3 OFFSET 1500);
         DELETE FROM t WHERE id IN (SELECT id FROM t ORDER BY id LIMIT 2 OFFSET 2000);
         INSERT INTO t VALUES (8, 'extra', 0)",
    )
    .await;
    let (stop, made) = (
        Arc::new(AtomicBool::new(false)),
        Arc::new(AtomicU64::new(0)),
    );
    let writer = tokio::spawn(write(
        Arc::clone(&pair),
        Arc::clone(&stop),
        Arc::clone(&made),
    ));
    let options = Options {
        range: 250,
        settle: SETTLE,
        ..options()
    };
    for _ in 0..3 {
        let before = made.load(Ordering::Relaxed);
        let report = pair.report_with(&options).await;
        assert!(
            made.load(Ordering::Relaxed) > before,
            "writers wrote meanwhile"
        );
        let ledger = report.ledger;
        assert_eq!(
            (
                ledger.different,
                ledger.missing,
                ledger.extra,
                ledger.unconfirmed
            ),
            (3, 2, 1, 0),
            "{ledger:?}"
        );
    }
    stop.store(true, Ordering::Relaxed);
    writer.await.expect("the writer");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_row_that_changes_between_all_reads_is_unstable_and_not_different() {
    let pair = Arc::new(Pair::alike(&numbered(50), NUMBERED).await);
    pair.at_modern("UPDATE t SET total = -1 WHERE id = 7").await;
    let stop = Arc::new(AtomicBool::new(false));
    let (writing, stopped) = (Arc::clone(&pair), Arc::clone(&stop));
    let writer = tokio::spawn(async move {
        while !stopped.load(Ordering::Relaxed) {
            writing
                .at_modern("UPDATE t SET total = total - 1 WHERE id = 7")
                .await;
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    });
    let options = Options {
        settle: Duration::from_millis(300),
        ..options()
    };
    let report = pair.report_with(&options).await;
    stop.store(true, Ordering::Relaxed);
    writer.await.expect("the writer");
    assert_eq!((report.ledger.unstable, report.ledger.different), (1, 0));
    assert_eq!(report.verdict, Verdict::NotVerified);
    assert_eq!(
        only(&report).not_verified,
        ["1 rows changed each time they were read"]
    );
    // At rest, it is different.
    assert_eq!(pair.report().await.ledger.different, 1);
}

#[tokio::test]
async fn a_suspect_is_left_alone_for_as_long_as_was_said_and_read_as_often() {
    let pair = Pair::alike(&numbered(50), NUMBERED).await;
    pair.at_modern("UPDATE t SET total = -1 WHERE id = 7").await;
    let options = Options {
        settle: Duration::from_millis(100),
        reads: 3,
        ..options()
    };
    let began = Instant::now();
    assert_eq!(pair.report_with(&options).await.ledger.different, 1);
    assert!(began.elapsed() >= Duration::from_millis(300));
}
