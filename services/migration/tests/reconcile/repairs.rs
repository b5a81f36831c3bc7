//! Repair: both sides are equal afterwards, and the target is what it was after an undo.

use migration_service::reconcile::{Options, Report, Verdict};
use migration_service::repair::{Applied, Log, RepairError, apply, propose, undo};
use migration_service::store::Dialect;
use tokio_util::sync::CancellationToken;

use crate::pair::{NUMBERED, Pair, numbered, options, said};

const DRIFT: &str = "UPDATE t SET total = total + 1, name = NULL WHERE id % 5 = 0;
     DELETE FROM t WHERE id % 11 = 0; INSERT INTO t VALUES (-1, 'it''s \\ extra', NULL), (-2, '', 5)";

/// Proposes and applies.
async fn repair(pair: &Pair, report: &Report, deletes: u64) -> Result<Applied, RepairError> {
    let (sides, stop) = (pair.both().await, CancellationToken::new());
    let proposal = propose(&sides, report, &options(), &stop).await?;
    let mut log = Log::create(&pair.path("undo.jsonl"))?;
    apply(&sides, &proposal, deletes, &mut log, &options(), &stop).await
}

/// All of the target's rows.
async fn contents(pair: &Pair) -> Vec<String> {
    let rows = "SELECT quote(id) || quote(name) || quote(total) FROM t ORDER BY id";
    pair.modern.texts(rows).await
}

#[tokio::test]
async fn a_repair_makes_both_sides_equal_and_an_undo_brings_back_what_was_there() {
    let pair = Pair::alike(&numbered(400), NUMBERED).await;
    pair.at_modern(DRIFT).await;
    let drifted = contents(&pair).await;
    let report = pair.report().await;
    let differing = report.ledger.differing();
    assert!(differing > 100, "{:?}", report.ledger);
    let applied = repair(&pair, &report, 2).await.expect("a repair");
    assert!(applied.is_complete(), "{applied:?}");
    assert_eq!((applied.changed, applied.verified), (differing, differing));
    assert_eq!(
        applied.changed_meanwhile.len() + applied.still_different.len(),
        0
    );
    assert_eq!(pair.report().await.verdict, Verdict::Equal);

    let stop = CancellationToken::new();
    let undone = undo(&pair.both().await, &pair.path("undo.jsonl"), &stop).await;
    assert_eq!(undone.expect("an undo").changed, differing);
    assert_eq!(contents(&pair).await, drifted);
}

/// A target with columns of its own.
const LOYAL: &str = "CREATE TABLE t (id INTEGER PRIMARY KEY, name TEXT, loyalty INTEGER DEFAULT 5,
     at TEXT, twice INTEGER GENERATED ALWAYS AS (loyalty * 2));
     INSERT INTO t (id, name, loyalty, at) VALUES (1, 'a', 1, NULL), (2, 'extra', 70, '2026-01-02');";

const NAMED: &str =
    "CREATE TABLE t (id INTEGER PRIMARY KEY, name TEXT); INSERT INTO t VALUES (1, 'b');";

#[tokio::test]
async fn an_undo_brings_back_the_columns_of_a_deleted_row_that_nothing_maps() {
    let pair = Pair::of(
        NAMED,
        LOYAL,
        "[[tables]]\nfrom = \"t\"\nto = \"t\"\nsame = true\n",
    )
    .await;
    let all = "SELECT id || name || ' ' || loyalty || ' ' || quote(at) FROM t ORDER BY id";
    let before = pair.modern.texts(all).await;
    let report = pair.report().await;
    let applied = repair(&pair, &report, 1).await.expect("a repair");
    assert_eq!((applied.changed, applied.verified), (2, 2), "{applied:?}");
    assert_eq!(pair.modern.texts(all).await, ["1b 1 NULL"]);
    let stop = CancellationToken::new();
    let undone = undo(&pair.both().await, &pair.path("undo.jsonl"), &stop).await;
    assert_eq!(undone.expect("an undo").changed, 2);
    assert_eq!(pair.modern.texts(all).await, before);
}

#[tokio::test]
async fn a_row_whose_delete_takes_other_rows_along_is_left_alone_and_named() {
    let modern = format!(
        "{LOYAL} CREATE TABLE parts (id INTEGER PRIMARY KEY, t INTEGER REFERENCES t ON DELETE CASCADE);
         INSERT INTO parts VALUES (1, 2);"
    );
    let pair = Pair::of(
        NAMED,
        &modern,
        "[[tables]]\nfrom = \"t\"\nto = \"t\"\nsame = true\n",
    )
    .await;
    let report = pair.report().await;
    let stop = CancellationToken::new();
    let proposal = propose(&pair.both().await, &report, &options(), &stop).await;
    let proposal = proposal.expect("a proposal");
    assert_eq!((proposal.repairs.len(), proposal.deletes()), (1, 0));
    assert_eq!(
        proposal.impossible,
        ["t 2: its delete would change rows of parts as well"]
    );
    let applied = repair(&pair, &report, 1).await.expect("a repair");
    assert_eq!(applied.impossible, proposal.impossible);
    assert!(!applied.is_complete());
}

#[tokio::test]
async fn an_undo_leaves_a_row_with_which_others_would_go() {
    let table = "CREATE TABLE t (id INTEGER PRIMARY KEY, name TEXT NOT NULL);";
    let legacy = format!("{table} INSERT INTO t VALUES (1, 'a')");
    let modern = format!(
        "{table} CREATE TABLE parts (id INTEGER PRIMARY KEY, t INTEGER REFERENCES t ON DELETE CASCADE)"
    );
    let pair = Pair::of(&legacy, &modern, NUMBERED).await;
    let report = pair.report().await;
    let applied = repair(&pair, &report, 1).await.expect("a repair");
    assert_eq!(applied.changed, 1, "{applied:?}");
    pair.at_modern("INSERT INTO parts VALUES (7, 1)").await;
    let stop = CancellationToken::new();
    let undone = undo(&pair.both().await, &pair.path("undo.jsonl"), &stop).await;
    let undone = undone.expect("an undo");
    assert_eq!(
        (undone.changed, undone.refused),
        (
            0,
            vec!["t 1: its delete would change rows of parts as well".to_owned()]
        )
    );
    assert_eq!(pair.modern.texts("SELECT id || '' FROM parts").await, ["7"]);
}

#[tokio::test]
async fn a_repair_that_is_stopped_names_the_rows_that_it_did_not_reach() {
    let pair = Pair::alike(&numbered(10), NUMBERED).await;
    pair.at_modern("UPDATE t SET total = 0 WHERE id IN (7, 14)")
        .await;
    let report = pair.report().await;
    let (sides, stop) = (pair.both().await, CancellationToken::new());
    let proposal = propose(&sides, &report, &options(), &stop).await;
    let proposal = proposal.expect("a proposal");
    stop.cancel();
    let mut log = Log::create(&pair.path("undo.jsonl")).expect("a log");
    let applied = apply(&sides, &proposal, 0, &mut log, &options(), &stop).await;
    let applied = applied.expect("a repair");
    assert_eq!((applied.changed, applied.is_complete()), (0, false));
    assert_eq!(applied.not_reached, ["t 7", "t 14"]);
}

#[tokio::test]
async fn rows_that_a_report_counts_and_does_not_list_leave_a_repair_incomplete() {
    let pair = Pair::alike(&numbered(10), NUMBERED).await;
    pair.at_modern("UPDATE t SET total = 0 WHERE id IN (7, 14)")
        .await;
    let report = pair
        .report_with(&Options {
            most_suspects: 1,
            ..options()
        })
        .await;
    assert_eq!(report.ledger.unconfirmed, 1);
    let applied = repair(&pair, &report, 0).await.expect("a repair");
    assert_eq!((applied.changed, applied.left_out), (1, 1));
    assert!(!applied.is_complete());
}

#[tokio::test]
async fn a_row_outside_a_sample_is_found_in_the_source_and_not_proposed_to_go() {
    // The target's key does not tell the source's, so that the source's keys are searched.
    let pair = Pair::of(
        "CREATE TABLE t (id INTEGER PRIMARY KEY, total INTEGER);",
        "CREATE TABLE t (id TEXT PRIMARY KEY, total INTEGER); INSERT INTO t VALUES ('7', 3);",
        "[[tables]]\nfrom = \"t\"\nto = \"t\"\nsame = true\n",
    )
    .await;
    let report = pair.report().await;
    assert_eq!(report.ledger.extra, 1);
    pair.at_legacy("INSERT INTO t VALUES (7, 4)").await;
    let sample = Options {
        sample: Some("0.0001%".parse().expect("a share")),
        ..options()
    };
    let stop = CancellationToken::new();
    let proposal = propose(&pair.both().await, &report, &sample, &stop).await;
    let proposal = proposal.expect("a proposal");
    assert_eq!((proposal.repairs.len(), proposal.deletes()), (1, 0));
}

#[tokio::test]
async fn only_the_tables_that_are_asked_for_are_put_right() {
    let made = format!("{} CREATE TABLE u AS SELECT * FROM t;", numbered(3));
    let made = made.replace(
        "CREATE TABLE u AS",
        "CREATE TABLE u (id INTEGER PRIMARY KEY, name TEXT, total INTEGER); INSERT INTO u",
    );
    let pair = Pair::alike(
        &made,
        &format!("{NUMBERED}{}", NUMBERED.replace("\"t\"", "\"u\"")),
    )
    .await;
    pair.at_modern("UPDATE t SET total = 0; UPDATE u SET total = 0")
        .await;
    let report = pair.report().await;
    let (sides, stop) = (pair.both().await, CancellationToken::new());
    let of = |name: &str| Options {
        only: vec![name.to_owned()],
        ..options()
    };
    let proposal = propose(&sides, &report, &of("u"), &stop).await;
    let proposal = proposal.expect("a proposal");
    assert_eq!(proposal.repairs.len(), 3);
    assert!(proposal.repairs.iter().all(|repair| repair.source == "u"));
    let none = propose(&sides, &report, &of("v"), &stop).await;
    let none = none.expect_err("no such table").to_string();
    assert_eq!(none, "the report has no table v");
}

#[tokio::test]
async fn more_deletes_than_are_allowed_change_nothing() {
    let pair = Pair::alike(&numbered(100), NUMBERED).await;
    pair.at_modern(DRIFT).await;
    let before = contents(&pair).await;
    let report = pair.report().await;
    let refused = repair(&pair, &report, 1).await.expect_err("a refusal");
    assert_eq!(
        refused.to_string(),
        "2 rows would be deleted, and 1 may be; nothing was changed"
    );
    assert_eq!(contents(&pair).await, before);
}

#[tokio::test]
async fn a_dry_run_says_the_statements_and_changes_nothing() {
    let pair = Pair::alike(&numbered(3), NUMBERED).await;
    pair.at_modern("UPDATE t SET name = 'it''s' WHERE id = 7; DELETE FROM t WHERE id = 14")
        .await;
    let report = pair.report().await;
    let stop = CancellationToken::new();
    let proposal = propose(&pair.both().await, &report, &options(), &stop).await;
    let mut sql = proposal.expect("a proposal").sql(Dialect::Sqlite);
    sql.sort();
    assert_eq!(
        sql,
        [
            "INSERT INTO \"t\" (\"id\", \"name\", \"total\") SELECT 14, 'name 2', 6 \
             WHERE NOT EXISTS (SELECT 1 FROM \"t\" WHERE \"id\" IN (14))",
            "UPDATE \"t\" SET \"name\" = 'name 1' WHERE \"id\" IN (7) AND \"id\" IS 7 AND \
             \"name\" IS 'it''s' AND \"total\" IS 3",
        ]
    );
    assert_eq!(pair.report().await.ledger.differing(), 2);
}

#[tokio::test]
async fn a_row_that_changed_since_it_was_read_is_left_alone_and_named() {
    let pair = Pair::alike(&numbered(10), NUMBERED).await;
    pair.at_modern("UPDATE t SET total = 0 WHERE id IN (7, 14); DELETE FROM t WHERE id = 21")
        .await;
    let report = pair.report().await;
    let (sides, stop) = (pair.both().await, CancellationToken::new());
    let proposal = propose(&sides, &report, &options(), &stop)
        .await
        .expect("a proposal");
    // Somebody is quicker than the repair.
    pair.at_modern("UPDATE t SET total = 77 WHERE id = 14; INSERT INTO t VALUES (21, 'mine', 1)")
        .await;
    let mut log = Log::create(&pair.path("undo.jsonl")).expect("a log");
    let applied = apply(&sides, &proposal, 0, &mut log, &options(), &stop).await;
    let applied = applied.expect("a repair");
    assert_eq!((applied.changed, applied.verified), (1, 1));
    let mut left = applied.changed_meanwhile;
    left.sort();
    assert_eq!(left, ["t 14", "t 21"]);
    // An undo takes back that one change, and not what others wrote.
    let undone = undo(&sides, &pair.path("undo.jsonl"), &stop)
        .await
        .expect("an undo");
    assert_eq!((undone.changed, undone.changed_meanwhile.len()), (1, 0));
}

#[tokio::test]
async fn an_undo_leaves_alone_what_others_had_put_right_before_the_repair_could() {
    let pair = Pair::alike(&numbered(10), NUMBERED).await;
    pair.at_modern("UPDATE t SET total = 0 WHERE id IN (7, 14); DELETE FROM t WHERE id = 21")
        .await;
    let report = pair.report().await;
    let (sides, stop) = (pair.both().await, CancellationToken::new());
    let proposal = propose(&sides, &report, &options(), &stop).await;
    let proposal = proposal.expect("a proposal");
    // The mirror writes exactly what the repair was about to.
    pair.at_modern("UPDATE t SET total = 6 WHERE id = 14; INSERT INTO t VALUES (21, 'name 3', 9)")
        .await;
    let path = pair.path("undo.jsonl");
    let mut log = Log::create(&path).expect("a log");
    let applied = apply(&sides, &proposal, 0, &mut log, &options(), &stop).await;
    assert_eq!(applied.expect("a repair").changed, 1);
    let undone = undo(&sides, &path, &stop).await.expect("an undo");
    assert_eq!((undone.changed, undone.unsure.len()), (1, 0));
    let kept = "SELECT id || ' ' || total FROM t WHERE id IN (7, 14, 21) ORDER BY id";
    assert_eq!(pair.modern.texts(kept).await, ["7 0", "14 6", "21 9"]);
}

#[tokio::test]
async fn an_undo_names_the_rows_of_a_repair_that_died_before_it_said_what_it_made() {
    let pair = Pair::alike(&numbered(10), NUMBERED).await;
    pair.at_modern("UPDATE t SET total = 0 WHERE id = 7").await;
    let report = pair.report().await;
    repair(&pair, &report, 0).await.expect("a repair");
    let path = pair.path("undo.jsonl");
    let log = std::fs::read_to_string(&path).expect("a log");
    let entry = log.lines().next().expect("an entry");
    std::fs::write(&path, format!("{entry}\n{{\"made\":[tr")).expect("a log");
    let undone = undo(&pair.both().await, &path, &CancellationToken::new()).await;
    let undone = undone.expect("an undo");
    assert_eq!((undone.changed, undone.unsure), (0, vec!["t 7".to_owned()]));
}

#[tokio::test]
async fn rows_that_became_equal_need_no_repair_and_those_of_the_source_are_read_anew() {
    let pair = Pair::alike(&numbered(10), NUMBERED).await;
    pair.at_modern("UPDATE t SET total = 0 WHERE id IN (7, 14, 21)")
        .await;
    let report = pair.report().await;
    pair.at_modern("UPDATE t SET total = 3 WHERE id = 7").await;
    pair.at_legacy("UPDATE t SET total = 1234 WHERE id = 14")
        .await;
    let stop = CancellationToken::new();
    let proposal = propose(&pair.both().await, &report, &options(), &stop).await;
    let proposal = proposal.expect("a proposal");
    assert_eq!((proposal.equal, proposal.repairs.len()), (1, 2));
    repair(&pair, &report, 0).await.expect("a repair");
    assert_eq!(pair.report().await.verdict, Verdict::Equal);
}

#[tokio::test]
async fn values_in_another_writing_are_set_by_what_is_written_there() {
    let pair = Pair::alike(
        "CREATE TABLE t (id INTEGER PRIMARY KEY, price TEXT, at TEXT, note TEXT);
         INSERT INTO t VALUES (1, '9.10', '2026-01-02T03:04:05.000Z', 'a');",
        "[[tables]]\nfrom = \"t\"\nto = \"t\"\nsame = true\n[tables.columns]\n\
         price = { from = \"price\", type = \"decimal(10, 2)\" }\n\
         at = { from = \"at\", type = \"instant(3)\" }\n\
         note = { from = \"note\", compare = { trim = true } }\n",
    )
    .await;
    pair.at_modern("UPDATE t SET price = '9.2', at = '2026-01-02 04:04:05+01:00', note = 'a  '")
        .await;
    let report = pair.report().await;
    assert_eq!(said(&report).len(), 1, "the price alone differs");
    let applied = repair(&pair, &report, 0).await.expect("a repair");
    assert_eq!((applied.changed, applied.verified), (1, 1));
    let kept = pair.modern.texts("SELECT price || at || note FROM t").await;
    assert_eq!(
        kept,
        ["9.102026-01-02 04:04:05+01:00a  "],
        "what is allowed stays"
    );
}

#[tokio::test]
async fn a_log_is_never_overwritten_and_a_line_that_was_cut_off_is_no_change() {
    let pair = Pair::alike(&numbered(10), NUMBERED).await;
    pair.at_modern("UPDATE t SET total = 0 WHERE id = 7").await;
    let report = pair
        .report_with(&Options {
            reads: 2,
            ..options()
        })
        .await;
    repair(&pair, &report, 0).await.expect("a repair");
    let again = repair(&pair, &report, 0)
        .await
        .expect_err("the log is there");
    assert!(matches!(again, RepairError::Log { .. }), "{again}");
    let path = pair.path("undo.jsonl");
    let mut log = std::fs::read(&path).expect("a log");
    log.extend(b"{\"table\":\"t\"");
    std::fs::write(&path, log).expect("a log");
    assert_eq!(Log::read(&path).expect("entries").len(), 1);
    std::fs::write(&path, "{}\n").expect("a log");
    let bad = Log::read(&path).expect_err("no entry").to_string();
    assert!(
        bad.contains("undo.jsonl:1: is no entry of an undo log"),
        "{bad}"
    );
}
