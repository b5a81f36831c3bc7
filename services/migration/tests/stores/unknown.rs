//! Keys that cannot be read exactly: rows behind them are not passed over in silence.

use migration_service::store::Range;
use migration_service::value::Value;

use crate::bed::{Bed, Kind, whole};

/// What each kind calls a moment that is none of the calendar's.
const MOMENTS: [(Kind, &str, &str); 2] = [
    (Kind::Postgres, "timestamp", "-infinity"),
    (Kind::Mariadb, "datetime", "0000-00-00 00:00:00"),
];

#[tokio::test]
async fn a_page_behind_a_key_that_cannot_be_read_is_an_error_and_not_the_end() {
    for (kind, native, none) in MOMENTS {
        let bed = Bed::new(kind).await;
        bed.run(&format!(
            "CREATE TABLE t (since {native} NOT NULL, id int NOT NULL, PRIMARY KEY (since, id))"
        ))
        .await;
        for id in 1..=4 {
            let since = if id < 3 { none } else { "2026-01-02 03:04:05" };
            let row = format!("INSERT IGNORE INTO t VALUES ('{since}', {id})");
            let row = match kind {
                Kind::Mariadb => row,
                _ => row.replace(" IGNORE", ""),
            };
            bed.run(&row).await;
        }
        let source = bed.source().await;
        let select = whole(&*source, "t").await;
        let first = source.page(&select, &Range::default(), 2).await;
        let first = first.expect("a page");
        assert!(
            first
                .iter()
                .all(|row| matches!(row[0], Value::Unreadable(_))),
            "{kind:?}: {first:?}"
        );
        let behind = Range {
            after: Some(select.key_of(&first[1])),
            until: None,
        };
        let error = source.page(&select, &behind, 2).await;
        let error = error.expect_err("two rows are left").to_string();
        assert!(
            error.contains("cannot be read exactly"),
            "{kind:?}: {error}"
        );
        // No row is found under it either, and that of another key is.
        let last = source
            .page(&select, &Range::default(), 9)
            .await
            .expect("rows");
        let keys = [select.key_of(&first[0]), select.key_of(&last[3])];
        let found = source.at(&select, &keys).await.expect("rows");
        assert_eq!(found, [last[3].clone()], "{kind:?}");
    }
}
