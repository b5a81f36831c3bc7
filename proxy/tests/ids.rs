//! Ids that each side gives for itself: learned, translated, compared.
#![allow(clippy::unwrap_used, reason = "a test that can't be set up fails")]

mod common;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::routing::{get, post};
use common::{Proxy, backend, eventually, wire};
use cutover::outcome::{Ending, Outcome};
use parking_lot::Mutex;
use serde_json::{Value, json};
use std::collections::{BTreeMap, HashMap};
use std::net::SocketAddr;
use std::sync::Arc;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::mpsc::unbounded_channel;

/// A shop that counts its orders from some number on, and knows them by its own ids alone.
#[derive(Clone)]
struct Shop {
    prefix: &'static str,
    orders: Arc<Mutex<BTreeMap<String, Value>>>,
}

type Answer = (StatusCode, axum::Json<Value>);

fn missing() -> Answer {
    (
        StatusCode::NOT_FOUND,
        axum::Json(json!({ "error": "no such order" })),
    )
}

async fn create(State(shop): State<Shop>, body: Bytes) -> Answer {
    let Ok(sent) = serde_json::from_slice::<Value>(&body) else {
        return (StatusCode::BAD_REQUEST, axum::Json(json!({})));
    };
    let mut orders = shop.orders.lock();
    // An order may follow another, which has to be there.
    if let Some(after) = sent["after"].as_str()
        && !orders.contains_key(after)
    {
        return missing();
    }
    let id = format!("{}{}", shop.prefix, orders.len() + 1);
    let order = json!({ "id": id, "after": sent["after"], "total": sent["total"] });
    orders.insert(id, order.clone());
    (StatusCode::CREATED, axum::Json(order))
}

async fn read(State(shop): State<Shop>, Path(id): Path<String>) -> Answer {
    match shop.orders.lock().get(&id) {
        Some(order) => (StatusCode::OK, axum::Json(order.clone())),
        None => missing(),
    }
}

async fn list(State(shop): State<Shop>, Query(of): Query<HashMap<String, String>>) -> Answer {
    let orders = shop.orders.lock();
    if of
        .get("after")
        .is_some_and(|after| !orders.contains_key(after))
    {
        return missing();
    }
    let all: Vec<Value> = orders.values().cloned().collect();
    (StatusCode::OK, axum::Json(json!({ "orders": all })))
}

async fn shop(prefix: &'static str) -> SocketAddr {
    let shop = Shop {
        prefix,
        orders: Arc::default(),
    };
    let router = Router::new()
        .route("/orders", post(create).get(list))
        .route("/orders/{id}", get(read))
        .with_state(shop);
    backend(router).await
}

fn routes(legacy: SocketAddr, modern: SocketAddr, mode: &str) -> String {
    format!(
        r#"{}
timeout = "20s"
[compare]
ids = {{ "/id" = "order", "/after" = "order", "/orders/*/id" = "order", "/orders/*/after" = "order" }}
[[routes]]
name = "create"
path = "/orders"
methods = ["POST"]
lanes = ["order:json:/after"]
{mode}
[[routes]]
name = "list"
path = "/orders"
methods = ["GET"]
lanes = ["order:query:after"]
{mode}
[routes.compare]
keyed = {{ "/orders" = "/id" }}
[[routes]]
name = "read"
path = "/orders/{{id}}"
lanes = ["order:{{id}}"]
{mode}
"#,
        common::sides(legacy, modern)
    )
}

const SHADOW: &str =
    "mode = \"shadow\"\nwrites = \"mirror\"\nlegacy = \"legacy\"\nmodern = \"modern\"";
const REVERSE: &str = "mode = \"shadow\"\nmodern_share = \"100%\"\nwrites = \"mirror\"\nlegacy = \"legacy\"\nmodern = \"modern\"";
const MODERN: &str = "mode = \"modern\"\nlegacy = \"legacy\"\nmodern = \"modern\"";

async fn order(proxy: &Proxy, after: Value) -> String {
    let answer = proxy
        .post(
            "/orders",
            &json!({ "after": after, "total": 10 }).to_string(),
        )
        .await;
    assert_eq!(answer.status, 201, "{answer:?}");
    let order: Value = serde_json::from_str(&answer.body).unwrap();
    order["id"].as_str().unwrap().to_owned()
}

async fn all_matched(proxy: &Proxy) {
    for route in ["create", "list", "read"] {
        let counts = proxy.settled(route).await;
        assert!(counts.eligible > 0, "{route}");
        assert_eq!(
            counts.count(Outcome::Matched),
            counts.eligible,
            "{route}: {counts:?}"
        );
    }
}

/// Follows a chain of orders by the ids that the client was given.
async fn use_it(proxy: &Proxy, mut last: Value) -> Value {
    for _ in 0..5 {
        let id = order(proxy, last).await;
        let answer = proxy.get(&format!("/orders/{id}")).await;
        assert_eq!(answer.status, 200, "{id}: {answer:?}");
        assert_eq!(proxy.get(&format!("/orders?after={id}")).await.status, 200);
        last = id.into();
    }
    last
}

#[tokio::test]
async fn what_a_write_made_is_found_and_compared_by_any_of_its_ids_before_and_after_a_flip_and_back()
 {
    let (legacy, modern) = (shop("L-").await, shop("M-").await);
    let proxy = Proxy::start(&routes(legacy, modern, SHADOW)).await;
    let last = use_it(&proxy, Value::Null).await;
    assert_eq!(last, "L-5");
    all_matched(&proxy).await;
    // Modern answers, with its own ids; legacy follows.
    let flip = async |mode: &str, share: &str| {
        std::fs::write(proxy.routes_file(), routes(legacy, modern, mode)).unwrap();
        let table = || proxy.running.routes.table();
        let now = || {
            table()
                .route("read")
                .map(|route| route.modern_share.to_string())
        };
        eventually(|| now().filter(|now| now == share)).await;
    };
    flip(REVERSE, "100%").await;
    let last = use_it(&proxy, last).await;
    assert_eq!(last, "M-10");
    all_matched(&proxy).await;
    // And back: legacy knows all that modern has made.
    flip(SHADOW, "0%").await;
    let last = use_it(&proxy, last).await;
    assert_eq!(last, "L-15");
    all_matched(&proxy).await;
    for id in ["L-1", "M-1", "L-7", "M-7", "L-12", "M-12"] {
        assert_eq!(
            proxy.get(&format!("/orders/{id}")).await.status,
            200,
            "{id}"
        );
    }
    all_matched(&proxy).await;
}

#[tokio::test]
async fn pairs_outlive_a_restart_and_hold_when_modern_answers_alone() {
    let (legacy, modern) = (shop("L-").await, shop("M-").await);
    let proxy = Proxy::start(&routes(legacy, modern, SHADOW)).await;
    let last = use_it(&proxy, Value::Null).await;
    all_matched(&proxy).await;
    let Proxy {
        running, folder, ..
    } = proxy;
    running.stop(common::PATIENCE).await;
    let proxy = Proxy::start_in(folder, &routes(legacy, modern, MODERN)).await;
    assert_eq!(
        proxy.get("/orders/L-3").await.body.find("M-3").map(|_| ()),
        Some(())
    );
    let id = order(&proxy, last).await;
    assert_eq!(id, "M-6");
    let body = proxy.get("/orders/M-6").await.body;
    assert!(body.contains(r#""after":"M-5""#), "{body}");
}

#[tokio::test]
async fn a_body_that_comes_byte_by_byte_is_renamed_and_sent_whole() {
    let (legacy, modern) = (shop("L-").await, shop("M-").await);
    let proxy = Proxy::start(&routes(legacy, modern, REVERSE)).await;
    let tell = http::Request::post("/api/ids").header("content-type", "application/json");
    order(&proxy, Value::Null).await;
    proxy.settled("create").await;
    let told = r#"[{"entity": "order", "legacy": "L-1", "modern": "M-1"}]"#;
    assert_eq!(proxy.control(tell, told).await.status, 200);
    let mut client = TcpStream::connect(proxy.running.address).await.unwrap();
    client.set_nodelay(true).unwrap();
    let notes = "x".repeat(2_500);
    let body = json!({ "after": "L-1", "total": 10, "notes": notes }).to_string();
    let head = format!(
        "POST /orders HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n\
         Connection: close\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    client.write_all(head.as_bytes()).await.unwrap();
    for byte in body.as_bytes() {
        client.write_all(&[*byte]).await.unwrap();
        tokio::task::yield_now().await;
    }
    let mut answer = String::new();
    client.read_to_string(&mut answer).await.unwrap();
    assert!(
        answer.starts_with("HTTP/1.1 201 ") && answer.contains("M-1"),
        "{answer}"
    );
    all_created(&proxy).await;
}

#[tokio::test]
async fn a_body_that_is_renamed_is_never_sent_with_a_length_and_in_chunks() {
    let (tell, mut told) = unbounded_channel();
    let legacy = common::raw_backend(move |mut stream| {
        let tell = tell.clone();
        async move {
            while let Some(request) = wire::read_request(&mut stream).await {
                let _ = tell.send(request.to_lowercase());
                let _ = stream.write_all(wire::OK.as_bytes()).await;
            }
        }
    })
    .await;
    let mode = MODERN.replace("\"modern\"\nlegacy", "\"legacy\"\nlegacy");
    let proxy = Proxy::start(&routes(legacy, shop("M-").await, &mode)).await;
    let tell = http::Request::post("/api/ids").header("content-type", "application/json");
    let pair = r#"[{"entity": "order", "legacy": "a longer id", "modern": "M-1"}]"#;
    assert_eq!(proxy.control(tell, pair).await.status, 200);
    let body = r#"{"after": "M-1"}"#;
    for (more, status) in [("", 200), ("Connection: content-length\r\n", 400)] {
        let length = body.len();
        let ask = format!(
            "POST /orders HTTP/1.1\r\nHost: a\r\n{more}Content-Length: {length}\r\n\r\n{body}"
        );
        let answer = wire::say(&proxy, ask.as_bytes()).await;
        let heard: String = std::iter::from_fn(|| told.try_recv().ok()).collect();
        assert!(!heard.contains("transfer-encoding"), "{heard}");
        assert!(
            answer.starts_with(&format!("HTTP/1.1 {status} ")),
            "{answer}"
        );
        assert_eq!(heard.contains("a longer id"), status == 200, "{heard}");
    }
}

async fn all_created(proxy: &Proxy) {
    let counts = proxy.settled("create").await;
    assert_eq!(
        counts.count(Outcome::Matched),
        counts.eligible,
        "{counts:?}"
    );
}

#[tokio::test]
async fn where_both_sides_count_a_number_is_that_of_who_answers() {
    // Both sides have an order 1 and an order 2, and of the first is known that modern calls it 2.
    let (legacy, modern) = (shop("").await, shop("").await);
    let proxy = Proxy::start(&routes(legacy, modern, SHADOW)).await;
    let tell = http::Request::post("/api/ids").header("content-type", "application/json");
    let told = r#"[{"entity": "order", "legacy": "1", "modern": "2"}]"#;
    assert_eq!(proxy.control(tell, told).await.status, 200);
    order(&proxy, Value::Null).await;
    order(&proxy, Value::Null).await;
    for id in ["1", "2"] {
        let body = proxy.get(&format!("/orders/{id}")).await.body;
        assert!(body.contains(&format!(r#""id":"{id}""#)), "{id}: {body}");
    }
    // What means something else there is not asked for there.
    let counts = proxy.settled("read").await;
    assert!(
        counts.endings.contains(&(Ending::Misleading, 1)),
        "{counts:?}"
    );
}

#[tokio::test]
async fn an_id_that_is_given_twice_is_found() {
    let (legacy, modern) = (shop("L-").await, shop("M-").await);
    let proxy = Proxy::start(&routes(legacy, modern, SHADOW)).await;
    let post = || http::Request::post("/api/ids").header("content-type", "application/json");
    let tell = |body: &'static str| proxy.control(post(), body);
    let told = tell(r#"[{"entity": "order", "legacy": "L-9", "modern": "M-1"}]"#).await;
    assert_eq!(told.body, r#"{"learned":1,"known":0,"refused":0,"full":0}"#);
    // Modern gives its first order an id that is taken.
    order(&proxy, Value::Null).await;
    let counts = proxy.settled("create").await;
    assert_eq!(counts.count(Outcome::Different), 1, "{counts:?}");
    let again = tell(r#"[{"entity": "order", "legacy": "L-8", "modern": "M-1"}, {"entity": "order", "legacy": "L-9", "modern": "M-1"}]"#).await;
    assert_eq!(
        again.body,
        r#"{"learned":0,"known":1,"refused":1,"full":0}"#
    );
    for wrong in ["", "{}", r#"[{"entity": "order"}]"#] {
        let refused = tell(wrong).await;
        assert_eq!(refused.status, 400, "{wrong}");
    }
}
