//! Change tracking and rowversions, on recorded answers.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use kit::error::Cause;
use migration_service::feed::tracking::{Server, Tracking};
use migration_service::feed::{Feed, FeedError};
use migration_service::schema::ColumnSchema;
use migration_service::value::{Row, Value};

use crate::follow;
use crate::shop::Shop;

/// Answers questions in the order in which they are expected.
#[derive(Clone, Default)]
struct Recorded(Arc<Mutex<VecDeque<Exchange>>>);

/// A part of a question, and its answer.
type Exchange = (&'static str, Vec<Row>);

impl Recorded {
    fn will(&self, question: &'static str, answer: Vec<Row>) {
        self.0.lock().unwrap().push_back((question, answer));
    }

    fn tracked(&self) {
        self.will("sys.change_tracking_tables", vec![vec![Value::Int(1)]]);
    }

    fn versioned(&self) {
        self.will("sys.change_tracking_tables", vec![vec![Value::Int(0)]]);
        self.will(
            "system_type_id = 189",
            vec![vec![Value::text("RowVersion")]],
        );
    }

    fn is_done(&self) -> bool {
        self.0.lock().unwrap().is_empty()
    }
}

#[async_trait]
impl Server for Recorded {
    async fn rows(&self, columns: &[ColumnSchema], sql: String) -> Result<Vec<Row>, Cause> {
        let (question, answer) = self.0.lock().unwrap().pop_front().ok_or(sql.clone())?;
        assert!(sql.contains(question), "{sql} is not about {question}");
        // What is read is told by its column.
        assert!(answer.iter().all(|row| row.len() == columns.len()), "{sql}");
        Ok(answer)
    }
}

async fn tracking() -> (Shop, Recorded, Tracking<Recorded>) {
    let (shop, server) = (Shop::on_sqlite().await, Recorded::default());
    shop.sides.target.prepare().await.unwrap();
    let tracking = Tracking::new(server.clone(), Arc::clone(&shop.sides.target));
    (shop, server, tracking)
}

fn change(key: i64, version: i64) -> Row {
    vec![Value::Int(key), Value::Int(version)]
}

#[tokio::test]
async fn a_feed_begins_where_the_server_stands_and_moves_on_with_what_was_applied() {
    let (shop, server, feed) = tracking().await;
    let table = shop.sides.plan.tables.first().unwrap();
    server.tracked();
    server.will(
        "CHANGE_TRACKING_CURRENT_VERSION",
        vec![vec![Value::Int(40)]],
    );
    feed.start(table).await.unwrap();

    for _ in 0..2 {
        server.will(
            "MIN_VALID_VERSION(OBJECT_ID(N'[parent]'))",
            vec![vec![Value::Int(3)]],
        );
        server.will(
            "SELECT TOP (10) WITH TIES [id], c.SYS_CHANGE_VERSION FROM CHANGETABLE(CHANGES [parent], 40)",
            vec![change(1, 41), change(7, 43), change(9, 43)],
        );
    }
    let batch = feed.next(table, 10).await.unwrap();
    let keys: Vec<String> = batch.keys.iter().map(ToString::to_string).collect();
    assert_eq!(
        (keys.as_slice(), batch.position.as_str()),
        (["1", "7", "9"].map(String::from).as_slice(), "43")
    );
    assert_eq!(
        feed.next(table, 10).await.unwrap().keys,
        batch.keys,
        "it was not applied yet"
    );
    feed.applied(table, &batch).await.unwrap();

    // A process that begins anew goes on from there.
    let again = Tracking::new(server.clone(), Arc::clone(&shop.sides.target));
    server.tracked();
    server.will("MIN_VALID_VERSION", vec![vec![Value::Int(43)]]);
    again.start(table).await.unwrap();
    server.will("MIN_VALID_VERSION", vec![vec![Value::Int(43)]]);
    server.will("CHANGETABLE(CHANGES [parent], 43)", vec![]);
    assert!(again.next(table, 10).await.unwrap().keys.is_empty());
    assert!(server.is_done());
}

#[tokio::test]
async fn a_feed_that_fell_behind_what_is_recorded_ends_until_it_is_started_anew() {
    let (shop, server, feed) = tracking().await;
    let table = shop.sides.plan.tables.first().unwrap();
    server.tracked();
    server.will("CURRENT_VERSION", vec![vec![Value::Int(40)]]);
    feed.start(table).await.unwrap();
    server.will("MIN_VALID_VERSION", vec![vec![Value::Int(41)]]);
    let error = feed.next(table, 10).await.unwrap_err();
    assert!(matches!(error, FeedError::Expired { .. }), "{error}");
    let told = error.to_string();
    assert!(
        told.contains("version 40") && told.contains("--start"),
        "{told}"
    );

    server.will("MIN_VALID_VERSION", vec![vec![Value::Int(41)]]);
    server.will("CURRENT_VERSION", vec![vec![Value::Int(60)]]);
    feed.start(table).await.unwrap();
    server.will("MIN_VALID_VERSION", vec![vec![Value::Int(41)]]);
    server.will("CHANGETABLE(CHANGES [parent], 60)", vec![]);
    assert!(feed.next(table, 10).await.unwrap().keys.is_empty());
    assert!(server.is_done());
}

#[tokio::test]
async fn a_key_that_cannot_be_read_ends_the_feed_and_is_not_passed_over() {
    let (shop, server, feed) = tracking().await;
    let table = shop.sides.plan.tables.first().unwrap();
    server.tracked();
    server.will("CURRENT_VERSION", vec![vec![Value::Int(40)]]);
    feed.start(table).await.unwrap();
    for _ in 0..2 {
        server.will("MIN_VALID_VERSION", vec![vec![Value::Int(3)]]);
        let key = Value::unreadable("99:00");
        let changes = vec![change(1, 41), vec![key, Value::Int(42)]];
        server.will("CHANGETABLE(CHANGES [parent], 40)", changes);
        let error = follow(&shop, &feed).await.unwrap_err();
        let told = std::error::Error::source(&error).unwrap().to_string();
        assert!(told.contains("99:00"), "{told}");
    }
    assert!(server.is_done());
}

#[tokio::test]
async fn a_rowversion_is_read_up_to_the_oldest_open_transaction() {
    let (shop, server, feed) = tracking().await;
    let table = shop.sides.plan.tables.first().unwrap();
    server.versioned();
    server.will("MIN_ACTIVE_ROWVERSION()) - 1", vec![vec![Value::Int(2000)]]);
    feed.start(table).await.unwrap();
    server.will(
        "t.[RowVersion] > CONVERT(binary(8), CAST(2000 AS bigint)) AND t.[RowVersion] < MIN_ACTIVE_ROWVERSION()",
        vec![change(5, 2003)],
    );
    assert_eq!(feed.next(table, 1).await.unwrap().position, "2003");
    assert!(server.is_done());
}

#[tokio::test]
async fn a_table_that_records_nothing_is_told_how_to() {
    let (shop, server, feed) = tracking().await;
    let table = shop.sides.plan.tables.first().unwrap();
    server.will("sys.change_tracking_tables", vec![vec![Value::Int(0)]]);
    server.will("system_type_id = 189", vec![]);
    let error = feed.start(table).await.unwrap_err();
    let told = std::error::Error::source(&error).unwrap().to_string();
    assert!(told.contains("ENABLE CHANGE_TRACKING"), "{told}");
}

#[tokio::test]
async fn a_position_by_another_record_or_of_a_restored_database_ends_the_feed() {
    let (shop, server, feed) = tracking().await;
    let table = shop.sides.plan.tables.first().unwrap();
    server.versioned();
    server.will("MIN_ACTIVE_ROWVERSION()) - 1", vec![vec![Value::Int(2000)]]);
    feed.start(table).await.unwrap();
    // Somebody turns change tracking on, whose numbers are others.
    let again = Tracking::new(server.clone(), Arc::clone(&shop.sides.target));
    server.tracked();
    let error = again.next(table, 10).await.unwrap_err();
    assert!(matches!(error, FeedError::Expired { .. }), "{error}");
    server.will("CURRENT_VERSION", vec![vec![Value::Int(40)]]);
    again.start(table).await.unwrap();
    // The server says that it has not come so far.
    server.will(
        "WHEN 40 <= CHANGE_TRACKING_CURRENT_VERSION()",
        vec![vec![Value::Null]],
    );
    let error = again.next(table, 10).await.unwrap_err();
    assert!(matches!(error, FeedError::Expired { .. }), "{error}");
    assert!(server.is_done());
}
