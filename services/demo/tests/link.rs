//! The proxy and the migration service together: whether a finding has a row behind it that
//! drifted or code that differs, and whether a route's data is equal before it moves.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "what a test can't get fails the test"
)]

use cutover::server::{Options, Running, start};
use http::Method;
use kit::testing::{Answer, Server, Target};
use migration_service::service::{Places, Service, Settings};
use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, Connection, SqliteConnection};
use std::time::{Duration, Instant};
use tempfile::TempDir;

const PATIENCE: Duration = Duration::from_mins(2);
const MAPPING: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../migrations/mapping.toml");
const ROUTES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../routes.toml");

/// Both sides, the proxy before them, and the migration service between them.
struct Stack {
    proxy: Running,
    modern: String,
    folder: TempDir,
    service: String,
    _servers: Vec<Server>,
}

impl Stack {
    /// Starts everything on databases that are equal. The proxy is the shipped one; orders alone
    /// are asked for.
    async fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let file = |name: &str| format!("sqlite:{}", folder.path().join(name).display());
        let (legacy, modern) = (file("legacy.db"), file("modern.db"));
        let monolith = legacy_monolith::connect(&legacy).await.unwrap();
        assert!(legacy_monolith::seed(&monolith).await.unwrap());
        let orders = order_service::connect(&modern).await.unwrap();
        let monolith = Server::start(legacy_monolith::router(monolith)).await;
        let orders = Server::start(order_service::router(orders)).await;
        let routes = folder.path().join("routes.toml");
        let peer = |server: &Server| server.url().trim_start_matches("http://").to_owned();
        let text = std::fs::read_to_string(ROUTES).unwrap();
        let text = text.replace("127.0.0.1:3080", &peer(&monolith));
        std::fs::write(&routes, text.replace("127.0.0.1:3001", &peer(&orders))).unwrap();
        let options = Options {
            routes,
            listen: "127.0.0.1:0".parse().unwrap(),
            control: "127.0.0.1:0".parse().unwrap(),
            journal: folder.path().join("journal.db"),
            threads: 2,
        };
        let proxy = start(&options).await.unwrap();
        let service = Service::open(Settings {
            places: Places {
                mapping: MAPPING.into(),
                from: legacy,
                to: modern.clone(),
            },
            state: file("runs.db"),
            proxy: Some(format!("http://{}", proxy.control_address).parse().unwrap()),
            resume: true,
        });
        let service = Server::start(service.await.unwrap().router()).await;
        let stack = Self {
            proxy,
            modern,
            folder,
            service: service.url(),
            _servers: vec![monolith, orders, service],
        };
        stack.run("/migration/runs").await;
        stack
    }

    /// Lets the proxy know where the migration service is, while it runs.
    async fn declare(&self, url: &str) {
        let file = self.folder.path().join("routes.toml");
        let text = std::fs::read_to_string(&file).unwrap();
        std::fs::write(
            &file,
            format!("{text}\n[reconciliation]\nurl = \"{url}\"\n"),
        )
        .unwrap();
        let deadline = Instant::now() + PATIENCE;
        while self.proxy.routes.table().reconciliation.is_none() {
            assert!(Instant::now() < deadline, "the file was not taken");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    async fn client(&self, path: &str) -> Answer {
        let proxy = Target::one(&format!("http://{}", self.proxy.address));
        proxy.get(path).await
    }

    async fn control(&self, method: Method, path: &str, body: &str) -> Answer {
        let control = Target::one(&format!("http://{}", self.proxy.control_address));
        let json = [("content-type", "application/json")];
        control.send(method, path, &json, body).await
    }

    /// Begins a run of the migration service and waits for its end.
    async fn run(&self, path: &str) -> Value {
        let service = Target::one(&self.service);
        let begun = service.post(path, r#"{"parallel": 1}"#).await;
        assert_eq!(begun.status, 202, "{}", begun.text);
        let place = begun.headers["location"].to_str().unwrap().to_owned();
        let deadline = Instant::now() + PATIENCE;
        loop {
            let run = service.get(&place).await.json;
            if run["state"] == "finished" {
                assert_eq!(run["note"], Value::Null, "the proxy was told: {run:#}");
                return run;
            }
            assert!(
                Instant::now() < deadline && run["error"].is_null(),
                "{run:#}"
            );
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    async fn modern(&self, sql: &str) {
        let mut database = SqliteConnection::connect(&self.modern).await.unwrap();
        let done = sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut database);
        done.await.unwrap();
        database.close().await.unwrap();
    }

    /// The id of the finding at this path, once there is one.
    async fn finding(&self, path: &str) -> String {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let list = self.control(Method::GET, "/api/discrepancies", "").await;
            let all = list.json["discrepancies"].as_array().unwrap().clone();
            if let Some(found) = all.iter().find(|found| found["path"] == path) {
                return found["id"].as_str().unwrap().to_owned();
            }
            assert!(Instant::now() < deadline, "{}", list.text);
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    async fn rows(&self, finding: &str) -> Answer {
        let path = format!("/api/discrepancies/{finding}/rows");
        self.control(Method::POST, &path, "{}").await
    }

    /// The criterion of the route that reads orders, if it has one.
    async fn parity(&self) -> Option<Value> {
        let path = "/api/routes/order-read/readiness";
        let readiness = self.control(Method::GET, path, "").await.json;
        let criteria = readiness["criteria"].as_array().unwrap().clone();
        criteria
            .into_iter()
            .find(|one| one["name"] == "data_parity")
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_drifted_row_and_code_that_differs_are_told_apart() {
    let stack = Stack::start().await;
    stack
        .modern("UPDATE orders SET total = total + 0.01 WHERE id = '2'")
        .await;
    // The monolith's timestamps have no zone, which is code; the second order's total is data.
    for id in [1, 2, 3] {
        assert_eq!(stack.client(&format!("/orders/{id}")).await.status, 200);
    }
    let total = stack.finding("/data/attributes/total").await;
    let created = stack.finding("/data/attributes/createdAt").await;
    let nobody = stack.rows(&total).await;
    assert_eq!(nobody.status, 503, "nobody is declared: {}", nobody.text);
    let path = format!("/api/discrepancies/{total}");
    assert_eq!(
        stack.control(Method::GET, &path, "").await.json["rows"],
        Value::Null
    );

    stack.declare(&stack.service).await;
    let told = stack.rows(&total).await.json;
    assert_eq!(told["verdict"], "data_drift", "{told:#}");
    let explanation = told["explanation"].as_str().unwrap();
    assert!(
        explanation.starts_with("data drift: orders.total "),
        "{explanation}"
    );
    assert_eq!(told["rows"][0]["id"], "2");
    let told = stack.rows(&created).await.json;
    assert_eq!(told["verdict"], "code", "{told:#}");
    assert!(
        told["explanation"]
            .as_str()
            .unwrap()
            .starts_with("code: rows equal")
    );
    // The finding's page says so, too.
    let detail = stack.control(Method::GET, &path, "").await.json;
    assert_eq!(detail["rows"]["verdict"], "data_drift", "{detail:#}");
    assert_eq!(stack.rows("0123456789abcdef").await.status, 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_line_that_belongs_to_an_order_is_its_data() {
    let stack = Stack::start().await;
    stack.declare(&stack.service).await;
    stack.modern("DELETE FROM order_items WHERE id = (SELECT min(id) FROM order_items WHERE order_id = '5')").await;
    stack.client("/orders/5").await;
    let items = stack.finding("/data/relationships/items/data/*").await;
    let told = stack.rows(&items).await.json;
    let explanation = told["explanation"].as_str().unwrap();
    assert!(
        explanation.starts_with("data drift: order_items") && explanation.contains("is missing"),
        "{told:#}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn every_row_is_judged_however_many_are_told_and_no_id_tells_a_secret() {
    let stack = Stack::start().await;
    stack.client("/orders/1").await;
    let created = stack.finding("/data/attributes/createdAt").await;
    let rows = async || {
        let row = |id: &str, verdict: &str| json!({ "id": id, "belongs_to": "1", "table": "t", "verdict": verdict });
        let mut rows: Vec<Value> = (0..300).map(|n| row(&n.to_string(), "equal")).collect();
        rows.push(row("jane@example.com", "missing"));
        axum::Json(json!({ "rows": rows }))
    };
    let router = axum::Router::new().route("/reconciliation/rows", axum::routing::post(rows));
    let service = Server::start(router).await;
    stack.declare(&service.url()).await;
    let told = stack.rows(&created).await;
    assert_eq!(told.json["verdict"], "data_drift", "{}", told.text);
    assert_eq!(told.json["rows"][0]["state"], "missing");
    assert_eq!(told.json["rows"].as_array().unwrap().len(), 200);
    assert!(!told.text.contains("jane@example.com"), "{}", told.text);
}

#[tokio::test(flavor = "multi_thread")]
async fn why_it_cannot_be_told_is_told() {
    let stack = Stack::start().await;
    stack.client("/orders/1").await;
    let created = stack.finding("/data/attributes/createdAt").await;
    // The first order is declared to be another one on modern's side.
    let pair = r#"[{"entity": "order", "legacy": "1", "modern": "0192-a"}]"#;
    assert_eq!(
        stack.control(Method::POST, "/api/ids", pair).await.status,
        200
    );
    let away = Server::start(axum::Router::new()).await;
    let url = away.url();
    drop(away);
    stack.declare(&url).await;
    let told = stack.rows(&created).await.json;
    assert_eq!(told["verdict"], "unknown", "{told:#}");
    let explanation = told["explanation"].as_str().unwrap();
    assert!(
        explanation.contains("the migration service at"),
        "{explanation}"
    );
    let file = stack.folder.path().join("routes.toml");
    let text = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, text.replace(&url, &stack.service)).unwrap();
    let deadline = Instant::now() + PATIENCE;
    loop {
        let told = stack.rows(&created).await.json;
        let explanation = told["explanation"].as_str().unwrap();
        if explanation.contains("0192-a") {
            assert_eq!(told["verdict"], "unknown");
            return;
        }
        assert!(Instant::now() < deadline, "{told:#}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn parity_is_absent_then_unknown_then_green_red_and_green_again_after_repair() {
    let stack = Stack::start().await;
    assert_eq!(stack.parity().await, None, "nothing is ever compared");
    stack.declare(&stack.service).await;
    let never = stack.parity().await.unwrap();
    assert_eq!(never["state"], "unknown", "{never:#}");
    assert_eq!(never["missing"], json!(["order: never compared"]));
    stack.run("/reconciliation/run").await;
    assert_eq!(stack.parity().await.unwrap()["state"], "green");
    stack
        .modern("UPDATE orders SET notes = 'drift' WHERE id = '2'")
        .await;
    stack.run("/reconciliation/run").await;
    let red = stack.parity().await.unwrap();
    assert_eq!(red["state"], "red", "{red:#}");
    assert_eq!(red["missing"], json!(["order: 1 rows differ (2)"]));
    let shown = stack
        .control(Method::GET, "/api/reconciliation", "")
        .await
        .json;
    let orders = shown["tables"].as_array().unwrap();
    let orders = orders
        .iter()
        .find(|table| table["table"] == "orders")
        .unwrap();
    assert_eq!(
        (&orders["verdict"], &orders["ids"]),
        (&"different".into(), &json!(["2"]))
    );
    // So is a line of it that differs.
    let line = "(SELECT min(id) FROM order_items WHERE order_id = '5')";
    stack
        .modern(&format!(
            "UPDATE orders SET notes = NULL WHERE id = '2';
             UPDATE order_items SET quantity = quantity + 1 WHERE id = {line}"
        ))
        .await;
    stack.run("/reconciliation/run").await;
    let red = stack.parity().await.unwrap();
    assert_eq!(red["state"], "red", "{red:#}");
    // The copy brings the rows up to date again.
    stack.run("/migration/runs").await;
    stack.run("/reconciliation/run").await;
    assert_eq!(stack.parity().await.unwrap()["state"], "green");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_result_of_a_comparison_is_refused() {
    let stack = Stack::start().await;
    let tell = async |body: Value| {
        stack
            .control(Method::POST, "/api/reconciliation", &body.to_string())
            .await
    };
    let table = |name: &str, compared: Value| {
        json!({ "source": "T", "table": name, "entity": null, "verdict": "equal", "compared": compared,
                "began_at": "2026-11-23T00:00:00Z", "different": 0, "not_verified": 0, "ids": [] })
    };
    let result = |tables: Value| json!({ "tables": tables });
    let sound = tell(result(json!([table("t", json!(1))]))).await;
    assert_eq!((sound.status, sound.text.as_str()), (200, r#"{"taken":1}"#));
    let mut older = table("t", json!(2));
    older["began_at"] = json!("2026-11-22T00:00:00Z");
    let taken = tell(result(json!([older.clone()]))).await;
    assert_eq!(taken.text, r#"{"taken":0}"#);
    older["began_at"] = json!("yesterday");
    let many: Vec<Value> = (0..1001).map(|n| table(&n.to_string(), json!(1))).collect();
    for wrong in [
        json!([]),
        json!(7),
        json!({}),
        json!(null),
        result(json!([table("", json!(1))])),
        result(json!([table("a\u{0}", json!(1))])),
        result(json!([table(&"x".repeat(300), json!(1))])),
        result(json!([table("t", json!(-1))])),
        result(json!([table("t", json!(u64::MAX))])),
        result(json!([{ "table": "t" }])),
        result(json!(many)),
        result(json!([older])),
    ] {
        let refused = tell(wrong.clone()).await;
        assert_eq!(
            refused.status,
            400,
            "{:.200} {}",
            wrong.to_string(),
            refused.text
        );
        assert!(refused.text.len() < 1000);
    }
    // A clock that runs ahead keeps nothing fresh for longer, and counts outweigh words.
    let mut ahead = table("u", json!(1));
    ahead["different"] = json!(3);
    ahead["began_at"] = json!("2099-01-01T00:00:00Z");
    assert_eq!(tell(result(json!([ahead]))).await.status, 200);
    let shown = stack
        .control(Method::GET, "/api/reconciliation", "")
        .await
        .json;
    let told = shown["tables"]
        .as_array()
        .unwrap()
        .iter()
        .find(|one| one["table"] == "u")
        .unwrap()
        .clone();
    assert_eq!(told["verdict"], "different");
    assert!(
        !told["began_at"].as_str().unwrap().starts_with("2099"),
        "{told:#}"
    );
    let tables = shown["tables"].as_array().unwrap().len();
    assert_eq!(tables, 2, "{shown:#}");
}
