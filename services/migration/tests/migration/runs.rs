//! What a run carries over, and what a further run makes of it.

use migration_service::{Check, migrate, migrate_once};

use crate::sides::Sides;

pub(crate) async fn a_second_run_changes_nothing(sides: &Sides) {
    let first = migrate(&sides.legacy, &sides.modern).await.unwrap();
    let second = migrate(&sides.legacy, &sides.modern).await.unwrap();
    assert_eq!(first.tables.len(), 4);
    for (first, second) in first.tables.iter().zip(&second.tables) {
        assert!(first.read > 0, "{}", first.table);
        let (written, unchanged) = (first.written, first.unchanged);
        assert_eq!((written, unchanged), (first.read, 0), "{}", first.table);
        let (written, unchanged) = (second.written, second.unchanged);
        assert_eq!((written, unchanged), (0, first.read), "{}", second.table);
    }
    assert!(sides.checks().await.iter().all(Check::agrees));
}

pub(crate) async fn a_changed_row_is_brought_up_to_date_and_only_that(sides: &Sides) {
    migrate(&sides.legacy, &sides.modern).await.unwrap();
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
    let report = migrate(&sides.legacy, &sides.modern).await.unwrap();
    let written: Vec<u64> = report.tables.iter().map(|table| table.written).collect();
    assert_eq!(written, [0, 1, 0, 0]);
    assert!(sides.checks().await.iter().all(Check::agrees));
}

pub(crate) async fn a_finished_table_is_left_alone_where_that_is_asked_for(sides: &Sides) {
    let first = migrate_once(&sides.legacy, &sides.modern).await.unwrap();
    assert_eq!(first.tables[0].written, 40);
    sides
        .change_modern("UPDATE customers SET first_name = 'Modern' WHERE id = '7'")
        .await;
    let second = migrate_once(&sides.legacy, &sides.modern).await.unwrap();
    assert!(second.is_complete(), "{second}");
    assert!(
        second.tables.iter().all(|table| table.read == 0),
        "{second}"
    );
    let kept = "SELECT count(*) FROM customers WHERE first_name = 'Modern'";
    assert_eq!(sides.modern_number(kept).await, 1);
}

pub(crate) async fn trailing_blanks_of_padded_columns_do_not_come_over(sides: &Sides) {
    // The monolith pads every product; one that fills its column has no blank.
    migrate(&sides.legacy, &sides.modern).await.unwrap();
    let modern = "SELECT count(*) FROM order_items WHERE product_id LIKE '% '";
    assert_eq!(sides.modern_number(modern).await, 0);
    let shorter = "SELECT count(*) FROM order_items WHERE length(product_id) < 20";
    assert!(sides.modern_number(shorter).await > 0);
}
