//! Sessions, tokens, cursors and tags that each side keeps for itself.
#![allow(clippy::unwrap_used, reason = "a test that can't be set up fails")]

mod common;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use common::{Answer, Proxy, backend, eventually};
use cutover::outcome::{Ending, Outcome, RouteSnapshot};
use serde_json::{Value, json};
use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

/// What a side has minted, by what it means.
#[derive(Clone)]
struct Shop {
    name: &'static str,
    minted: Arc<Mutex<HashMap<String, String>>>,
}

impl Shop {
    fn mint(&self, what: &str, meaning: &str) -> String {
        let mut minted = self.minted.lock().unwrap();
        let token = format!("{}-{what}-{:012}", self.name, minted.len());
        minted.insert(token.clone(), meaning.to_owned());
        token
    }

    fn meaning(&self, token: &str) -> Option<String> {
        self.minted.lock().unwrap().get(token).cloned()
    }

    /// Who asks, by the cookie or the bearer token.
    fn visitor(&self, headers: &HeaderMap) -> Option<String> {
        let text = |name| {
            headers
                .get(name)
                .map_or("", |value| value.to_str().unwrap())
        };
        let mut cookies = text("cookie").split("; ");
        let session = cookies.find_map(|cookie| cookie.strip_prefix("sid="));
        let bearer = text("authorization").strip_prefix("Bearer ");
        self.meaning(session.or(bearer)?)
    }
}

fn refused(status: StatusCode) -> Response {
    (status, axum::Json(json!({ "error": "no" }))).into_response()
}

async fn login(State(shop): State<Shop>, visitor: String) -> Response {
    let (session, bearer) = (shop.mint("sid", &visitor), shop.mint("bearer", &visitor));
    let cookie = [("set-cookie", format!("sid={session}; Path=/; HttpOnly"))];
    (cookie, axum::Json(json!({ "token": bearer }))).into_response()
}

async fn whoami(State(shop): State<Shop>, headers: HeaderMap) -> Response {
    match shop.visitor(&headers) {
        Some(visitor) => visitor.into_response(),
        None => refused(StatusCode::UNAUTHORIZED),
    }
}

/// A form's token, which must come back with what is sent.
async fn form(State(shop): State<Shop>, headers: HeaderMap) -> Response {
    let Some(visitor) = shop.visitor(&headers) else {
        return refused(StatusCode::UNAUTHORIZED);
    };
    axum::Json(json!({ "csrf": shop.mint("csrf", &visitor) })).into_response()
}

async fn send(State(shop): State<Shop>, headers: HeaderMap, body: Bytes) -> Response {
    let body = String::from_utf8(body.to_vec()).unwrap();
    let fields: Value = serde_json::from_str(&body).unwrap_or_default();
    let field = body.strip_prefix("csrf=");
    let header = headers
        .get("x-csrf-token")
        .map(|value| value.to_str().unwrap());
    let token = header
        .or(fields["csrf"].as_str())
        .or(field)
        .unwrap_or_default();
    match (shop.meaning(token), shop.visitor(&headers)) {
        (Some(owner), Some(visitor)) if owner == visitor => StatusCode::CREATED.into_response(),
        _ => refused(StatusCode::FORBIDDEN),
    }
}

/// Three pages; each but the last leads to the next by a cursor.
async fn page(State(shop): State<Shop>, Query(query): Query<HashMap<String, String>>) -> Response {
    let page: u32 = match query.get("cursor") {
        None => 0,
        Some(cursor) => match shop.meaning(cursor) {
            Some(page) => page.parse().unwrap(),
            None => return refused(StatusCode::BAD_REQUEST),
        },
    };
    let next = (page < 2).then(|| {
        let cursor = shop.mint("page", &(page + 1).to_string());
        format!("/list?of=5&cursor={cursor}")
    });
    axum::Json(json!({ "page": page, "next": next })).into_response()
}

/// Something that is tagged, each side in its way.
async fn tagged(State(shop): State<Shop>, headers: HeaderMap) -> Response {
    let tag = format!("\"{}-1\"", shop.name);
    let known = headers
        .get("if-none-match")
        .map(|value| value.to_str().unwrap());
    if known == Some(&tag) {
        return (StatusCode::NOT_MODIFIED, [("etag", tag)]).into_response();
    }
    ([("etag", tag)], "content").into_response()
}

async fn shop(name: &'static str) -> SocketAddr {
    let shop = Shop {
        name,
        minted: Arc::default(),
    };
    let router = Router::new()
        .route("/login", post(login))
        .route("/whoami", get(whoami))
        .route("/form", get(form))
        .route("/send", post(send))
        .route("/list", get(page))
        .route("/tagged", get(tagged))
        .with_state(shop);
    backend(router).await
}

const SHADOW: &str = "mode = \"shadow\"\nmodern_share = \"0%\"";
const REVERSE: &str = "mode = \"shadow\"\nmodern_share = \"100%\"";
const MODERN: &str = "mode = \"modern\"";

fn routes(legacy: SocketAddr, modern: SocketAddr, mode: &str) -> String {
    format!(
        r#"
[upstreams.legacy]
peers = ["{legacy}"]
[upstreams.modern]
peers = ["{modern}"]
[mirror]
timeout = "20s"
[[routes]]
name = "all"
path = "/{{*rest}}"
{mode}
legacy = "legacy"
modern = "modern"
writes = "mirror"
lanes = ["session:client"]
[routes.compare]
tokens = ["/token", "/csrf", "/next?cursor", "headers/x-csrf-token", "headers/authorization"]
"#
    )
}

/// Puts a file in the place of the routes, and waits until it is in force.
async fn rewrite(proxy: &Proxy, routes: &str) {
    let before = proxy.running.routes.etag();
    std::fs::write(proxy.routes_file(), routes).unwrap();
    eventually(|| (proxy.running.routes.etag() != before).then_some(())).await;
}

async fn turn(proxy: &Proxy, legacy: SocketAddr, modern: SocketAddr, mode: &str) {
    rewrite(proxy, &routes(legacy, modern, mode)).await;
}

/// A client who has logged in.
struct Visitor {
    cookie: String,
    bearer: String,
}

impl Visitor {
    async fn new(proxy: &Proxy, name: &str) -> Self {
        let answer = proxy.post("/login", name).await;
        let cookie = answer.headers["set-cookie"].to_str().unwrap();
        let body: Value = serde_json::from_str(&answer.body).unwrap();
        Self {
            cookie: cookie.split(';').next().unwrap().to_owned(),
            bearer: body["token"].as_str().unwrap().to_owned(),
        }
    }

    async fn get(&self, proxy: &Proxy, path: &str) -> Answer {
        let cookie = format!("theme=dark; {}", self.cookie);
        proxy
            .ask(http::Request::get(path).header("cookie", cookie), "")
            .await
    }

    async fn csrf(&self, proxy: &Proxy) -> String {
        let answer = self.get(proxy, "/form").await;
        let body: Value = serde_json::from_str(&answer.body).unwrap();
        body["csrf"].as_str().unwrap().to_owned()
    }

    async fn send(&self, proxy: &Proxy, kind: &str, csrf: Option<&str>, body: &str) -> u16 {
        let mut request = http::Request::post("/send")
            .header("cookie", &self.cookie)
            .header("content-type", kind);
        if let Some(csrf) = csrf {
            request = request.header("x-csrf-token", csrf);
        }
        proxy.ask(request, body).await.status
    }
}

async fn all_matched(proxy: &Proxy, eligible: u64) -> RouteSnapshot {
    let counts = proxy.settled("all").await;
    assert_eq!(counts.eligible, eligible);
    assert_eq!(
        counts.count(Outcome::Matched),
        eligible,
        "{:?}",
        counts.endings
    );
    counts
}

const JSON: &str = "application/json";
const FORM: &str = "application/x-www-form-urlencoded";

#[tokio::test]
async fn a_client_goes_on_with_what_it_was_given_before_a_flip_after_it_and_back() {
    let (legacy, modern) = (shop("L").await, shop("M").await);
    let proxy = Proxy::start(&routes(legacy, modern, SHADOW)).await;
    let (ada, grace) = (
        Visitor::new(&proxy, "ada").await,
        Visitor::new(&proxy, "grace").await,
    );
    assert!(ada.cookie.starts_with("sid=L-sid-"), "{}", ada.cookie);
    let csrf = ada.csrf(&proxy).await;
    let mut asked = 3;
    for mode in [SHADOW, REVERSE, MODERN, SHADOW] {
        if mode != SHADOW || asked > 3 {
            turn(&proxy, legacy, modern, mode).await;
        }
        for (visitor, name) in [(&ada, "ada"), (&grace, "grace")] {
            assert_eq!(visitor.get(&proxy, "/whoami").await.body, name, "{mode}");
            let bearer = format!("Bearer {}", visitor.bearer);
            let request = http::Request::get("/whoami").header("authorization", bearer);
            assert_eq!(proxy.ask(request, "").await.body, name, "{mode}");
        }
        let json = json!({ "csrf": csrf }).to_string();
        assert_eq!(ada.send(&proxy, JSON, None, &json).await, 201, "{mode}");
        assert_eq!(
            ada.send(&proxy, JSON, Some(&csrf), "{}").await,
            201,
            "{mode}"
        );
        let form = format!("csrf={csrf}");
        assert_eq!(ada.send(&proxy, FORM, None, &form).await, 201, "{mode}");
        assert_eq!(grace.send(&proxy, FORM, None, &form).await, 403, "{mode}");
        if mode != MODERN {
            asked += 8;
        }
        all_matched(&proxy, asked).await;
    }
}

#[tokio::test]
async fn what_modern_has_given_is_good_after_a_rollback() {
    let (legacy, modern) = (shop("L").await, shop("M").await);
    let proxy = Proxy::start(&routes(legacy, modern, REVERSE)).await;
    let ada = Visitor::new(&proxy, "ada").await;
    assert!(ada.cookie.starts_with("sid=M-sid-"), "{}", ada.cookie);
    let csrf = ada.csrf(&proxy).await;
    all_matched(&proxy, 2).await;
    turn(&proxy, legacy, modern, SHADOW).await;
    assert_eq!(ada.get(&proxy, "/whoami").await.body, "ada");
    assert_eq!(ada.send(&proxy, JSON, Some(&csrf), "{}").await, 201);
    all_matched(&proxy, 4).await;
}

async fn next(proxy: &Proxy, path: &str) -> Option<String> {
    let answer = proxy.get(path).await;
    assert_eq!(answer.status, 200, "{path}: {}", answer.body);
    let body: Value = serde_json::from_str(&answer.body).unwrap();
    body["next"].as_str().map(str::to_owned)
}

#[tokio::test]
async fn a_client_that_walks_a_list_without_a_pause_is_followed_by_the_candidate_s_own_cursors() {
    let (legacy, modern) = (shop("L").await, shop("M").await);
    let proxy = Proxy::start(&routes(legacy, modern, SHADOW)).await;
    let mut at = Some("/list?of=5".to_owned());
    let mut second = String::new();
    while let Some(path) = at {
        at = next(&proxy, &path).await;
        if second.is_empty() {
            second = at.clone().unwrap();
        }
    }
    all_matched(&proxy, 3).await;
    turn(&proxy, legacy, modern, MODERN).await;
    // A cursor of legacy's leads on through modern's list.
    assert!(second.contains("cursor=L-page-"), "{second}");
    assert!(
        next(&proxy, &second)
            .await
            .unwrap()
            .contains("cursor=M-page-")
    );
}

#[tokio::test]
async fn what_nobody_knows_is_not_mirrored_and_counted_as_such() {
    let (legacy, modern) = (shop("L").await, shop("M").await);
    let proxy = Proxy::start(&routes(legacy, modern, SHADOW)).await;
    assert_eq!(proxy.get("/list?cursor=of-nobody").await.status, 400);
    let counts = proxy.settled("all").await;
    assert!(
        counts.endings.contains(&(Ending::UnknownToken, 1)),
        "{:?}",
        counts.endings
    );
    assert_eq!(counts.eligible, 1);
    let metrics = proxy.control(http::Request::get("/metrics"), "").await.body;
    assert!(
        metrics.contains("cutover_tokens_unknown_total 1"),
        "{metrics}"
    );
}

#[tokio::test]
async fn a_tag_is_each_side_s_own_and_an_unknown_one_is_no_discrepancy() {
    let (legacy, modern) = (shop("L").await, shop("M").await);
    let proxy = Proxy::start(&routes(legacy, modern, SHADOW)).await;
    let tagged = |tag: &'static str| {
        let request = http::Request::get("/tagged").header("if-none-match", tag);
        proxy.ask(request, "")
    };
    // Nothing was learned yet: the client has it from a time before the proxy.
    assert_eq!(tagged("\"L-1\"").await.status, 304);
    let counts = proxy.settled("all").await;
    assert!(
        counts.endings.contains(&(Ending::UnknownToken, 1)),
        "{:?}",
        counts.endings
    );
    // Both answer anew where neither knows it.
    assert_eq!(tagged("\"L-0\"").await.status, 200);
    assert_eq!(proxy.settled("all").await.count(Outcome::Matched), 1);
    assert_eq!(tagged("\"L-1\"").await.status, 304);
    let counts = proxy.settled("all").await;
    assert_eq!(
        (counts.eligible, counts.count(Outcome::Matched)),
        (3, 2),
        "{counts:?}"
    );
    turn(&proxy, legacy, modern, MODERN).await;
    assert_eq!(tagged("\"L-1\"").await.status, 304, "served by modern");
}

#[tokio::test]
async fn sessions_and_tokens_survive_a_restart() {
    let (legacy, modern) = (shop("L").await, shop("M").await);
    let proxy = Proxy::start(&routes(legacy, modern, SHADOW)).await;
    let ada = Visitor::new(&proxy, "ada").await;
    let csrf = ada.csrf(&proxy).await;
    all_matched(&proxy, 2).await;
    let Proxy {
        running, folder, ..
    } = proxy;
    running.stop(common::PATIENCE).await;
    let proxy = Proxy::start_in(folder, &routes(legacy, modern, SHADOW)).await;
    assert_eq!(ada.get(&proxy, "/whoami").await.body, "ada");
    assert_eq!(ada.send(&proxy, JSON, Some(&csrf), "{}").await, 201);
    all_matched(&proxy, 4).await;
}

#[tokio::test]
async fn tokens_are_in_no_file_and_on_no_page() {
    let (legacy, modern) = (shop("L").await, shop("M").await);
    let all = routes(legacy, modern, SHADOW);
    // Something differs, so that exchanges are stored.
    let proxy = Proxy::start(&all.replace("\"/csrf\", ", "")).await;
    let ada = Visitor::new(&proxy, "ada").await;
    ada.csrf(&proxy).await;
    rewrite(&proxy, &all).await;
    let csrf = ada.csrf(&proxy).await;
    let form = format!("csrf={csrf}");
    ada.send(&proxy, FORM, None, &form).await;
    proxy.get("/list?cursor=of-nobody").await;
    proxy.settled("all").await;
    let mut told = String::new();
    for path in [
        "/api/discrepancies",
        "/api/failures",
        "/metrics",
        "/api/lanes",
    ] {
        told += &proxy.control(http::Request::get(path), "").await.body;
    }
    let Proxy {
        running, folder, ..
    } = proxy;
    running.stop(common::PATIENCE).await;
    let files = ["journal.db", "journal.db-wal", "outbox.db", "outbox.db-wal"];
    let files = files.map(|file| std::fs::read(folder.path().join(file)).unwrap_or_default());
    let all = [told.into_bytes(), files.concat()].concat();
    for secret in [&ada.cookie[4..], &ada.bearer, &csrf, "of-nobody"] {
        let is_there = all
            .windows(secret.len())
            .any(|part| part == secret.as_bytes());
        assert!(!is_there, "{secret}");
    }
}
