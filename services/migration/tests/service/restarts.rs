//! Runs that outlive the service.

use std::time::{Duration, Instant};

use serde_json::Value;
use sqlx::{Connection as _, SqliteConnection};

use crate::process::{PATIENCE, Service};
use crate::sides::Sides;

const ROWS: u32 = 20_000;
const SLOWLY: &str = r#"{"parallel": 1, "page": "1ms"}"#;

async fn a_run_whose_service_is_killed_goes_on_by_itself_and_no_row_is_lost_or_doubled(
    sides: Sides,
) {
    sides.add_customers(ROWS).await;
    sides.slow_down().await;
    let arrived = async || sides.number("SELECT count(*) FROM customers").await;
    let service = Service::start(&sides, &[]).await;
    let place = service.begin("/migration/runs", SLOWLY).await;
    service
        .until(&place, |run| run["tables"][0]["rows"].as_u64() > Some(0))
        .await;
    let mut service = service;
    for resumed in 1..=2 {
        let before = arrived().await;
        service.kill();
        service = Service::start(&sides, &[]).await;
        // It goes on by itself, after a moment in the queue.
        let goes_on = |run: &Value| run["resumed"] == resumed && run["state"] != "queued";
        let run = service.until(&place, goes_on).await;
        assert_eq!(run["state"], "running", "{run:#}");
        let deadline = Instant::now() + PATIENCE;
        while arrived().await == before {
            assert!(Instant::now() < deadline, "no row came after the restart");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
    assert!(arrived().await < i64::from(ROWS), "no run was cut short");
    let run = service.ended(&place).await;
    assert_eq!(run["state"], "finished", "{run:#}");
    assert_eq!(arrived().await, i64::from(ROWS));
    let names = "SELECT count(DISTINCT email) FROM customers";
    assert_eq!(sides.number(names).await, i64::from(ROWS));
    assert_eq!(run["tables"][0]["rows"], ROWS);
    // The whole of both sides is equal.
    let place = service.begin("/reconciliation/run", "").await;
    let compared = service.ended(&place).await;
    assert_eq!(compared["report"]["verdict"], "equal", "{compared:#}");
}

#[tokio::test]
async fn a_killed_copy_to_sqlite_goes_on_by_itself_and_no_row_is_lost_or_doubled() {
    let sides = Sides::sqlite().await;
    a_run_whose_service_is_killed_goes_on_by_itself_and_no_row_is_lost_or_doubled(sides).await;
}

#[tokio::test]
async fn a_killed_copy_to_postgres_goes_on_by_itself_and_no_row_is_lost_or_doubled() {
    let sides = Sides::postgres().await;
    a_run_whose_service_is_killed_goes_on_by_itself_and_no_row_is_lost_or_doubled(sides).await;
}

/// Has the one run be cut short between these databases behind its last table.
async fn cut_short(sides: &Sides) {
    let state = sides.directory.path().join("runs.db");
    let state = format!("sqlite:{}", state.display());
    let mut state = SqliteConnection::connect(&state).await.unwrap();
    let query = "UPDATE runs SET state = 'interrupted', checkpoint = json_array(?, ?)";
    let query = sqlx::query(query).bind(&sides.legacy).bind(&sides.modern);
    query.execute(&mut state).await.unwrap();
    state.close().await.unwrap();
}

#[tokio::test]
async fn what_a_run_finished_in_one_database_is_not_finished_in_another() {
    let mut sides = Sides::sqlite().await;
    let service = Service::start(&sides, &[]).await;
    let place = service.begin("/migration/runs", "").await;
    assert_eq!(service.ended(&place).await["state"], "finished");
    service.terminate();
    sides
        .modern("UPDATE customers SET first_name = 'kept'")
        .await;
    cut_short(&sides).await;
    let goes_on = |run: &Value| run["state"] == "finished";
    let service = Service::start(&sides, &[]).await;
    service.until(&place, goes_on).await;
    service.terminate();
    let kept = "SELECT count(*) FROM customers WHERE first_name = 'kept'";
    assert_eq!(sides.number(kept).await, 40, "what is finished is left");
    cut_short(&sides).await;
    let other = sides.directory.path().join("other.db");
    sides.modern = format!("sqlite:{}", other.display());
    let other = order_service::connect(&sides.modern).await.unwrap();
    other.close().await;
    let service = Service::start(&sides, &[]).await;
    service.until(&place, goes_on).await;
    assert_eq!(sides.number("SELECT count(*) FROM customers").await, 40);
}

#[tokio::test]
async fn a_run_is_interrupted_by_the_services_end_and_left_alone_where_that_is_asked_for() {
    let sides = Sides::sqlite().await;
    sides.add_customers(ROWS).await;
    sides.slow_down().await;
    let service = Service::start(&sides, &[]).await;
    let place = service.begin("/migration/runs", SLOWLY).await;
    service
        .until(&place, |run| run["tables"][0]["rows"].as_u64() > Some(0))
        .await;
    service.terminate();
    let service = Service::start(&sides, &["--no-resume"]).await;
    let run = service.get(&place).await.json;
    assert_eq!(
        (&run["state"], &run["resumed"]),
        (&"interrupted".into(), &0.into())
    );
    assert_eq!(run["tables"][0]["state"], "interrupted");
    let given_up = service.ask(http::Method::DELETE, &place, &[], "").await;
    assert_eq!(given_up.status, 202);
    assert_eq!(service.get(&place).await.json["state"], "stopped");
}

#[tokio::test]
async fn a_run_that_is_given_up_while_it_waits_for_its_turn_is_not_carried_out() {
    let sides = Sides::sqlite().await;
    sides.add_customers(ROWS).await;
    sides.slow_down().await;
    let under_way = |run: &Value| run["tables"][0]["rows"].as_u64() > Some(0);
    let mut places = Vec::new();
    for _ in 0..2 {
        let service = Service::start(&sides, &["--no-resume"]).await;
        let place = service.begin("/migration/runs", SLOWLY).await;
        service.until(&place, under_way).await;
        service.terminate();
        places.push(place);
    }
    let service = Service::start(&sides, &[]).await;
    let delete = async |place: &str| service.ask(http::Method::DELETE, place, &[], "").await;
    service
        .until(&places[0], |run| run["state"] == "running")
        .await;
    assert_eq!(delete(&places[1]).await.status, 202);
    assert_eq!(delete(&places[0]).await.status, 202);
    // Whoever comes now has the turn behind all that were to go on.
    let deadline = Instant::now() + PATIENCE;
    let begin = async || {
        let path = "/reconciliation/run";
        service.ask(http::Method::POST, path, &[], "").await.status
    };
    while begin().await != 202 {
        assert!(Instant::now() < deadline, "no turn came");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let given_up = service.get(&places[1]).await.json;
    let stands = (&given_up["state"], &given_up["resumed"]);
    assert_eq!(stands, (&"stopped".into(), &0.into()), "{given_up:#}");
}
