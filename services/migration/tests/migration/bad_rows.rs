//! Rows that cannot come over, and sums that are larger than any column.

use migration_service::{Check, Report, migrate};
use rust_decimal::Decimal;

use crate::sides::{Sides, sqlite_to_postgres};

fn reason(report: &Report, table: &str, key: i64) -> String {
    let mut refusals = report.refusals.iter();
    let refusal = refusals.find(|one| one.table == table && one.key == key);
    refusal
        .map(|refusal| refusal.reason.clone())
        .unwrap_or_default()
}

pub(crate) async fn bad_rows_are_refused_with_table_key_and_reason_and_the_rest_arrives(
    sides: &Sides,
) {
    sides
        .change_legacy(
            "UPDATE Customers SET CreatedAt = 'yesterday' WHERE Id = 40;
             UPDATE Orders SET Total = 10000000000 WHERE Id = 119;
             UPDATE Orders SET UpdatedAt = '2026-01-01 00:00:00.001' WHERE Id = 118;
             UPDATE Invoices SET Number = 'INV-1' WHERE Id = 20;",
        )
        .await;
    let report = migrate(&sides.legacy, &sides.modern).await.unwrap();
    for (table, key, expected) in [
        ("Customers", 40, "CreatedAt: \"yesterday\" is no datetime"),
        (
            "Orders",
            119,
            "Total: 10000000000 does not fit numeric(10,2)",
        ),
        (
            "Orders",
            118,
            "UpdatedAt: \"2026-01-01 00:00:00.001\" is not on a tick of datetime",
        ),
    ] {
        assert_eq!(reason(&report, table, key), expected, "{report}");
    }
    let number = reason(&report, "Invoices", 20).to_lowercase();
    assert!(number.contains("check constraint"), "{report}");
    let of_lines = |one: &&migration_service::Refusal| one.table == "OrderLines";
    let mut lines = report.refusals.iter().filter(of_lines).peekable();
    assert!(lines.peek().is_some(), "{report}");
    assert!(
        lines.all(|line| line.reason.to_lowercase().contains("foreign key")),
        "{report}"
    );
    let written: Vec<u64> = report.tables.iter().map(|table| table.written).collect();
    assert_eq!(written[..2], [39, 118], "{report}");
    for table in &report.tables {
        assert_eq!(table.written + table.refused, table.read, "{report}");
    }
    let rows: Vec<_> = sides
        .checks()
        .await
        .into_iter()
        .filter(|one| one.figure == "rows")
        .collect();
    assert_eq!((rows[0].legacy, rows[0].modern), (40.into(), 39.into()));

    // Once the rows are mended, a further run takes them and the refusals are gone.
    sides
        .change_legacy(
            "UPDATE Customers SET CreatedAt = UpdatedAt WHERE Id = 40;
             UPDATE Orders SET Total = Subtotal, UpdatedAt = CreatedAt WHERE Id IN (118, 119);
             UPDATE Invoices SET Number = 'INV-209901-0001' WHERE Id = 20;",
        )
        .await;
    let report = migrate(&sides.legacy, &sides.modern).await.unwrap();
    assert!(report.is_complete(), "{report}");
    assert!(sides.checks().await.iter().all(Check::agrees));
}

pub(crate) async fn a_table_without_a_good_row_is_refused_to_its_last(sides: &Sides) {
    sides
        .change_legacy("UPDATE Customers SET CreatedAt = ''")
        .await;
    let report = migrate(&sides.legacy, &sides.modern).await.unwrap();
    for table in &report.tables {
        assert_eq!((table.refused, table.written), (table.read, 0), "{report}");
    }
    assert_eq!(
        report.refusals.len(),
        100,
        "a report lists the first hundred"
    );
}

#[tokio::test]
async fn a_text_that_postgres_cannot_hold_is_refused() {
    let sides = sqlite_to_postgres().await.unwrap();
    sides
        .change_legacy("UPDATE Customers SET City = 'a' || char(0) WHERE Id = 39")
        .await;
    let report = migrate(&sides.legacy, &sides.modern).await.unwrap();
    let refused = reason(&report, "Customers", 39);
    assert!(refused.contains("0x00"), "{report}");
    assert_eq!(report.tables[0].written, 39);
}

pub(crate) async fn sums_beyond_64_bits_are_exact(sides: &Sides) {
    order_service::connect(&sides.modern).await.unwrap();
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
    let hundredths = 30 * 999_999_999_999_999_999 - (1..=30).sum::<i128>() - 90;
    assert_eq!(total.legacy, Decimal::from_i128_with_scale(hundredths, 2));
    assert_eq!(total.modern, Decimal::ZERO);
}
