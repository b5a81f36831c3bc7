//! Looks of the guard between the steps of those who change the routes.

use super::*;
use crate::exchange::budget::Budget;
use crate::journal::Settings;
use tempfile::TempDir;

const ROUTES: &str = r#"
[upstreams.legacy]
peers = ["127.0.0.1:9"]
[upstreams.modern]
peers = ["127.0.0.1:9"]
[[routes]]
name = "a"
path = "/a"
mode = "shadow"
modern_share = "100%"
legacy = "legacy"
modern = "modern"
"#;

async fn guard() -> (TempDir, Arc<Guard>) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("routes.toml");
    std::fs::write(&file, ROUTES).unwrap();
    let routes = LiveRoutes::load(&file, Arc::default(), Budget::new(1 << 20)).await;
    let routes = routes.unwrap();
    let journal = folder.path().join("journal.db");
    let ledger = Arc::clone(routes.ledger());
    let journal = Journal::open(journal.to_str().unwrap(), Settings::default(), ledger).await;
    let guard = Guard::open(routes, journal.unwrap()).await;
    (folder, guard)
}

fn fail(guard: &Guard) {
    let table = guard.routes.table();
    let recent = table.route("a").unwrap().evidence.recent();
    (0..100).for_each(|_| recent.ask(true));
}

fn phase(guard: &Guard) -> Phase {
    guard.posts.lock()["a"].phase()
}

#[tokio::test]
async fn what_a_table_that_is_on_its_way_holds_is_not_let_go_by_a_look_at_the_one_before() {
    let (_folder, guard) = guard().await;
    let dial = guard.routes.ledger().dial("a");
    let changing = guard.routes.unchanging().unwrap();
    // As the new table does before it is in use.
    dial.hold(Share::NONE);
    guard.look(guard.now());
    assert_eq!(dial.ceiling(), Some(Share::NONE));
    drop(changing);
    guard.look(guard.now());
    assert_eq!(dial.ceiling(), None, "nobody holds it in the end");
}

#[tokio::test]
async fn a_dial_is_turned_back_while_the_routes_change() {
    let (_folder, guard) = guard().await;
    guard.look(guard.now());
    let _changing = guard.routes.unchanging().unwrap();
    fail(&guard);
    guard.look(guard.now());
    assert_eq!(phase(&guard), Phase::Tripped);
    let dial = guard.routes.ledger().dial("a");
    assert_eq!(dial.ceiling(), Some(Share::NONE));
}

#[tokio::test]
async fn a_stop_that_is_in_memory_alone_does_not_end_what_the_file_does_not_say() {
    let (folder, guard) = guard().await;
    guard.look(guard.now());
    fail(&guard);
    guard.look(guard.now());
    let file = folder.path().join("routes.toml");
    std::fs::write(&file, "no routes").unwrap();
    assert!(guard.routes.stop().await.not_in_file.is_some());
    let table = guard.routes.table();
    assert_eq!(table.route("a").unwrap().mode, Mode::Legacy);
    guard.look(guard.now());
    assert_eq!(phase(&guard), Phase::Tripped, "a restart reads the file");
    std::fs::write(&file, ROUTES).unwrap();
    assert_eq!(guard.routes.stop().await.not_in_file, None);
    guard.look(guard.now());
    assert_eq!(phase(&guard), Phase::HoldingOff);
}
