//! Rows that cannot come over, and sums that are larger than any column.

use migration_service::load::Report;

use crate::sides::{Sides, sqlite_to_postgres};

fn reason(report: &Report, table: &str, key: i64) -> String {
    let mut refusals = report.refused.iter();
    let refusal = refusals.find(|one| one.source == table && one.key == key.to_string());
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
    let report = sides.migrate().await;
    for (table, key, expected) in [
        ("Customers", 40, "CreatedAt: \"yesterday\" is no datetime"),
        (
            "Orders",
            119,
            "Total: 10000000000 does not fit decimal(10, 2)",
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
    let of_lines = |one: &&migration_service::store::Quarantined| one.source == "OrderLines";
    let mut lines = report.refused.iter().filter(of_lines).peekable();
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
    // Once the rows are mended, a further run takes them and the refusals are gone.
    sides
        .change_legacy(
            "UPDATE Customers SET CreatedAt = UpdatedAt WHERE Id = 40;
             UPDATE Orders SET Total = Subtotal, UpdatedAt = CreatedAt WHERE Id IN (118, 119);
             UPDATE Invoices SET Number = 'INV-209901-0001' WHERE Id = 20;",
        )
        .await;
    let report = sides.migrate().await;
    assert!(report.is_complete(), "{report}");
    assert_eq!(sides.differences().await, Vec::<String>::new());
}

pub(crate) async fn a_table_without_a_good_row_is_refused_to_its_last(sides: &Sides) {
    sides
        .change_legacy("UPDATE Customers SET CreatedAt = ''")
        .await;
    let report = sides.migrate().await;
    for table in &report.tables {
        assert_eq!((table.refused, table.written), (table.read, 0), "{report}");
    }
    assert_eq!(
        report.refused.len(),
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
    let report = sides.migrate().await;
    let refused = reason(&report, "Customers", 39);
    assert!(refused.contains("0x00"), "{report}");
    assert_eq!(report.tables[0].written, 39);
}
