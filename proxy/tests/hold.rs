//! Writes are held while modern's database is filled: nothing is delivered, nothing is forgotten.
#![allow(clippy::unwrap_used, reason = "a test that can't be set up fails")]

mod common;

use axum::Router;
use axum::body::Bytes;
use axum::routing::any;
use common::{PATIENCE, Proxy, backend, one_route};
use cutover::outcome::Ending;
use serde_json::{Value, json};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use tokio::sync::{Notify, Semaphore};

const LANES: &str = "writes = \"mirror\"\nlanes = [\"lane:header:X-Lane\"]";

type Seen = Arc<Mutex<Vec<String>>>;

/// Answers everything, and notes the bodies of writes.
async fn noting(seen: &Seen) -> SocketAddr {
    let seen = Arc::clone(seen);
    let note = move |body: String| async move {
        if !body.is_empty() {
            seen.lock().unwrap().push(body);
        }
    };
    backend(Router::new().fallback(any(note))).await
}

async fn ok() -> SocketAddr {
    backend(Router::new().fallback(any(|_: Bytes| async {}))).await
}

async fn control(proxy: &Proxy, method: &str, path: &str, body: &Value) -> (u16, Value) {
    control_of(proxy, None, (method, path), body).await
}

async fn control_of(
    proxy: &Proxy,
    hold: Option<&str>,
    (method, path): (&str, &str),
    body: &Value,
) -> (u16, Value) {
    let mut request = http::Request::builder()
        .method(method)
        .uri(path)
        .header("content-type", "application/json");
    if let Some(tag) = hold {
        request = request.header("if-match", tag);
    }
    let body = if body.is_null() {
        String::new()
    } else {
        body.to_string()
    };
    let answer = proxy.control(request, &body).await;
    let json = serde_json::from_str(&answer.body).unwrap_or(Value::Null);
    (answer.status, json)
}

async fn get(proxy: &Proxy, path: &str) -> Value {
    control(proxy, "GET", path, &Value::Null).await.1
}

/// Asks for a hold by the name of another that stands, if one is given; its own name.
async fn hold_as(proxy: &Proxy, hold: Option<&str>, body: Value) -> Result<String, (u16, String)> {
    let place = ("POST", "/api/outbox/hold");
    let (status, answer) = control_of(proxy, hold, place, &body).await;
    if status != 200 {
        return Err((status, answer["error"]["message"].to_string()));
    }
    Ok(format!("\"{}\"", answer["hold"]["tag"].as_str().unwrap()))
}

async fn hold(proxy: &Proxy) -> String {
    hold_as(proxy, None, json!({})).await.unwrap()
}

async fn post(proxy: &Proxy, hold: &str, path: &str, body: Value) -> Value {
    let (status, answer) = control_of(proxy, Some(hold), ("POST", path), &body).await;
    assert_eq!(status, 200, "{answer}");
    answer
}

async fn until(proxy: &Proxy, path: &str, come_to_pass: impl Fn(&Value) -> bool) -> Value {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let now = get(proxy, path).await;
        if come_to_pass(&now) {
            return now;
        }
        assert!(Instant::now() < deadline, "never came to pass: {now}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

async fn write(proxy: &Proxy, lane: u64, body: &str) {
    let request = http::Request::put("/").header("x-lane", lane);
    assert_eq!(proxy.ask(request, body).await.status, 200);
}

fn ended(proxy: &Proxy, ending: Ending) -> u64 {
    let counts = proxy.running.ledger.route("all").snapshot();
    let found = counts.endings.iter().find(|(other, _)| *other == ending);
    found.map_or(0, |(_, n)| *n)
}

/// Claims what the metrics say of the hold: whether there is one, its writes and their bytes.
async fn measured(proxy: &Proxy, expected: [u64; 3]) {
    let metrics = proxy.control(http::Request::get("/metrics"), "").await.body;
    let names = ["holding", "held", "held_bytes"];
    for (name, expected) in names.into_iter().zip(expected) {
        let line = format!("\ncutover_outbox_{name} {expected}\n");
        assert!(metrics.contains(&line), "{line}{metrics}");
    }
}

#[tokio::test]
async fn what_is_held_waits_over_restarts_and_goes_its_way_in_order_or_is_settled() {
    let (legacy, seen) = (ok().await, Seen::default());
    let modern = noting(&seen).await;
    let routes = one_route(legacy, modern, "shadow", LANES);
    let proxy = Proxy::start(&routes).await;
    let hold = hold(&proxy).await;
    let before = get(&proxy, "/api/outbox").await;
    assert_eq!(before["hold"]["routes"], json!([]));
    for n in 0..9_u64 {
        write(&proxy, n % 3, &n.to_string()).await;
    }
    assert_eq!(proxy.get("/").await.status, 200);
    until(&proxy, "/api/outbox", |now| {
        now["hold"]["writes"] == 9 && now["stored"] == 9
    })
    .await;
    common::eventually(|| Some(()).filter(|()| ended(&proxy, Ending::Held) == 1)).await;
    let bytes = get(&proxy, "/api/outbox").await["hold"]["bytes"].clone();
    assert!(bytes.as_u64().is_some_and(|bytes| bytes > 0), "{bytes}");
    measured(&proxy, [1, 9, bytes.as_u64().unwrap()]).await;

    let Proxy {
        running, folder, ..
    } = proxy;
    running.stop(PATIENCE).await;
    let proxy = Proxy::start_in(folder, &routes).await;
    let again = until(&proxy, "/api/outbox", |now| now["hold"]["writes"] == 9).await;
    for key in ["since", "position", "tag", "holder", "routes"] {
        assert_eq!(again["hold"][key], before["hold"][key], "{key}");
    }
    write(&proxy, 0, "9").await;
    let listed = until(&proxy, "/api/outbox/held", |now| {
        now.as_array().unwrap().len() == 10
    })
    .await;
    let listed = listed.as_array().unwrap();
    assert_eq!(listed[4]["lanes"], json!(["lane:1"]));
    let number = |n: usize| listed[n]["number"].as_u64().unwrap();
    let rest = get(&proxy, &format!("/api/outbox/held?after={}", number(8))).await;
    assert_eq!(rest.as_array().unwrap().len(), 1);
    // Out of their order, and one twice.
    let settle = json!({ "writes": [number(4), number(1), number(1), 7] });
    let settled = post(&proxy, &hold, "/api/outbox/settle", settle).await;
    assert_eq!(settled["settled"], 2);
    let lost = json!({ "writes": [number(2)], "lost": "nobody can say" });
    post(&proxy, &hold, "/api/outbox/settle", lost).await;
    let taints = until(&proxy, "/api/taints", |now| now[0]["lane"] == "lane:2").await;
    assert_eq!(taints[0]["why"], "nobody can say");
    assert!(seen.lock().unwrap().is_empty(), "nothing was delivered");

    let released = post(&proxy, &hold, "/api/outbox/release", json!({})).await;
    assert_eq!(released, json!({ "delivered": 7, "lost": 0 }));
    until(&proxy, "/api/outbox", |now| now["stored"] == 0).await;
    measured(&proxy, [0, 0, 0]).await;
    let seen = seen.lock().unwrap().clone();
    let of = |lane: u64| -> Vec<u64> {
        let all = seen.iter().map(|body| body.parse::<u64>().unwrap());
        all.filter(|n| n % 3 == lane).collect()
    };
    assert_eq!(
        (of(0), of(1), of(2)),
        (vec![0, 3, 6, 9], vec![7], vec![5, 8])
    );
    proxy.settled("all").await;
    assert_eq!(ended(&proxy, Ending::Resynchronised), 2);
    assert_eq!(
        ended(&proxy, Ending::Held),
        2,
        "the read, and what was lost"
    );
    let release = ("POST", "/api/outbox/release");
    let (status, _) = control_of(&proxy, Some(&hold), release, &json!({})).await;
    assert_eq!(status, 404, "nothing is held");
}

#[tokio::test]
async fn a_write_that_began_before_what_was_read_is_waited_for_or_taints() {
    let (begun, go) = (Arc::new(Notify::new()), Arc::new(Semaphore::new(0)));
    let (asked, gate) = (Arc::clone(&begun), Arc::clone(&go));
    let slow = move |_: Bytes| async move {
        asked.notify_one();
        gate.acquire().await.unwrap().forget();
    };
    let legacy = backend(Router::new().fallback(any(slow))).await;
    let seen = Seen::default();
    let modern = noting(&seen).await;
    let proxy = Proxy::start(&one_route(legacy, modern, "shadow", LANES)).await;
    let hold = hold(&proxy).await;
    let mark = async || {
        let mark = post(&proxy, &hold, "/api/outbox/mark", json!({})).await;
        mark["position"].as_u64().unwrap()
    };
    let passed = |mark: u64| move |now: &Value| now["passed"].as_u64().unwrap() >= mark;
    let first = mark().await;
    until(&proxy, "/api/outbox", passed(first)).await;
    let around = async {
        begun.notified().await;
        let mark = mark().await;
        let now = get(&proxy, "/api/outbox").await;
        assert!(!passed(mark)(&now), "a write is under way: {now}");
        go.add_permits(1);
        mark
    };
    let ((), second) = tokio::join!(write(&proxy, 1, "1"), around);
    until(&proxy, "/api/outbox", passed(second)).await;
    let listed = get(&proxy, "/api/outbox/held").await;
    let position = listed[0]["began"].as_u64().unwrap();
    assert!(
        first < position && position <= second,
        "{listed} {first} {second}"
    );

    // One waits, one is under way, and one comes after the release.
    let around = async {
        begun.notified().await;
        let mark = mark().await;
        let released = json!({ "up_to": mark });
        let released = post(&proxy, &hold, "/api/outbox/release", released).await;
        assert_eq!(released, json!({ "delivered": 0, "lost": 1 }));
        go.add_permits(2);
    };
    tokio::join!(write(&proxy, 2, "2"), around);
    write(&proxy, 3, "3").await;
    let taints = until(&proxy, "/api/taints", |now| {
        now.as_array().unwrap().len() == 2
    })
    .await;
    assert_eq!(
        (&taints[0]["lane"], &taints[1]["lane"]),
        (&json!("lane:1"), &json!("lane:2"))
    );
    proxy.settled("all").await;
    assert_eq!(*seen.lock().unwrap(), ["3"]);
}

#[tokio::test]
async fn a_full_outbox_taints_while_it_is_held_too_and_other_routes_go_on() {
    let (legacy, seen) = (ok().await, Seen::default());
    let modern = noting(&seen).await;
    let routes = format!(
        "{}\n[[routes]]\nname = \"other\"\npath = \"/other\"\nmode = \"shadow\"\n\
         legacy = \"legacy\"\nmodern = \"modern\"\n{LANES}\n",
        one_route(legacy, modern, "shadow", LANES)
    );
    let routes = routes.replace("[mirror]", "[mirror]\noutbox_writes = 2");
    let proxy = Proxy::start(&routes).await;
    let hold = json!({ "routes": ["all"] });
    let tag = hold_as(&proxy, None, hold.clone()).await.unwrap();
    assert_eq!(
        hold_as(&proxy, Some(&tag), hold).await.as_ref(),
        Ok(&tag),
        "it is there already"
    );
    let (status, said) = hold_as(&proxy, Some(&tag), json!({})).await.unwrap_err();
    assert_eq!(status, 409, "{said}");
    let (status, said) = control(
        &proxy,
        "POST",
        "/api/outbox/hold",
        &json!({ "routes": ["no"] }),
    )
    .await;
    assert_eq!(status, 404, "{said}");
    write(&proxy, 1, "1").await;
    let request = http::Request::put("/other").header("x-lane", "7");
    proxy.ask(request, "other").await;
    proxy.settled("other").await;
    assert_eq!(*seen.lock().unwrap(), ["other"]);
    write(&proxy, 2, "2").await;
    write(&proxy, 3, "3").await;
    let taints = until(&proxy, "/api/taints", |now| now[0]["lane"] == "lane:3").await;
    assert_eq!(taints[0]["why"], "the outbox was full");
    let now = get(&proxy, "/api/outbox").await;
    assert_eq!(
        (&now["hold"]["writes"], &now["writes"]),
        (&json!(2), &json!(2))
    );
}

#[tokio::test]
async fn a_write_that_waits_for_a_place_among_those_under_way_is_held_and_lost_with_the_others() {
    let (begun, go) = (Arc::new(Notify::new()), Arc::new(Semaphore::new(0)));
    let seen = Seen::default();
    let (asked, gate, note) = (Arc::clone(&begun), Arc::clone(&go), Arc::clone(&seen));
    let slow = move |body: String| async move {
        asked.notify_one();
        gate.acquire().await.unwrap().forget();
        note.lock().unwrap().push(body);
    };
    let legacy = ok().await;
    let modern = backend(Router::new().fallback(any(slow))).await;
    let routes = one_route(legacy, modern, "shadow", LANES);
    let routes = routes.replace("[mirror]", "[mirror]\nconcurrency = 1");
    let proxy = Proxy::start(&routes).await;
    write(&proxy, 1, "1").await;
    begun.notified().await;
    write(&proxy, 2, "2").await;
    until(&proxy, "/api/outbox", |now| now["stored"] == 2).await;
    let hold = hold(&proxy).await;
    let now = until(&proxy, "/api/outbox", |now| now["hold"]["writes"] == 1).await;
    assert_eq!(now["delivering"], 1);
    let mark = post(&proxy, &hold, "/api/outbox/mark", json!({})).await;
    let released = json!({ "up_to": mark["position"] });
    let released = post(&proxy, &hold, "/api/outbox/release", released).await;
    assert_eq!(released, json!({ "delivered": 0, "lost": 1 }));
    go.add_permits(2);
    proxy.settled("all").await;
    assert_eq!(*seen.lock().unwrap(), ["1"]);
    assert_eq!(ended(&proxy, Ending::Held), 1);
}

#[tokio::test]
async fn a_write_that_modern_may_have_done_is_not_over_because_its_rows_were_copied() {
    let seen = Seen::default();
    let note = Arc::clone(&seen);
    let silent = move |body: String| {
        note.lock().unwrap().push(body);
        std::future::pending::<()>()
    };
    let legacy = ok().await;
    let modern = backend(Router::new().fallback(any(silent))).await;
    let routes = one_route(legacy, modern, "shadow", LANES);
    let proxy = Proxy::start(&routes.replace("\"20s\"", "\"100ms\"")).await;
    let post_in = async |lane: u64| {
        let request = http::Request::post("/").header("x-lane", lane);
        assert_eq!(proxy.ask(request, &lane.to_string()).await.status, 200);
    };
    post_in(1).await;
    write(&proxy, 2, "2").await;
    common::eventually(|| Some(()).filter(|()| seen.lock().unwrap().len() >= 2)).await;
    let hold = hold(&proxy).await;
    post_in(3).await;
    let listed = until(&proxy, "/api/outbox/held", |now| {
        now.as_array().unwrap().len() == 3
    })
    .await;
    let listed = listed.as_array().unwrap();
    let tried: Vec<&Value> = listed.iter().map(|write| &write["tried"]).collect();
    // The second would do the same again.
    assert_eq!(tried, [true, false, false]);
    let numbers: Vec<&Value> = listed.iter().map(|write| &write["number"]).collect();
    let settled = post(
        &proxy,
        &hold,
        "/api/outbox/settle",
        json!({ "writes": numbers }),
    )
    .await;
    assert_eq!(settled, json!({ "settled": 2, "lost": 1 }));
    until(&proxy, "/api/outbox", |now| now["stored"] == 0).await;
    let taints = get(&proxy, "/api/taints").await;
    assert_eq!(taints.as_array().unwrap().len(), 1, "{taints}");
    assert_eq!(
        (&taints[0]["lane"], &taints[0]["lost_by"]),
        (&json!("lane:1"), &Value::Null)
    );
    proxy.settled("all").await;
    assert_eq!(ended(&proxy, Ending::Resynchronised), 2);
}

#[tokio::test]
async fn a_read_that_a_hold_overtakes_on_its_way_is_compared_with_nothing() {
    let (begun, go) = (Arc::new(Notify::new()), Arc::new(Semaphore::new(0)));
    let (asked, gate) = (Arc::clone(&begun), Arc::clone(&go));
    let half_copied = move || async move {
        asked.notify_one();
        gate.acquire().await.unwrap().forget();
        "half of it"
    };
    let modern = backend(Router::new().fallback(any(half_copied))).await;
    let proxy = Proxy::start(&one_route(ok().await, modern, "shadow", LANES)).await;
    assert_eq!(proxy.get("/").await.status, 200);
    begun.notified().await;
    hold(&proxy).await;
    go.add_permits(1);
    proxy.settled("all").await;
    assert_eq!(ended(&proxy, Ending::Held), 1);
}

#[tokio::test]
async fn what_is_held_is_ended_by_nobody_but_who_holds_it() {
    let (legacy, seen) = (ok().await, Seen::default());
    let modern = noting(&seen).await;
    let proxy = Proxy::start(&one_route(legacy, modern, "shadow", LANES)).await;
    let holder = |name: &str| json!({ "holder": name });
    let first = hold_as(&proxy, None, holder("the first")).await.unwrap();
    write(&proxy, 1, "1").await;
    let listed = until(&proxy, "/api/outbox/held", |now| {
        now[0]["number"] != Value::Null
    })
    .await;
    let settle = json!({ "writes": [listed[0]["number"]] });
    let since = get(&proxy, "/api/outbox").await["hold"]["since"].clone();
    let names_the_first = |said: &str| {
        let named = ["the first", since.as_str().unwrap(), "all routes"];
        named.iter().all(|part| said.contains(part))
    };

    // Another one finds it, and is told whose it is.
    let (status, said) = hold_as(&proxy, None, holder("another")).await.unwrap_err();
    assert_eq!(status, 409, "{said}");
    assert!(names_the_first(&said), "{said}");
    let calls = |tag: Option<&'static str>| {
        let (proxy, settle) = (&proxy, &settle);
        async move {
            let mut all = Vec::new();
            for (call, body) in [
                ("mark", &json!({})),
                ("settle", settle),
                ("release", &json!({})),
            ] {
                let path = format!("/api/outbox/{call}");
                let (status, said) = control_of(proxy, tag, ("POST", &path), body).await;
                all.push((status, said["error"]["message"].to_string()));
            }
            all
        }
    };
    for (tag, refused) in [(None, 428), (Some("\"7\""), 412), (Some("7"), 400)] {
        for (status, said) in calls(tag).await {
            assert_eq!(status, refused, "{said}");
            assert!(refused == 400 || names_the_first(&said), "{said}");
        }
    }
    let (status, said) = hold_as(&proxy, Some("\"7\""), json!({})).await.unwrap_err();
    assert_eq!(status, 412, "{said}");
    let (status, said) = hold_as(&proxy, Some(&first), holder("a\nb"))
        .await
        .unwrap_err();
    assert_eq!(status, 400, "{said}");

    // It is taken over, and is not the first one's any more.
    let same = hold_as(&proxy, Some(&first), holder("the first")).await;
    assert_eq!(same.as_ref(), Ok(&first));
    let between = hold_as(&proxy, Some(&first), holder("the first, anew"))
        .await
        .unwrap();
    assert_ne!(first, between);
    let late = hold_as(&proxy, Some(&first), holder("too late")).await;
    assert_eq!(late.unwrap_err().0, 412);
    let second = hold_as(&proxy, Some("*"), holder("the second"))
        .await
        .unwrap();
    assert_ne!(between, second);
    for (call, body) in [
        ("hold", json!({})),
        ("mark", json!({})),
        ("settle", settle.clone()),
        ("release", json!({})),
    ] {
        let path = format!("/api/outbox/{call}");
        let (status, said) = control_of(&proxy, Some(&first), ("POST", &path), &body).await;
        assert_eq!(status, 412, "{call}: {said}");
        let said = said["error"]["message"].to_string();
        assert!(said.contains("by the second"), "{said}");
        assert!(said.contains(first.trim_matches('"')), "{said}");
    }
    let now = get(&proxy, "/api/outbox").await;
    assert_eq!(now["hold"]["writes"], 1, "nothing was settled: {now}");
    assert_eq!(now["hold"]["since"], since);
    assert!(seen.lock().unwrap().is_empty(), "nothing was delivered");

    // Over restarts, too.
    let Proxy {
        running, folder, ..
    } = proxy;
    running.stop(PATIENCE).await;
    let proxy = Proxy::start_in(folder, &one_route(legacy, modern, "shadow", LANES)).await;
    let refused = hold_as(&proxy, Some(&first), json!({})).await;
    assert_eq!(refused.unwrap_err().0, 412);
    let again = hold_as(&proxy, Some(&second), json!({})).await;
    assert_eq!(again.as_ref(), Ok(&second));
    // What was left takes a moment to be held again.
    until(&proxy, "/api/outbox/held", |now| now[0] != Value::Null).await;
    let settled = post(&proxy, &second, "/api/outbox/settle", settle).await;
    assert_eq!(settled["settled"], 1);
    post(&proxy, "*", "/api/outbox/release", json!({})).await;
    let refused = hold_as(&proxy, Some("*"), json!({})).await;
    assert_eq!(refused.unwrap_err().0, 404, "there is nothing to take over");
}

#[tokio::test]
async fn the_answer_names_the_hold_as_an_etag() {
    let modern = ok().await;
    let proxy = Proxy::start(&one_route(ok().await, modern, "shadow", LANES)).await;
    let request = http::Request::post("/api/outbox/hold");
    let request = request.header("content-type", "application/json");
    let answer = proxy.control(request, "").await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    let body: Value = serde_json::from_str(&answer.body).unwrap();
    let tag = body["hold"]["tag"].as_str().unwrap();
    assert_eq!(answer.headers["etag"], format!("\"{tag}\""));
}
