//! Migration on real databases: the monolith's seed into a modern database, and rows gone bad.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "in a test, what is not there is a failed test"
)]

use std::{
    process::Command,
    time::{Duration, Instant},
};

use invoice_service::OrderClient;
use kit::testing::{Server, Target};
use migration_service::{Check, migrate, validate};
use serde_json::Value;
use sqlx::{SqlitePool, sqlite::SqlitePoolOptions};
use tempfile::TempDir;

/// A directory with a seeded legacy database, and room for a modern one.
struct Sides(TempDir);

impl Sides {
    async fn seeded() -> Self {
        let sides = Self(tempfile::tempdir().unwrap());
        let monolith = legacy_monolith::connect(&sides.legacy()).await.unwrap();
        assert!(legacy_monolith::seed(&monolith).await.unwrap());
        sides
    }

    fn legacy(&self) -> String {
        format!("sqlite:{}", self.0.path().join("legacy.db").display())
    }

    fn modern(&self) -> String {
        format!("sqlite:{}", self.0.path().join("modern.db").display())
    }

    async fn change_legacy(&self, sql: &'static str) {
        change(&self.legacy(), sql).await;
    }

    async fn checks(&self) -> Vec<Check> {
        validate(&self.legacy(), &self.modern()).await.unwrap()
    }

    /// Both sides, served.
    async fn served(self) -> (Target, Target) {
        let monolith = legacy_monolith::connect(&self.legacy()).await.unwrap();
        let legacy = Server::start(legacy_monolith::router(monolith)).await;
        let orders = order_service::connect(&self.modern()).await.unwrap();
        let orders = Server::start(order_service::router(orders)).await;
        let client = OrderClient::new(&orders.url()).unwrap();
        let invoices = invoice_service::connect(&self.modern(), client)
            .await
            .unwrap();
        let invoices = Server::start(invoice_service::router(invoices)).await;
        let modern = Target::two(&orders.url(), &invoices.url());
        let legacy_target = Target::one(&legacy.url());
        (
            legacy_target,
            modern.keeping(vec![legacy, orders, invoices], self.0),
        )
    }
}

async fn open(url: &str) -> SqlitePool {
    SqlitePoolOptions::new()
        .max_connections(1)
        .connect(url)
        .await
        .unwrap()
}

async fn change(url: &str, sql: &'static str) {
    let pool = open(url).await;
    sqlx::raw_sql(sql).execute(&pool).await.unwrap();
    pool.close().await;
}

/// The modern answer as the monolith shows it: times without their zone, and nothing else changed.
fn without_zones(value: &mut Value) {
    match value {
        Value::Object(object) => object.values_mut().for_each(without_zones),
        Value::Array(items) => items.iter_mut().for_each(without_zones),
        Value::String(text) if text.len() == "2026-01-02T03:04:05.003Z".len() => {
            if let Some(naive) = text.strip_suffix('Z') {
                *text = naive.to_owned();
            }
        }
        _ => {}
    }
}

fn by_id(list: &mut Value) {
    let key = |order: &Value| order["id"].as_str().unwrap().parse::<i64>().unwrap();
    list["data"].as_array_mut().unwrap().sort_by_key(key);
}

#[tokio::test]
async fn modern_answers_as_the_monolith_does_but_for_the_quirks() {
    let sides = Sides::seeded().await;
    let report = migrate(&sides.legacy(), &sides.modern()).await.unwrap();
    assert!(report.is_complete(), "{report}");
    let (legacy, modern) = sides.served().await;
    let mut paths = vec!["/invoices".to_owned(), "/invoices?status=PAID".to_owned()];
    for id in 1..=121 {
        paths.extend(["customers", "orders", "invoices"].map(|of| format!("/{of}/{id}")));
        paths.push(format!("/customers/{id}/orders"));
        paths.push(format!("/customers/{id}/orders?isActive=false"));
        paths.push(format!("/invoices?customerId={id}"));
        paths.push(format!("/invoices?orderId={id}"));
    }
    for path in paths {
        let (legacy, modern) = (legacy.get(&path).await, modern.get(&path).await);
        assert_eq!(legacy.status, modern.status, "{path}");
        let mut converted = modern.json;
        without_zones(&mut converted);
        if path.contains("/orders") && legacy.status == 200 && path.starts_with("/customers") {
            by_id(&mut converted);
        }
        assert_eq!(legacy.json, converted, "{path}");
        assert_eq!(
            legacy.headers["content-type"],
            modern.headers["content-type"]
        );
    }
}

#[tokio::test]
async fn a_second_run_changes_nothing() {
    let sides = Sides::seeded().await;
    let first = migrate(&sides.legacy(), &sides.modern()).await.unwrap();
    let second = migrate(&sides.legacy(), &sides.modern()).await.unwrap();
    for (first, second) in first.tables.iter().zip(&second.tables) {
        assert_eq!(
            (first.written, first.unchanged),
            (first.read, 0),
            "{}",
            first.table
        );
        assert_eq!(
            (second.written, second.unchanged),
            (0, first.read),
            "{}",
            second.table
        );
    }
    assert!(sides.checks().await.iter().all(Check::agrees));
}

#[tokio::test]
async fn a_changed_row_is_brought_up_to_date_and_only_that() {
    let sides = Sides::seeded().await;
    migrate(&sides.legacy(), &sides.modern()).await.unwrap();
    sides
        .change_legacy("UPDATE Orders SET Total = Total + 1, Notes = NULL WHERE Id = 7")
        .await;
    let differing = sides
        .checks()
        .await
        .into_iter()
        .filter(|check| !check.agrees())
        .count();
    assert_eq!(differing, 1);
    let report = migrate(&sides.legacy(), &sides.modern()).await.unwrap();
    let written: Vec<u64> = report.tables.iter().map(|table| table.written).collect();
    assert_eq!(written, [0, 1, 0, 0]);
    assert!(sides.checks().await.iter().all(Check::agrees));
}

#[tokio::test]
async fn bad_rows_are_refused_with_table_key_and_reason_and_the_rest_arrives() {
    let sides = Sides::seeded().await;
    sides
        .change_legacy(
            "UPDATE Customers SET CreatedAt = 'yesterday' WHERE Id = 40;
             UPDATE Orders SET Total = 10000000000 WHERE Id = 119;
             UPDATE Orders SET UpdatedAt = '2026-01-01 00:00:00.001' WHERE Id = 118;",
        )
        .await;
    let report = migrate(&sides.legacy(), &sides.modern()).await.unwrap();
    let reason = |table: &str, key: i64| {
        let refusal = report
            .refusals
            .iter()
            .find(|one| one.table == table && one.key == key);
        refusal
            .map(|refusal| refusal.reason.clone())
            .unwrap_or_default()
    };
    assert_eq!(
        reason("Customers", 40),
        "CreatedAt: \"yesterday\" is no datetime"
    );
    assert!(
        reason("Orders", 119).contains("CHECK constraint failed"),
        "{report}"
    );
    assert!(
        reason("Orders", 118).contains("is not on a tick"),
        "{report}"
    );
    let lines: Vec<_> = report
        .refusals
        .iter()
        .filter(|one| one.table == "OrderLines")
        .collect();
    assert!(!lines.is_empty());
    assert!(
        lines.iter().all(|line| line.reason.contains("FOREIGN KEY")),
        "{report}"
    );
    assert_eq!(report.tables[0].written, 39);
    assert_eq!(report.tables[1].written, 118);
    let rows: Vec<_> = sides
        .checks()
        .await
        .into_iter()
        .filter(|one| one.figure == "rows")
        .collect();
    assert_eq!((rows[0].legacy, rows[0].modern), (40, 39));

    // Once the rows are mended, a further run takes them and the refusals are gone.
    sides
        .change_legacy(
            "UPDATE Customers SET CreatedAt = UpdatedAt WHERE Id = 40;
             UPDATE Orders SET Total = Subtotal, UpdatedAt = CreatedAt WHERE Id IN (118, 119);",
        )
        .await;
    let report = migrate(&sides.legacy(), &sides.modern()).await.unwrap();
    assert!(report.is_complete(), "{report}");
    assert!(sides.checks().await.iter().all(Check::agrees));
}

#[tokio::test]
async fn a_run_that_was_cut_short_goes_on_where_it_stopped() {
    let sides = Sides::seeded().await;
    sides
        .change_legacy(
            "INSERT INTO Customers (Id, Email, FirstName, LastName, CreatedAt, UpdatedAt)
             WITH RECURSIVE n (i) AS (SELECT 41 UNION ALL SELECT i + 1 FROM n WHERE i < 2500)
             SELECT i, i || '@example.com', 'A', 'B', '2026-01-01 00:00:00.000',
                    '2026-01-01 00:00:00.000' FROM n",
        )
        .await;
    migrate(&sides.legacy(), &sides.modern()).await.unwrap();
    change(
        &sides.modern(),
        "DELETE FROM invoices; DELETE FROM order_items; DELETE FROM orders; DELETE FROM customers;
         DELETE FROM migration_checkpoints;
         CREATE TRIGGER fault AFTER INSERT ON customers WHEN NEW.id = '1500'
         BEGIN SELECT json('no json'); END;",
    )
    .await;
    let error = migrate(&sides.legacy(), &sides.modern()).await.unwrap_err();
    assert_eq!(error.to_string(), "could not write customers");
    change(&sides.modern(), "DROP TRIGGER fault").await;
    let report = migrate(&sides.legacy(), &sides.modern()).await.unwrap();
    // The first page had been committed with its checkpoint; the second was undone as a whole.
    assert_eq!(
        (report.tables[0].read, report.tables[0].written),
        (1500, 1500)
    );
    assert!(sides.checks().await.iter().all(Check::agrees));
}

#[tokio::test]
async fn a_killed_run_neither_loses_nor_doubles_a_row() {
    let sides = Sides::seeded().await;
    sides
        .change_legacy(
            "INSERT INTO Customers (Id, Email, FirstName, LastName, CreatedAt, UpdatedAt)
             WITH RECURSIVE n (i) AS (SELECT 41 UNION ALL SELECT i + 1 FROM n WHERE i < 20000)
             SELECT i, i || '@example.com', 'A', 'B', '2026-01-01 00:00:00.000',
                    '2026-01-01 00:00:00.000' FROM n",
        )
        .await;
    order_service::connect(&sides.modern()).await.unwrap();
    let modern = open(&sides.modern()).await;
    let arrived = async || -> i64 {
        let count = sqlx::query_scalar("SELECT count(*) FROM customers");
        count.fetch_one(&modern).await.unwrap()
    };
    for _ in 0..3 {
        let before = arrived().await;
        let mut run = Command::new(env!("CARGO_BIN_EXE_cutover-data"))
            .args([
                "migrate",
                "--from",
                &sides.legacy(),
                "--to",
                &sides.modern(),
            ])
            .spawn()
            .unwrap();
        let deadline = Instant::now() + Duration::from_secs(30);
        while arrived().await == before && Instant::now() < deadline {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        run.kill().unwrap();
        run.wait().unwrap();
    }
    let left = 20_000 - arrived().await;
    let report = migrate(&sides.legacy(), &sides.modern()).await.unwrap();
    assert_eq!(report.tables[0].written, u64::try_from(left).unwrap());
    assert!(sides.checks().await.iter().all(Check::agrees));
}

#[tokio::test]
async fn sums_beyond_64_bits_are_exact() {
    let sides = Sides::seeded().await;
    order_service::connect(&sides.modern()).await.unwrap();
    sides
        .change_legacy(
            "UPDATE Orders SET Total = 999999999999999999 - Id WHERE Id <= 30;
             UPDATE Orders SET Total = -1 WHERE Id > 30;",
        )
        .await;
    let checks = sides.checks().await;
    let total = checks
        .iter()
        .find(|one| one.table == "Orders" && one.figure == "Total")
        .unwrap();
    assert_eq!(
        total.legacy,
        30 * 999_999_999_999_999_999 - (1..=30).sum::<i128>() - 90
    );
    assert_eq!(total.modern, 0);
}

#[tokio::test]
async fn trailing_blanks_of_padded_columns_do_not_come_over() {
    let sides = Sides::seeded().await;
    migrate(&sides.legacy(), &sides.modern()).await.unwrap();
    let padded = "SELECT count(*) FROM OrderLines WHERE ProductId LIKE '% '";
    let legacy: i64 = sqlx::query_scalar(padded)
        .fetch_one(&open(&sides.legacy()).await)
        .await
        .unwrap();
    let kept = "SELECT count(*) FROM order_items WHERE product_id LIKE '% '";
    let modern: i64 = sqlx::query_scalar(kept)
        .fetch_one(&open(&sides.modern()).await)
        .await
        .unwrap();
    assert!(legacy > 0);
    assert_eq!(modern, 0);
}

#[tokio::test]
async fn the_command_says_by_its_exit_code_how_it_went() {
    let sides = Sides::seeded().await;
    let run = |arguments: &[&str]| {
        let output = Command::new(env!("CARGO_BIN_EXE_cutover-data"))
            .args(arguments)
            .output();
        output.unwrap().status.code()
    };
    let (legacy, modern) = (sides.legacy(), sides.modern());
    let both = ["--from", legacy.as_str(), "--to", modern.as_str()];
    assert_eq!(run(&[&["validate"], &both[..]].concat()), Some(2));
    assert_eq!(run(&[&["migrate"], &both[..]].concat()), Some(0));
    assert_eq!(run(&[&["validate"], &both[..]].concat()), Some(0));
    assert_eq!(
        run(&["migrate", "--from", "sqlite:/nowhere/a.db", "--to", &modern]),
        Some(2)
    );
    assert_eq!(run(&["migrate", "--from", &legacy]), Some(64));
    sides
        .change_legacy("UPDATE Customers SET UpdatedAt = '' WHERE Id = 1")
        .await;
    assert_eq!(run(&[&["migrate"], &both[..]].concat()), Some(1));
}
