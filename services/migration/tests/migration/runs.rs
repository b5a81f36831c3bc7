//! What a run carries over, and what a further run makes of it.

use crate::sides::Sides;

pub(crate) async fn a_second_run_changes_nothing(sides: &Sides) {
    let first = sides.migrate().await;
    let second = sides.migrate().await;
    assert_eq!(first.tables.len(), 4);
    for (first, second) in first.tables.iter().zip(&second.tables) {
        assert!(first.read > 0, "{}", first.source);
        let (written, unchanged) = (first.written, first.unchanged);
        assert_eq!((written, unchanged), (first.read, 0), "{}", first.source);
        let (written, unchanged) = (second.written, second.unchanged);
        assert_eq!((written, unchanged), (0, first.read), "{}", second.source);
    }
    assert_eq!(sides.differences().await, Vec::<String>::new());
}

pub(crate) async fn a_changed_row_is_brought_up_to_date_and_only_that(sides: &Sides) {
    sides.migrate().await;
    sides
        .change_legacy("UPDATE Orders SET Total = Total + 1, Notes = NULL WHERE Id = 7")
        .await;
    // The row as it should be is missing, and as it was it is too much.
    assert_eq!(sides.differences().await.len(), 2);
    let report = sides.migrate().await;
    let written: Vec<u64> = report.tables.iter().map(|table| table.written).collect();
    assert_eq!(written, [0, 1, 0, 0]);
    assert_eq!(sides.differences().await, Vec::<String>::new());
}

pub(crate) async fn a_finished_table_is_left_alone_where_that_is_asked_for(sides: &Sides) {
    let first = sides.migrate_once().await;
    assert_eq!(first.tables[0].written, 40);
    sides
        .change_modern("UPDATE customers SET first_name = 'Modern' WHERE id = '7'")
        .await;
    let second = sides.migrate_once().await;
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
    sides.migrate().await;
    let modern = "SELECT count(*) FROM order_items WHERE product_id LIKE '% '";
    assert_eq!(sides.modern_number(modern).await, 0);
    let shorter = "SELECT count(*) FROM order_items WHERE length(product_id) < 20";
    assert!(sides.modern_number(shorter).await > 0);
}

pub(crate) async fn a_row_that_is_gone_from_the_source_goes_only_where_that_is_asked_for(
    sides: &Sides,
) {
    sides.migrate().await;
    let gone = "DELETE FROM Invoices WHERE Id IN (3, 5, 7)";
    sides.change_legacy(gone).await;
    assert_eq!(sides.migrate().await.tables[3].deleted, 0);
    assert_eq!(sides.differences().await.len(), 3);
    let refused = sides.migrate_deleting(2).await.unwrap_err().to_string();
    assert!(
        refused.contains("invoices: 3 of ") && refused.ends_with("at most 2 may be deleted"),
        "{refused}"
    );
    assert_eq!(sides.differences().await.len(), 3, "nothing was deleted");
    // What the modern side made has no place in the source, and is not the source's to delete.
    let own = "UPDATE invoices SET id = '0192f0c1-own', order_id = order_id WHERE id = '9'";
    sides.change_modern(own).await;
    // Nobody has counted what would go with them.
    let notes =
        "CREATE TABLE notes (invoice VARCHAR(60) REFERENCES invoices (id) ON DELETE CASCADE)";
    sides.change_modern(notes).await;
    let refused = sides.migrate_deleting(3).await.unwrap_err().to_string();
    assert!(refused.contains("rows of notes would go"), "{refused}");
    assert_eq!(sides.differences().await.len(), 5, "nothing was deleted");
    sides.change_modern("DROP TABLE notes").await;
    let report = sides.migrate_deleting(3).await.unwrap();
    assert_eq!(report.tables[3].deleted, 3);
    let own = "SELECT count(*) FROM invoices WHERE id = '0192f0c1-own'";
    assert_eq!(sides.modern_number(own).await, 1);
}

pub(crate) async fn a_source_that_is_suddenly_empty_empties_nothing(sides: &Sides) {
    sides.migrate().await;
    sides.change_legacy("DELETE FROM Invoices").await;
    let refused = sides.migrate_deleting(10).await.unwrap_err().to_string();
    assert!(
        refused.contains("rows are not in the source any more"),
        "{refused}"
    );
    assert!(sides.modern_number("SELECT count(*) FROM invoices").await > 10);
}

pub(crate) async fn an_order_is_brought_up_to_date_with_its_lines(sides: &Sides) {
    sides.migrate().await;
    sides
        .change_legacy(
            "UPDATE Orders SET Total = Total + 1 WHERE Id IN (7, 8);
             DELETE FROM OrderLines WHERE Id = (SELECT max(Id) FROM OrderLines WHERE OrderId = 7);
             UPDATE OrderLines SET Quantity = Quantity + 1 WHERE OrderId IN (7, 8);",
        )
        .await;
    let before = sides.differences().await.len();
    let done = sides.sync("order", "7").await.unwrap();
    assert!(
        done.changed >= 1 && done.deleted == 1 && done.refused == 0,
        "{done:?}"
    );
    let after = sides.differences().await;
    assert!(after.len() < before, "{after:?}");
    sides.sync("order", "8").await.unwrap();
    assert_eq!(sides.differences().await, Vec::<String>::new());
    let nothing = sides.sync("order", "8").await.unwrap();
    assert_eq!((nothing.changed, nothing.deleted), (0, 0));
    for (entity, id, expected) in [
        (
            "basket",
            "1",
            "no table of the mapping says entity = \"basket\"",
        ),
        ("order", "one", "`one` is no id of Orders"),
    ] {
        let error = sides.sync(entity, id).await.unwrap_err();
        assert_eq!(error.to_string(), expected);
    }
}

pub(crate) async fn a_line_that_moved_to_another_order_is_moved_and_not_deleted(sides: &Sides) {
    sides.migrate().await;
    let moved = "UPDATE OrderLines SET OrderId = 8
         WHERE Id = (SELECT max(Id) FROM OrderLines WHERE OrderId = 7)";
    sides.change_legacy(moved).await;
    // Only the order that it left is named.
    let done = sides.sync("order", "7").await.unwrap();
    assert_eq!((done.changed, done.deleted, done.refused), (1, 0, 0));
    assert_eq!(sides.differences().await, Vec::<String>::new());
}
