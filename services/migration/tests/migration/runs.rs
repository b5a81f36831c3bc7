//! What a run carries over, what it refuses, and what validation sees.

use migration_service::{Check, migrate};

use crate::sides::{Sides, open};

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
