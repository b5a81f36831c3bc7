//! The hand on the dial.

use super::*;

#[tokio::test]
async fn an_edit_changes_the_file_and_the_table_and_keeps_comments() {
    let running = Running::start().await;
    let tag = running.state.routes.etag();
    let answer = running
        .patch("order-read", Some(&tag), r#"{"modern_share": "25%"}"#)
        .await;
    assert_eq!(
        (answer.status, &answer.json()["modern_share"]),
        (200, &json!("25%"))
    );
    assert_eq!(
        answer.header("etag"),
        Some(running.state.routes.etag().as_str())
    );
    assert_eq!(running.file(), ROUTES.replace("\"5%\"", "\"25%\""));
    assert_eq!(
        running.state.routes.table().routes[0]
            .modern_share
            .to_string(),
        "25%"
    );
}

#[tokio::test]
async fn an_edit_that_does_not_fit_changes_nothing_and_says_why() {
    let running = Running::start().await;
    let tag = running.state.routes.etag();
    let share = r#"{"modern_share": "25%"}"#;
    for (name, tag, body, status, code) in [
        ("order-read", None, share, 428, "if_match_required"),
        ("order-read", Some("\"old\""), share, 412, "stale"),
        ("no-such", Some(tag.as_str()), share, 404, "not_found"),
        (
            "order-read",
            Some(&tag),
            r#"{"mode": "fast", "x": 1}"#,
            422,
            "invalid",
        ),
        (
            "order-write",
            Some(&tag),
            r#"{"mode": "modern"}"#,
            422,
            "invalid",
        ),
        ("order-read", Some(&tag), "{", 400, "bad_request"),
        (
            "order-read",
            Some(&tag),
            &" ".repeat(MAX_BODY + 1),
            413,
            "too_large",
        ),
    ] {
        let answer = running.patch(name, tag, body).await;
        assert_eq!(
            (answer.status, &answer.json()["error"]["code"]),
            (status, &json!(code))
        );
        assert!(answer.json()["error"]["message"].is_string());
    }
    let problems = running
        .patch("order-read", Some(&tag), r#"{"mode":"fast","x":1}"#)
        .await
        .json();
    assert_eq!(problems["error"]["problems"].as_array().unwrap().len(), 2);
    let problems = running
        .patch("order-write", Some(&tag), r#"{"mode":"modern"}"#)
        .await
        .json();
    assert!(
        problems["error"]["problems"][0]["line"].as_u64().unwrap() > 15,
        "{problems}"
    );
    assert_eq!(running.file(), ROUTES);
}

#[tokio::test]
async fn an_edit_of_a_file_that_is_refused_on_disk_waits_until_it_is_mended() {
    let running = Running::start().await;
    let tag = running.state.routes.etag();
    std::fs::write(
        running.directory.path().join("routes.toml"),
        "[[routes]]\nname = 1",
    )
    .unwrap();
    let answer = running
        .patch("order-read", Some(&tag), r#"{"modern_share": "25%"}"#)
        .await;
    assert_eq!(
        (answer.status, &answer.json()["error"]["code"]),
        (409, &json!("file_changed"))
    );
    assert_eq!(running.file(), "[[routes]]\nname = 1");
}

#[tokio::test]
async fn stop_puts_every_route_to_legacy() {
    let running = Running::start().await;
    let json = [("Content-Type", "application/json")];
    let answer = running.call("POST", "/api/stop", &json, "").await;
    assert_eq!(
        (answer.status, answer.json()),
        (200, json!({"changed": ["order-read"]}))
    );
    let routes = running.get("/api/routes").await.json();
    assert!(
        routes
            .as_array()
            .unwrap()
            .iter()
            .all(|route| route["mode"] == "legacy")
    );
    let answer = running.call("POST", "/api/stop", &json, "").await;
    assert_eq!(answer.json(), json!({"changed": []}));
}
