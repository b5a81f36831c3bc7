//! What the proxy is told from the command line, by a control API that notes it.

use std::process::{Command, Output};
use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::routing::post;
use kit::testing::Server;
use parking_lot::Mutex;
use serde_json::{Value, json};

use crate::sides::{MAPPING, Sides};

/// Bodies by path.
type Noted = Arc<Mutex<Vec<(&'static str, Value)>>>;

async fn control() -> (Server, Noted) {
    let noted = Noted::default();
    let ids = async |State(noted): State<Noted>, axum::Json(pairs): axum::Json<Value>| {
        let learned = pairs.as_array().unwrap().len();
        noted.lock().push(("ids", pairs));
        axum::Json(json!({ "learned": learned, "known": 0, "refused": 0, "full": 0 }))
    };
    let found = async |State(noted): State<Noted>, axum::Json(found): axum::Json<Value>| {
        noted.lock().push(("reconciliation", found));
        axum::Json(json!({ "taken": 1 }))
    };
    let router = Router::new()
        .route("/api/ids", post(ids))
        .route("/api/reconciliation", post(found))
        .with_state(Arc::clone(&noted));
    (Server::start(router).await, noted)
}

async fn run(sides: &Sides, mapping: &str, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_cutover-data"));
    command.args(arguments).args(["--mapping", mapping]).args([
        "--from",
        &sides.legacy,
        "--to",
        &sides.modern,
    ]);
    let run = tokio::task::spawn_blocking(move || command.output());
    run.await.unwrap().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_pair_of_ids_that_a_copy_made_is_told_in_pages() {
    let sides = Sides::sqlite().await;
    sides
        .legacy("CREATE TABLE things (id INTEGER PRIMARY KEY, name TEXT NOT NULL)")
        .await;
    sides
        .legacy(
            "INSERT INTO things SELECT i, 'n' || i FROM (WITH RECURSIVE n (i) AS
             (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1234) SELECT i FROM n)",
        )
        .await;
    sides
        .modern("CREATE TABLE things (id TEXT PRIMARY KEY, name TEXT NOT NULL)")
        .await;
    let mapping = sides.directory.path().join("things.toml");
    let text = "[[tables]]\nfrom = \"things\"\nto = \"things\"\nentity = \"thing\"\n\n\
                [tables.columns]\nid = { generate = \"thing\", type = \"uuid\" }\nname = \"name\"\n";
    std::fs::write(&mapping, text).unwrap();
    let mapping = mapping.to_str().unwrap();
    let (server, noted) = control().await;
    let copied = run(
        &sides,
        mapping,
        &["migrate", "--json", "--proxy", &server.url()],
    )
    .await;
    assert_eq!(copied.status.code(), Some(0), "{copied:?}");
    let told = noted.lock().clone();
    assert_eq!(told.len(), 3, "500, 500 and 234 at a time");
    let pairs: Vec<&Value> = told
        .iter()
        .flat_map(|(_, page)| page.as_array().unwrap())
        .collect();
    assert_eq!(pairs.len(), 1234);
    let seventh = pairs.iter().find(|pair| pair["legacy"] == "7").unwrap();
    let made = migration_service::transform::generated("thing", "7");
    assert_eq!(seventh["modern"], made.to_string());
    assert_eq!(seventh["entity"], "thing");
    // Once more by hand.
    let again = run(&sides, mapping, &["ids", "--proxy", &server.url()]).await;
    assert_eq!(again.status.code(), Some(0), "{again:?}");
    assert_eq!(noted.lock().len(), 6);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_comparison_found_is_told_without_a_value_of_any_row() {
    let sides = Sides::sqlite().await;
    let (server, noted) = control().await;
    let copied = run(&sides, MAPPING, &["migrate", "--json"]).await;
    assert_eq!(copied.status.code(), Some(0), "{copied:?}");
    sides
        .modern("UPDATE customers SET city = 'Secretville' WHERE id = '7'")
        .await;
    let arguments = [
        "reconcile",
        "--json",
        "--settle",
        "10ms",
        "--proxy",
        &server.url(),
    ];
    let found = run(&sides, MAPPING, &arguments).await;
    assert_eq!(found.status.code(), Some(1), "{found:?}");
    let told = noted.lock().clone();
    let [(path, told)] = &told[..] else {
        panic!("{told:?}")
    };
    assert_eq!(*path, "reconciliation");
    let customers = &told["tables"][0];
    assert_eq!(customers["verdict"], "different");
    assert_eq!(
        (&customers["different"], &customers["ids"]),
        (&1.into(), &json!(["7"]))
    );
    assert_eq!(told["tables"][1]["verdict"], "equal");
    let report: Value = serde_json::from_slice(&found.stdout).unwrap();
    assert_eq!(customers["began_at"], report["tables"][0]["began"]);
    let mut told_of = told["tables"].as_array().unwrap().iter();
    let lines = told_of
        .find(|table| table["entity"] == "order-item")
        .unwrap();
    assert_eq!(lines["parent"], "order", "{lines:#}");
    assert!(!told.to_string().contains("Secretville"), "{told}");
    // A proxy that is away spoils nothing.
    let url = server.url();
    drop(server);
    let arguments = ["reconcile", "--json", "--settle", "10ms", "--proxy", &url];
    let found = run(&sides, MAPPING, &arguments).await;
    assert_eq!(found.status.code(), Some(1));
    let said = String::from_utf8_lossy(&found.stderr);
    assert!(said.contains("the proxy was not told"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn flags_that_are_wrong_are_usage_errors() {
    let sides = Sides::sqlite().await;
    for arguments in [
        ["reconcile", "--every", "soon"],
        ["reconcile", "--cron", "* * *"],
        ["serve", "--every", "0s"],
        ["serve", "--proxy", "https://proxy"],
        ["serve", "--state", "x?mode=odd"],
        ["serve", "--listen", "nowhere"],
        ["ids", "--proxy", "proxy:8081"],
        ["sync", "--entity", "order"],
    ] {
        let refused = run(&sides, MAPPING, &arguments).await;
        assert_eq!(refused.status.code(), Some(64), "{arguments:?} {refused:?}");
    }
}
