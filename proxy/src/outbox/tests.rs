//! What a full disk and a foreign file cost.

use super::*;
use crate::exchange::budget::Budget;
use crate::exchange::{CapturedRequest, CapturedResponse};
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method};
use tempfile::TempDir;

mod holds;

/// A write with a body of so many bytes, and a header that is no text.
pub(super) fn exchange(bytes: usize) -> Exchange {
    let mut headers = HeaderMap::new();
    headers.insert("x-odd", HeaderValue::from_bytes(b"\xff caf\xe9").unwrap());
    headers.append("cookie", HeaderValue::from_static("a=1"));
    headers.append("cookie", HeaderValue::from_static("b=2"));
    Exchange {
        at: Timestamp::from_millisecond(1_000_000).unwrap(),
        route: "orders".into(),
        request_id: "abc".into(),
        answered_by: Side::Modern,
        request: CapturedRequest {
            method: Method::PUT,
            target: Bytes::from_static(b"/orders/1?x=%ff"),
            headers,
            body: vec![
                Bytes::from(vec![b'x'; bytes]),
                Bytes::from_static(b"\0\xfe"),
            ],
        },
        primary: CapturedResponse {
            status: 201,
            headers: HeaderMap::new(),
            body: vec![Bytes::from_static(b"{}")],
            took: Duration::from_millis(7),
        },
        candidate: None,
    }
}

struct Setting {
    folder: TempDir,
    outbox: Outbox,
    left: Leftovers,
}

impl Setting {
    async fn open(folder: TempDir) -> Self {
        let (outbox, left) = Outbox::open(&folder.path().join("outbox.db"))
            .await
            .unwrap();
        Self {
            folder,
            outbox,
            left,
        }
    }

    async fn store(&self, id: u64, bytes: usize) -> bool {
        let row = Row::plain(id, &exchange(bytes), &[Lane::named("order:1")]);
        let (hold, at_risk) = (Budget::new(1 << 30).hold(), self.outbox.risk());
        let stored = self.outbox.append(row, hold, at_risk);
        matches!(stored.await, Ok(None))
    }

    async fn pragma(&self, sql: String) {
        let sql = sqlx::AssertSqlSafe(sql);
        sqlx::query(sql).fetch_all(&self.outbox.pool).await.unwrap();
    }
}

/// The file as a kill would leave it.
fn killed(setting: &Setting) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for name in ["outbox.db", "outbox.db-wal"] {
        let file = setting.folder.path().join(name);
        std::fs::copy(file, folder.path().join(name)).unwrap();
    }
    folder
}

#[tokio::test]
async fn what_is_stored_comes_back_byte_for_byte_and_leaves_when_it_is_removed() {
    let setting = Setting::open(tempfile::tempdir().unwrap()).await;
    assert!(setting.store(7, 1_000).await);
    setting.outbox.close().await;
    let setting = Setting::open(setting.folder).await;
    let left = &setting.left.writes[0];
    let lanes: Vec<&str> = left.lanes.iter().map(Lane::as_str).collect();
    assert_eq!((left.id, lanes), (7, vec!["order:1"]));
    assert!(setting.left.next_id() > 7);
    let (before, after) = (
        exchange(1_000),
        setting.outbox.load(7).await.unwrap().unwrap(),
    );
    assert_eq!(after.request.headers, before.request.headers);
    assert_eq!(after.request.body.concat(), before.request.body.concat());
    assert_eq!(after.request.target, before.request.target);
    assert_eq!(after.answered_by, Side::Modern);
    assert_eq!(
        (after.primary.status, after.primary.took),
        (201, before.primary.took)
    );
    setting.outbox.remove(7);
    setting.outbox.close().await;
    let setting = Setting::open(setting.folder).await;
    assert!(setting.left.writes.is_empty());
}

#[tokio::test]
async fn a_full_disk_is_counted_and_got_over_and_no_taint_is_forgotten() {
    let setting = Setting::open(tempfile::tempdir().unwrap()).await;
    setting
        .pragma("PRAGMA max_page_count = 12".to_owned())
        .await;
    assert!(!setting.store(1, 1 << 20).await);
    let status = setting.outbox.status();
    assert!(status.failing && status.last_error.unwrap().contains("full"));
    assert_eq!((status.unstored, status.stored), (1, 0));
    // The next try is on another connection, with no limit of its own yet.
    setting
        .pragma("PRAGMA max_page_count = 12".to_owned())
        .await;
    // A taint that can't be written now is written once there is room.
    let taint = Taint::new("x".repeat(1 << 16), Some(Side::Modern));
    setting.outbox.taint(&Lane::named("order:1"), &taint);
    assert!(!setting.store(2, 1 << 20).await);
    setting
        .pragma("PRAGMA max_page_count = 1000000".to_owned())
        .await;
    assert!(setting.store(3, 1 << 20).await);
    assert!(!setting.outbox.status().failing);
    setting.outbox.close().await;
    let setting = Setting::open(setting.folder).await;
    assert_eq!(setting.left.taints[0].0, Lane::named("order:1"));
    assert_eq!(setting.left.writes.len(), 1);
}

#[tokio::test]
async fn that_a_write_was_tried_is_kept_though_it_is_lost_in_the_same_batch() {
    let setting = Setting::open(tempfile::tempdir().unwrap()).await;
    assert!(setting.store(1, 10).await);
    setting.outbox.note_tried(1, false);
    setting.outbox.note_tried(1, true);
    setting.outbox.note(1, Note::Lost("a test".to_owned()));
    setting.outbox.close().await;
    let setting = Setting::open(setting.folder).await;
    let left = &setting.left.writes[0];
    assert_eq!((left.tried, left.lost.as_deref()), (true, Some("a test")));
    // A later note changes nothing of the other sort.
    setting.outbox.note_tried(1, false);
    setting.outbox.close().await;
    let setting = Setting::open(setting.folder).await;
    let left = &setting.left.writes[0];
    assert_eq!((left.tried, left.lost.as_deref()), (false, Some("a test")));
}

#[tokio::test]
async fn a_write_that_can_t_be_understood_taints_everything_and_is_gone() {
    let setting = Setting::open(tempfile::tempdir().unwrap()).await;
    assert!(setting.store(1, 1).await);
    assert!(setting.store(2, 1).await);
    setting
        .pragma("UPDATE writes SET lanes = 'no list' WHERE id = 1".to_owned())
        .await;
    setting
        .pragma("UPDATE writes SET head = '{' WHERE id = 2".to_owned())
        .await;
    setting.outbox.close().await;
    for _ in 0..2 {
        let folder = tempfile::tempdir().unwrap();
        let file = setting.folder.path().join("outbox.db");
        std::fs::copy(file, folder.path().join("outbox.db")).unwrap();
        let setting = Setting::open(folder).await;
        assert_eq!(setting.left.taints[0].0, Lane::named("*"));
        assert_eq!(setting.left.writes.len(), 1);
        let error = setting.outbox.load(2).await.unwrap_err();
        assert!(
            !error.is_passing() && error.to_string().contains("write 2"),
            "{error}"
        );
    }
}

#[tokio::test]
async fn a_file_that_is_no_outbox_is_refused_by_name() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("outbox.db");
    std::fs::write(&path, "no database".repeat(1_000)).unwrap();
    let error = Outbox::open(&path).await.err().unwrap().to_string();
    assert!(error.contains("outbox.db"), "{error}");
}

#[tokio::test]
async fn the_next_run_knows_of_how_many_writes_a_kill_took_along() {
    let setting = Setting::open(tempfile::tempdir().unwrap()).await;
    let on_the_primary: Vec<AtRisk> = (0..3).map(|_| setting.outbox.risk()).collect();
    assert!(setting.store(1, 1).await);
    assert_eq!(setting.outbox.status().at_risk, 3);
    let next = Setting::open(killed(&setting)).await;
    assert_eq!((next.left.unknown, next.outbox.status().unknown), (4, 4));
    let (lane, taint) = &next.left.taints[0];
    assert!(lane.as_str().starts_with("crash-"), "{lane}");
    assert!(taint.why.contains("about 4 writes"), "{}", taint.why);
    // It is told once, and stays until somebody clears it.
    let after = Setting::open(killed(&next)).await;
    assert_eq!((after.left.unknown, after.left.taints.len()), (0, 1));

    // Once nothing is under way, a kill takes nothing along; nor does a stop.
    drop(on_the_primary);
    let deadline = std::time::Instant::now() + Duration::from_secs(30);
    while Setting::open(killed(&setting)).await.left.unknown > 0 {
        assert!(std::time::Instant::now() < deadline, "the mark stays");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let risk = setting.outbox.risk();
    assert!(setting.store(2, 1).await);
    drop(risk);
    setting.outbox.close().await;
    let stopped = Setting::open(setting.folder).await;
    assert_eq!(stopped.left.unknown, 0);
}

#[tokio::test]
async fn a_write_that_was_answered_does_not_come_again_because_its_comparison_panicked() {
    let setting = Setting::open(tempfile::tempdir().unwrap()).await;
    assert!(setting.store(1, 1).await && setting.store(2, 1).await);
    let over = setting.outbox.answered(1);
    let judging = tokio::spawn(async move {
        let _over = over;
        panic!("a defect");
    });
    assert!(judging.await.unwrap_err().is_panic());
    setting.outbox.close().await;
    let setting = Setting::open(setting.folder).await;
    let left: Vec<u64> = setting.left.writes.iter().map(|left| left.id).collect();
    assert_eq!(left, [2]);
}

async fn begin(
    outbox: &Outbox,
    named: Option<Named>,
    position: u64,
) -> Result<Arc<Held>, HoldError> {
    let begun = outbox.begin_hold(Vec::new(), Some("a test".to_owned()), named, move || {
        position
    });
    begun.await
}

#[tokio::test]
async fn a_write_that_passed_no_hold_is_late_all_the_same_where_a_release_says_so() {
    let setting = Setting::open(tempfile::tempdir().unwrap()).await;
    let outbox = &setting.outbox;
    begin(outbox, None, 7).await.unwrap();
    outbox.release(Named::Any, Some(9)).await.unwrap();
    assert!(outbox.deliver("orders", 9).is_none());
    assert!(outbox.deliver("orders", 10).is_some());
}

#[tokio::test]
async fn a_kill_behind_a_release_brings_back_nothing_of_what_was_settled_before() {
    let setting = Setting::open(tempfile::tempdir().unwrap()).await;
    let outbox = &setting.outbox;
    begin(outbox, None, 1).await.unwrap();
    let mut answers = Vec::new();
    for id in 1..=4 {
        assert!(setting.store(id, 1).await);
        let write = || HeldWrite {
            id,
            began: id,
            route: "orders".into(),
            lanes: Vec::new(),
            doubt: Vec::new(),
            bytes: 1,
            tried: false,
        };
        answers.extend(outbox.wait_in_hold("orders", id, write));
    }
    let settled = |ids: &[u64], verdict: &Verdict| {
        let settled = outbox.settle(Named::At(1), ids, verdict);
        settled.unwrap().settled
    };
    // Who waits does nothing: the kill comes before.
    assert_eq!(settled(&[1], &Verdict::Settled), 1);
    let lost = Verdict::Lost("nobody knows".to_owned());
    assert_eq!(settled(&[2], &lost), 1);
    let released = outbox.release(Named::At(1), Some(3)).await.unwrap();
    assert_eq!((released.lost, released.delivered), (1, 1));

    let next = Setting::open(killed(&setting)).await;
    let left = next.left.writes.iter();
    let left: Vec<_> = left.map(|left| (left.id, left.lost.as_deref())).collect();
    assert_eq!(left, [(2, Some("nobody knows")), (3, None), (4, None)]);
    assert!(next.outbox.hold().is_none());
    assert!(next.outbox.deliver("orders", 3).is_none());
    assert!(next.outbox.deliver("orders", 4).is_some());

    // Another release takes back nothing of it, nor does the one after a restart without its writes.
    begin(&next.outbox, None, 5).await.unwrap();
    next.outbox.release(Named::Any, None).await.unwrap();
    assert!(next.outbox.deliver("orders", 3).is_none());
    (2..=4).for_each(|id| next.outbox.remove(id));
    next.outbox.close().await;
    let restarted = Setting::open(next.folder).await;
    assert!(restarted.outbox.deliver("orders", 3).is_some());
}
