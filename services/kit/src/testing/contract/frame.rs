//! Claims on what is around the resources.
#![expect(missing_docs, reason = "the name of a claim says what it claims")]

use http::Method;

use super::samples;
use crate::testing::Target;

pub async fn health_says_ok_and_who(target: &Target) {
    let answer = target.get("/health").await.expect(200);
    assert_eq!(answer.json["data"]["type"], "health");
    assert!(!answer.id().is_empty());
    assert_eq!(*answer.attribute("status"), "ok");
    assert!(answer.attribute("timestamp").is_string());
}

pub async fn readiness_says_ok(target: &Target) {
    let answer = target.get("/health/ready").await.expect(200);
    assert_eq!(*answer.attribute("status"), "ok");
}

pub async fn an_unknown_path_is_not_found_in_json(target: &Target) {
    for path in [
        "/",
        "/nothing",
        "/orders/1/2",
        "/invoices/",
        "//",
        "/ORDERS/1",
    ] {
        target.get(path).await.refused(404, "NOT_FOUND");
    }
}

pub async fn a_wrong_method_is_refused_in_json(target: &Target) {
    for (method, path) in [
        (Method::DELETE, "/orders/1"),
        (Method::GET, "/orders"),
        (Method::PUT, "/invoices"),
    ] {
        let answer = target.send(method, path, &[], "").await;
        answer.refused(405, "METHOD_NOT_ALLOWED");
        assert!(answer.headers.contains_key("allow"), "{path}");
    }
}

pub async fn a_body_too_large_is_refused(target: &Target) {
    let mut body = samples::customer();
    body["address"] = "x".repeat(crate::extract::BODY_LIMIT).into();
    target
        .post("/customers", body)
        .await
        .refused(413, "PAYLOAD_TOO_LARGE");
}

pub async fn the_documentation_is_complete_and_needs_no_network(target: &Target) {
    let page = target.get("/api/docs/").await.expect(200);
    assert!(!page.text.contains("http"), "{}", page.text);
    let api = target.get("/api/docs/openapi.json").await.expect(200);
    assert_eq!(api.json["openapi"], "3.1.0");
    for (path, operations) in api.json["paths"].as_object().expect("paths") {
        for (method, operation) in operations.as_object().expect("operations") {
            let id = operation["operationId"].as_str().unwrap_or_default();
            assert!(!id.is_empty(), "{method} {path}");
            let responses = operation["responses"].as_object().expect("responses");
            let good = responses.keys().filter(|status| status.starts_with('2'));
            assert_eq!(good.count(), 1, "{method} {path}");
        }
    }
    for (at, _) in api.text.match_indices("#/components/schemas/") {
        let name = api.text[at..].split('"').next().unwrap_or_default();
        assert!(api.json.pointer(&name[1..]).is_some(), "{name} is missing");
    }
}

pub async fn requests_are_measured_by_route(target: &Target) {
    target.get("/orders/nobody").await.refused(404, "NOT_FOUND");
    let metrics = target.get("/metrics").await.expect(200).text;
    let line = r#"http_requests_total{method="GET",route="/orders/{id}",status="404"} 1"#;
    assert!(metrics.contains(line), "{metrics}");
}
