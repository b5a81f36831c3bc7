//! Runs that end before their time, and the command's exit codes.

use std::{
    process::Command,
    time::{Duration, Instant},
};

use migration_service::{Check, migrate};

use crate::sides::{Sides, change, open};

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
