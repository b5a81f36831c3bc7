//! Requests that no sound client sends, and databases that are not there.

use http::Method;

use crate::process::Service;
use crate::sides::Sides;

#[tokio::test]
async fn a_body_that_is_wrong_is_refused_by_every_endpoint_that_takes_one() {
    let sides = Sides::sqlite().await;
    let service = Service::start(&sides, &[]).await;
    let large = format!(r#"{{"tables": ["{}"]}}"#, "x".repeat(300_000));
    let deep = "[".repeat(100_000);
    for path in [
        "/migration/runs",
        "/reconciliation/run",
        "/reconciliation/rows",
    ] {
        for body in ["{", "[]", "17", "null", "\u{0}", r#"{"odd": 1}"#, &deep] {
            let refused = service.post(path, body).await;
            assert_eq!(refused.status, 400, "{path} {body:.20}: {}", refused.text);
            assert_eq!(refused.json["statusCode"], 400);
            assert!(refused.text.len() < 2000, "{}", refused.text);
        }
        assert_eq!(service.post(path, &large).await.status, 413, "{path}");
    }
    let runs = service.get("/migration/runs").await.json;
    assert_eq!(
        runs["runs"].as_array().unwrap().len(),
        0,
        "nothing was begun"
    );
}

#[tokio::test]
async fn a_foreign_page_can_begin_nothing() {
    let sides = Sides::sqlite().await;
    let service = Service::start(&sides, &[]).await;
    for origin in ["http://evil.example", "https://evil.example", "null", ""] {
        let begun = service
            .ask(Method::POST, "/migration/runs", &[("origin", origin)], "{}")
            .await;
        assert_eq!(begun.status, 400, "{origin}: {}", begun.text);
    }
    // A name of the attacker's, pointed at this machine, is an origin of its own to the browser.
    for headers in [
        &[("host", "evil.example:3000")][..],
        &[("host", "evil.example"), ("origin", "http://evil.example")],
    ] {
        let begun = service.ask(Method::POST, "/migration/runs", headers, "{}");
        assert_eq!(begun.await.status, 400, "{headers:?}");
        let read = service.ask(Method::GET, "/migration/runs", headers, "");
        assert_eq!(read.await.status, 400, "{headers:?}");
    }
    let probe = service.ask(Method::GET, "/health", &[("host", "migration:3000")], "");
    assert_eq!(probe.await.status, 200);
    let runs = service.get("/migration/runs").await.json;
    assert_eq!(runs["runs"].as_array().unwrap().len(), 0);
}

#[tokio::test]
async fn what_is_not_there_is_not_found_whatever_it_is_called() {
    let sides = Sides::sqlite().await;
    let service = Service::start(&sides, &[]).await;
    let long = "9".repeat(5000);
    for id in [
        "0",
        "1",
        "-1",
        "01",
        "+1",
        "x",
        "%00",
        "%ff",
        "9223372036854775808",
        &long,
    ] {
        for kind in ["/migration/runs", "/reconciliation/reports"] {
            for method in [Method::GET, Method::DELETE] {
                let missing = service.ask(method, &format!("{kind}/{id}"), &[], "").await;
                assert_eq!(missing.status, 404, "{id:.30}: {}", missing.text);
                assert!(missing.text.len() < 500);
            }
        }
    }
    let rows = r#"{"entity": "nobody", "ids": ["1"]}"#;
    assert_eq!(service.post("/reconciliation/rows", rows).await.status, 404);
    assert_eq!(
        service
            .ask(Method::PUT, "/migration/runs", &[], "")
            .await
            .status,
        405
    );
    assert_eq!(service.get("/migration").await.status, 404);
}

#[tokio::test]
async fn a_service_without_its_databases_lives_and_says_what_it_lacks() {
    let mut sides = Sides::sqlite().await;
    sides.legacy = "sqlite:/nowhere/legacy.db".to_owned();
    let service = Service::start(&sides, &[]).await;
    assert_eq!(service.get("/health").await.status, 200);
    assert_eq!(service.get("/health/ready").await.status, 503);
    assert_eq!(service.get("/migration/validate").await.status, 503);
    let rows = r#"{"entity": "order", "ids": ["1"]}"#;
    assert_eq!(service.post("/reconciliation/rows", rows).await.status, 503);
    let place = service.begin("/migration/runs", "").await;
    let run = service.ended(&place).await;
    assert_eq!(run["state"], "failed");
    assert!(
        run["error"].as_str().unwrap().contains("rows come from"),
        "{run:#}"
    );
}

#[tokio::test]
async fn the_document_names_every_endpoint() {
    let sides = Sides::sqlite().await;
    let service = Service::start(&sides, &[]).await;
    assert_eq!(service.get("/health/ready").await.status, 200);
    let document = service.get("/api/docs/openapi.json").await.json;
    let paths: Vec<&String> = document["paths"].as_object().unwrap().keys().collect();
    for path in [
        "/migration/runs",
        "/migration/runs/{id}",
        "/migration/validate",
        "/reconciliation/run",
        "/reconciliation/reports",
        "/reconciliation/reports/{id}",
        "/reconciliation/rows",
    ] {
        assert!(
            paths.iter().any(|known| *known == path),
            "{path}: {paths:?}"
        );
    }
}
