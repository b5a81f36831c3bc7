//! When a hold is one: once it is on disk, and until another is.

use super::*;
use tokio::task::JoinHandle;

/// Begins a hold beside the test.
fn ask(
    outbox: &Outbox,
    named: Option<Named>,
    position: u64,
) -> JoinHandle<Result<Arc<Held>, HoldError>> {
    let outbox = outbox.clone();
    tokio::spawn(async move { begin(&outbox, named, position).await })
}

#[tokio::test]
async fn a_hold_that_was_answered_is_there_after_a_kill_by_its_last_name() {
    let setting = Setting::open(tempfile::tempdir().unwrap()).await;
    let begun = begin(&setting.outbox, None, 7).await.unwrap();
    let next = Setting::open(killed(&setting)).await;
    assert_eq!(next.outbox.hold(), Some(begun));
    let taken = begin(&setting.outbox, Some(Named::Any), 9).await.unwrap();
    let next = Setting::open(killed(&setting)).await;
    assert_eq!(next.outbox.hold(), Some(Arc::clone(&taken)));
    assert!(next.left.next_id() > 9);
    let refused = next.outbox.release(Named::At(7), None).await;
    assert!(matches!(refused, Err(HoldError::Another { named: 7, .. })));
    let refused = next.outbox.settle(Named::At(7), &[], &Verdict::Settled);
    assert!(matches!(refused, Err(HoldError::Another { named: 7, .. })));
    assert!(next.outbox.hold().is_some());
}

/// An outbox whose writer is the test.
async fn unwritten(folder: &TempDir) -> (Outbox, mpsc::UnboundedReceiver<Change>) {
    let (changes, received) = mpsc::unbounded_channel();
    let outbox = Outbox {
        shared: Arc::default(),
        changes,
        pool: store::open(&folder.path().join("outbox.db")).await.unwrap(),
    };
    (outbox, received)
}

async fn told(
    received: &mut mpsc::UnboundedReceiver<Change>,
) -> oneshot::Sender<Result<(), String>> {
    match received.recv().await {
        Some(Change::Hold(_, told)) => told,
        _ => panic!("the disk is told of something else"),
    }
}

#[tokio::test]
async fn nobody_is_answered_by_a_hold_that_is_not_on_disk_yet() {
    let folder = tempfile::tempdir().unwrap();
    let (outbox, mut received) = unwritten(&folder).await;
    let first = ask(&outbox, None, 7);
    let disk = told(&mut received).await;
    assert!(outbox.is_held("orders"), "nothing is delivered meanwhile");
    // The hold that they name stands in memory alone.
    let (again, other) = (
        ask(&outbox, Some(Named::At(7)), 8),
        ask(&outbox, Some(Named::Any), 9),
    );
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
    disk.send(Err("the disk is full".to_owned())).unwrap();
    assert!(matches!(first.await.unwrap(), Err(HoldError::Unwritten(_))));
    assert!(matches!(again.await.unwrap(), Err(HoldError::Nothing)));
    assert!(matches!(other.await.unwrap(), Err(HoldError::Nothing)));
    assert!(!outbox.is_held("orders"));
}

#[tokio::test]
async fn a_hold_that_could_not_be_stored_is_none_though_nobody_waits_for_the_answer() {
    let folder = tempfile::tempdir().unwrap();
    let (outbox, mut received) = unwritten(&folder).await;
    let asking = ask(&outbox, None, 7);
    let disk = told(&mut received).await;
    asking.abort();
    assert!(asking.await.unwrap_err().is_cancelled());
    disk.send(Err("the disk is full".to_owned())).unwrap();
    let deadline = std::time::Instant::now() + Duration::from_secs(30);
    while outbox.is_held("orders") {
        assert!(std::time::Instant::now() < deadline, "it is held for ever");
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_hold_is_its_former_holders_until_its_taking_over_is_on_disk() {
    let folder = tempfile::tempdir().unwrap();
    let (outbox, mut received) = unwritten(&folder).await;
    let first = ask(&outbox, None, 7);
    told(&mut received).await.send(Ok(())).unwrap();
    first.await.unwrap().unwrap();
    let second = ask(&outbox, Some(Named::Any), 9);
    let disk = told(&mut received).await;
    outbox.held_by(Named::At(7)).unwrap();
    disk.send(Err("the disk is full".to_owned())).unwrap();
    assert!(matches!(
        second.await.unwrap(),
        Err(HoldError::Unwritten(_))
    ));
    outbox.held_by(Named::At(7)).unwrap();
    let third = ask(&outbox, Some(Named::Any), 11);
    told(&mut received).await.send(Ok(())).unwrap();
    third.await.unwrap().unwrap();
    assert!(outbox.held_by(Named::At(7)).is_err());
    outbox.held_by(Named::At(11)).unwrap();
}
