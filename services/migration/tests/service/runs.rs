//! Copies of rows over HTTP.

use http::Method;
use serde_json::Value;

use crate::process::Service;
use crate::sides::Sides;

/// The events of a stream: name and document of each.
fn events(text: &str) -> Vec<(&str, Value)> {
    let events = text.split("\n\n").filter(|event| event.contains("data:"));
    let read = events.map(|event| {
        let field = |name: &str| event.lines().find_map(|line| line.strip_prefix(name));
        let data = serde_json::from_str(field("data: ").unwrap()).unwrap();
        (field("event: ").unwrap(), data)
    });
    read.collect()
}

async fn a_copy_is_begun_watched_until_its_end_and_shown(sides: Sides) {
    sides.add_customers(5000).await;
    let service = Service::start(&sides, &[]).await;
    let place = service
        .begin("/migration/runs", r#"{"parallel": 1, "page": "5ms"}"#)
        .await;
    let watched = service
        .ask(Method::GET, &place, &[("accept", "text/event-stream")], "")
        .await;
    assert_eq!(watched.headers["content-type"], "text/event-stream");
    let events = events(&watched.text);
    let (last, run) = events.last().unwrap();
    assert_eq!(
        (*last, &run["state"]),
        ("end", &"finished".into()),
        "{run:#}"
    );
    assert!(
        events
            .iter()
            .rev()
            .skip(1)
            .all(|(name, _)| *name == "progress")
    );
    let customers = &run["tables"][0];
    assert_eq!(customers["table"], "Customers");
    assert_eq!(
        (&customers["rows"], &customers["of"]),
        (&5000.into(), &5000.into())
    );
    assert_eq!(run["report"]["tables"][0]["written"], 5000);
    assert_eq!(run["report"]["refused"], Value::Array(Vec::new()));
    assert_eq!(sides.number("SELECT count(*) FROM customers").await, 5000);
    let listed = service.get("/migration/runs").await.json;
    assert_eq!(listed["runs"][0]["id"], run["id"]);
    assert_eq!(listed["runs"][0]["options"]["page"], "5ms");
    // A run that has ended is one event.
    let again = service
        .ask(Method::GET, &place, &[("accept", "text/event-stream")], "")
        .await;
    assert_eq!(again.text.matches("event: ").count(), 1, "{}", again.text);
    let metrics = service.get("/metrics").await.text;
    assert!(
        metrics.contains(r#"data_runs_total{kind="migration",state="finished"} 1"#),
        "{metrics}"
    );
}

#[tokio::test]
async fn a_copy_to_sqlite_is_begun_watched_until_its_end_and_shown() {
    a_copy_is_begun_watched_until_its_end_and_shown(Sides::sqlite().await).await;
}

#[tokio::test]
async fn a_copy_to_postgres_is_begun_watched_until_its_end_and_shown() {
    a_copy_is_begun_watched_until_its_end_and_shown(Sides::postgres().await).await;
}

#[tokio::test]
async fn there_is_one_run_at_a_time_and_it_can_be_stopped() {
    let sides = Sides::sqlite().await;
    sides.add_customers(20_000).await;
    sides.slow_down().await;
    let service = Service::start(&sides, &[]).await;
    let options = r#"{"parallel": 1, "page": "1ms"}"#;
    let place = service.begin("/migration/runs", options).await;
    for path in ["/migration/runs", "/reconciliation/run"] {
        let second = service.post(path, "").await;
        assert_eq!(second.status, 409, "{}", second.text);
        let told = second.json["errors"][0]["detail"].as_str().unwrap();
        assert!(told.contains("Migration run 1 is under way"), "{told}");
    }
    service
        .until(&place, |run| run["tables"][0]["rows"].as_u64() > Some(0))
        .await;
    let stopped = service.ask(Method::DELETE, &place, &[], "").await;
    assert_eq!(stopped.status, 202, "{}", stopped.text);
    let run = service.ended(&place).await;
    assert_eq!(run["state"], "stopped", "{run:#}");
    assert_eq!(run["tables"][0]["state"], "stopped");
    let again = service.ask(Method::DELETE, &place, &[], "").await;
    assert_eq!(again.status, 409);
    let there = sides.number("SELECT count(*) FROM customers").await;
    assert!((1..20_000).contains(&there), "{there}");
    // What was copied stays, and the next run goes on from there.
    sides.modern("DROP TRIGGER slow").await;
    let place = service.begin("/migration/runs", "").await;
    let run = service.ended(&place).await;
    assert_eq!(
        run["report"]["tables"][0]["written"],
        20_000 - there,
        "{run:#}"
    );
}

#[tokio::test]
async fn rows_that_are_refused_are_reported_and_a_limit_fails_the_run() {
    let sides = Sides::sqlite().await;
    sides
        .legacy("UPDATE Customers SET UpdatedAt = '' WHERE Id <= 3")
        .await;
    let service = Service::start(&sides, &[]).await;
    let place = service
        .begin("/migration/runs", r#"{"max_refused": 2}"#)
        .await;
    let run = service.ended(&place).await;
    assert_eq!(run["state"], "failed");
    let error = run["error"].as_str().unwrap();
    assert!(
        error.contains("rows were refused, and the run was to stop at 2"),
        "{error}"
    );
    let place = service.begin("/migration/runs", "{}").await;
    let run = service.ended(&place).await;
    assert_eq!(run["state"], "finished");
    let refused = run["report"]["refused"].as_array().unwrap();
    let customers = refused.iter().filter(|row| row["source"] == "Customers");
    assert_eq!(customers.count(), 3, "{run:#}");
}

#[tokio::test]
async fn the_mapping_is_held_against_both_sides_with_every_problem() {
    let sides = Sides::sqlite().await;
    let mapping = sides.directory.path().join("mapping.toml");
    let sound = std::fs::read_to_string(crate::sides::MAPPING).unwrap();
    std::fs::write(&mapping, &sound).unwrap();
    let service = Service::start_with(&sides, mapping.to_str().unwrap(), &[]).await;
    let fits = service.get("/migration/validate").await.json;
    assert_eq!(fits["valid"], true, "{fits:#}");
    let customers = &fits["tables"][0];
    assert_eq!(
        (&customers["rows"], &customers["rows_there"]),
        (&40.into(), &0.into())
    );
    assert_eq!(customers["entity"], "customer");
    // The file is read anew each time.
    let broken = sound
        .replace("\"Email\"", "\"Emale\"")
        .replace("\"Phone\"", "\"Fone\"");
    std::fs::write(&mapping, broken).unwrap();
    let told = service.get("/migration/validate").await.json;
    assert_eq!(told["valid"], false);
    let problems = told["problems"].to_string();
    assert!(
        problems.contains("Emale") && problems.contains("Fone"),
        "{problems}"
    );
    let place = service.begin("/migration/runs", "").await;
    let run = service.ended(&place).await;
    assert_eq!(run["state"], "failed");
    assert!(run["error"].as_str().unwrap().contains("Emale"), "{run:#}");
}
