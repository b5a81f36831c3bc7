//! Comparisons, and questions about rows, over HTTP.

use http::Method;
use serde_json::{Value, json};

use crate::process::Service;
use crate::sides::Sides;

async fn copied(sides: &Sides, more: &[&str]) -> Service {
    let service = Service::start(sides, more).await;
    let place = service.begin("/migration/runs", "").await;
    assert_eq!(service.ended(&place).await["state"], "finished");
    service
}

async fn rows(service: &Service, question: Value) -> Value {
    let answer = service
        .post("/reconciliation/rows", &question.to_string())
        .await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    answer.json["rows"].clone()
}

#[tokio::test]
async fn what_drifted_is_found_and_what_was_repaired_is_equal() {
    let sides = Sides::sqlite().await;
    let service = copied(&sides, &[]).await;
    let place = service
        .begin("/reconciliation/run", r#"{"settle": "10ms"}"#)
        .await;
    assert_eq!(service.ended(&place).await["report"]["verdict"], "equal");
    sides
        .modern("UPDATE customers SET city = '<b>Drift</b>' WHERE id = '7'")
        .await;
    let place = service
        .begin("/reconciliation/run", r#"{"settle": "10ms"}"#)
        .await;
    let found = service.ended(&place).await;
    assert_eq!(found["report"]["verdict"], "different");
    assert_eq!(found["report"]["tables"][0]["ledger"]["different"], 1);
    let page = service
        .ask(Method::GET, &place, &[("accept", "text/html")], "")
        .await;
    assert!(
        page.headers["content-type"]
            .to_str()
            .unwrap()
            .starts_with("text/html")
    );
    assert!(
        page.text.contains("customers") && !page.text.contains("<b>Drift"),
        "{}",
        page.text
    );
    sides.modern("UPDATE customers SET city = (SELECT city FROM customers WHERE id = '8') WHERE id = '7'").await;
    let copied = service.begin("/migration/runs", "").await;
    assert_eq!(service.ended(&copied).await["state"], "finished");
    let options = r#"{"settle": "10ms", "tables": ["Customers"]}"#;
    let place = service.begin("/reconciliation/run", options).await;
    let equal = service.ended(&place).await;
    assert_eq!(equal["report"]["verdict"], "equal", "{equal:#}");
    assert_eq!(equal["report"]["tables"].as_array().unwrap().len(), 1);
    let listed = service.get("/reconciliation/reports").await.json;
    assert_eq!(listed["runs"].as_array().unwrap().len(), 3);
}

#[tokio::test]
async fn a_first_look_verifies_nothing_and_says_so() {
    let sides = Sides::sqlite().await;
    let service = copied(&sides, &[]).await;
    let place = service
        .begin("/reconciliation/run", r#"{"quick": true}"#)
        .await;
    assert_eq!(
        service.ended(&place).await["report"]["verdict"],
        "not_verified"
    );
    let place = service
        .begin("/reconciliation/run", r#"{"tables": ["Nobody"]}"#)
        .await;
    let failed = service.ended(&place).await;
    assert_eq!(failed["error"], "the mapping has no table `Nobody`");
}

async fn each_row_is_told_apart(sides: Sides) {
    let service = copied(&sides, &[]).await;
    sides
        .modern("UPDATE orders SET total = total + 1 WHERE id = '2'")
        .await;
    sides
        .modern("UPDATE order_items SET quantity = quantity + 1 WHERE order_id = '4'")
        .await;
    sides
        .modern("DELETE FROM order_items WHERE order_id = '3'")
        .await;
    sides
        .modern("DELETE FROM invoices WHERE order_id = '3'")
        .await;
    sides.modern("DELETE FROM orders WHERE id = '3'").await;
    let pair = |modern: &str| json!({ "legacy": "1", "modern": modern });
    let ids = json!(["1", "2", "3", "999999", "x", pair("1"), pair("0192-a")]);
    let told = rows(&service, json!({ "entity": "order", "ids": ids })).await;
    let own = told.as_array().unwrap().iter();
    let own = own.filter(|row| row["belongs_to"].is_null());
    let told: Value = own.cloned().collect();
    let verdicts: Vec<&str> = told
        .as_array()
        .unwrap()
        .iter()
        .map(|row| row["verdict"].as_str().unwrap())
        .collect();
    assert_eq!(
        verdicts,
        [
            "equal",
            "different",
            "missing",
            "unknown",
            "unknown",
            "equal",
            "unknown"
        ],
        "{told:#}"
    );
    let different = &told[1]["differences"];
    assert_eq!(different[0]["column"], "total", "{different}");
    assert_eq!(told[3]["why"], "neither side has it");
    assert!(
        told[6]["why"].as_str().unwrap().contains("0192-a"),
        "{told:#}"
    );
    // What belongs to an order is compared with it.
    let told = rows(&service, json!({ "entity": "order", "ids": ["4"] })).await;
    assert_eq!(told[0]["verdict"], "equal", "{told:#}");
    let line = &told[1];
    assert_eq!(line["belongs_to"], "4");
    assert!(line["table"].as_str().unwrap().ends_with("order_items"));
    assert_eq!(line["differences"][0]["column"], "quantity");
    // A line that has moved in legacy, which the target lacks as yet, is there on both sides.
    sides
        .legacy("UPDATE OrderLines SET OrderId = 6 WHERE OrderId = 5")
        .await;
    let told = rows(&service, json!({ "entity": "order", "ids": ["5"] })).await;
    let line = &told[1];
    assert_eq!(line["verdict"], "different", "{told:#}");
    assert_eq!(line["differences"][0]["column"], "order_id");
    let keys = json!({ "table": "Orders", "keys": [["1"], ["1", "2"]] });
    let told = rows(&service, keys).await;
    assert_eq!(
        (&told[0]["verdict"], &told[1]["verdict"]),
        (&"equal".into(), &"unknown".into())
    );
}

#[tokio::test]
async fn each_row_is_told_apart_on_sqlite() {
    each_row_is_told_apart(Sides::sqlite().await).await;
}

#[tokio::test]
async fn each_row_is_told_apart_on_postgres() {
    each_row_is_told_apart(Sides::postgres().await).await;
}

#[tokio::test]
async fn an_entity_is_compared_in_each_of_its_tables() {
    let sides = Sides::sqlite().await;
    let sample = std::fs::read_to_string(crate::sides::MAPPING).unwrap();
    let mapping = sides.directory.path().join("mapping.toml");
    let shared = sample.replace("entity = \"invoice\"", "entity = \"order\"");
    std::fs::write(&mapping, shared).unwrap();
    let service = Service::start_with(&sides, mapping.to_str().unwrap(), &[]).await;
    let place = service.begin("/migration/runs", "").await;
    assert_eq!(service.ended(&place).await["state"], "finished");
    sides.legacy("DELETE FROM Invoices WHERE Id = 2").await;
    sides
        .modern(
            "DELETE FROM invoices WHERE id = '2'; UPDATE invoices SET total = total + 1 WHERE id = '3'",
        )
        .await;
    let ids = json!(["2", "3", "999999"]);
    let told = rows(&service, json!({ "entity": "order", "ids": ids })).await;
    let told = told.as_array().unwrap().iter().map(|row| {
        let of = |name: &str| row[name].as_str().unwrap().to_owned();
        (of("id"), of("table"), of("verdict"))
    });
    let expected = [
        ("2", "orders", "equal"),
        ("3", "orders", "equal"),
        ("3", "invoices", "different"),
        ("999999", "orders", "unknown"),
    ];
    let expected = expected.map(|(id, table, is)| (id.into(), table.into(), is.into()));
    assert_eq!(told.collect::<Vec<(String, String, String)>>(), expected);
}

#[tokio::test]
async fn comparisons_come_by_themselves_where_a_schedule_says_so() {
    let sides = Sides::sqlite().await;
    copied(&sides, &[]).await.terminate();
    let service = Service::start(&sides, &["--every", "1s"]).await;
    let deadline = std::time::Instant::now() + crate::process::PATIENCE;
    loop {
        let listed = service.get("/reconciliation/reports").await.json;
        let runs = listed["runs"].as_array().unwrap();
        let ended = runs.iter().filter(|run| run["state"] == "finished").count();
        if ended >= 2 {
            return;
        }
        assert!(std::time::Instant::now() < deadline, "{listed:#}");
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
}
