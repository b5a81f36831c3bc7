//! What triggers do not see, or see without a key: it ends a feed, or is told before one begins.

use migration_service::feed::{self, FeedError};

use crate::shop::Shop;
use crate::{copy, feed_of, follow};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_table_that_was_truncated_ends_the_feed_until_it_is_started_anew() {
    let shop = Shop::on_postgres().await;
    let feed = feed_of(&shop).await;
    copy(&shop).await;
    shop.change("TRUNCATE child").await;
    for _ in 0..2 {
        let error = follow(&shop, &*feed).await.unwrap_err();
        assert!(matches!(error, FeedError::Expired { .. }), "{error}");
    }
    let feed = feed_of(&shop).await;
    follow(&shop, &*feed).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_part_of_a_table_that_was_truncated_ends_the_feed_and_gets_rid_of_its_trigger() {
    let tables = "CREATE TABLE \"it's\" (id int PRIMARY KEY) PARTITION BY RANGE (id);
         CREATE TABLE low PARTITION OF \"it's\" FOR VALUES FROM (0) TO (10) PARTITION BY RANGE (id);
         CREATE TABLE lowest PARTITION OF low FOR VALUES FROM (0) TO (5);
         CREATE TABLE high PARTITION OF \"it's\" FOR VALUES FROM (10) TO (20);
         INSERT INTO \"it's\" VALUES (1), (11);";
    let mapping = "[[tables]]\nfrom = \"it's\"\nto = \"it's\"\nfeeder = \"database\"\n";
    let shop = Shop::from_postgres(tables, mapping).await;
    let feed = feed_of(&shop).await;
    copy(&shop).await;
    follow(&shop, &*feed).await.unwrap();
    shop.change("TRUNCATE lowest").await;
    let error = follow(&shop, &*feed).await.unwrap_err();
    assert!(matches!(error, FeedError::Expired { .. }), "{error}");
    shop.change("ALTER TABLE \"it's\" DETACH PARTITION high")
        .await;
    feed.stop(&shop.sides.plan.tables[0]).await.unwrap();
    shop.change("TRUNCATE lowest; TRUNCATE high").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_row_without_a_key_ends_the_feed_until_it_has_one() {
    let tables = "CREATE TABLE word (id TEXT PRIMARY KEY, n INTEGER);";
    let mapping = "[[tables]]\nfrom = \"word\"\nto = \"word\"\nfeeder = \"database\"\n";
    let shop = Shop::from_sqlite(tables, mapping).await;
    let feed = feed_of(&shop).await;
    copy(&shop).await;
    shop.change("INSERT INTO word VALUES ('a', 1), (NULL, 2)")
        .await;
    let error = follow(&shop, &*feed).await.unwrap_err();
    let cause = std::error::Error::source(&error).unwrap().to_string();
    assert!(
        cause.contains("`id` is of the primary key, and null in 1 rows"),
        "{cause}"
    );
    shop.change("UPDATE word SET id = 'b' WHERE id IS NULL")
        .await;
    follow(&shop, &*feed).await.unwrap();
    assert_eq!(shop.differences().await, Vec::<String>::new());
    // Nothing but changes without a key.
    shop.change("INSERT INTO word VALUES (NULL, 3); DELETE FROM word WHERE id IS NULL")
        .await;
    follow(&shop, &*feed).await.unwrap();
    assert_eq!(shop.differences().await, Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn foreign_keys_whose_work_no_trigger_sees_are_named_before_anything_is_recorded() {
    let cascading = "ALTER TABLE child ADD CONSTRAINT goes FOREIGN KEY (parent)
             REFERENCES parent (id) ON DELETE CASCADE;
         ALTER TABLE parent ADD COLUMN above INTEGER;
         ALTER TABLE parent ADD CONSTRAINT moves FOREIGN KEY (above)
             REFERENCES parent (id) ON DELETE SET NULL ON UPDATE CASCADE;";
    let shop = Shop::on_mariadb().await;
    shop.change(cascading).await;
    let before = shop.sides.source.tables().await.unwrap();
    let dialect = shop.sides.source.dialect();
    let feed = feed::open(&shop.from, dialect, &shop.sides.target).await;
    let feed = feed.unwrap();
    let refused = feed::start(&shop.sides.plan, &*feed, false).await;
    let error = refused.err().unwrap().to_string();
    for named in [
        "child.goes ON DELETE CASCADE",
        "parent.moves ON DELETE SET NULL ON UPDATE CASCADE",
    ] {
        assert!(error.contains(named), "{error}");
    }
    assert!(
        !error.contains("ibfk"),
        "a key that restricts hides nothing: {error}"
    );
    assert_eq!(shop.sides.source.tables().await.unwrap(), before);
    feed::start(&shop.sides.plan, &*feed, true).await.unwrap();

    // Where triggers see it, nobody is asked.
    let shop = Shop::on_postgres().await;
    shop.change(cascading).await;
    feed_of(&shop).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_that_becomes_wider_fails_no_write_of_the_application() {
    let shop = Shop::on_postgres().await;
    drop(feed_of(&shop).await);
    shop.change(
        "ALTER TABLE parent ALTER id TYPE bigint; INSERT INTO parent VALUES (3000000000, 'wide')",
    )
    .await;
    let shop = Shop::on_mariadb().await;
    drop(feed_of(&shop).await);
    shop.change(
        "ALTER TABLE child DROP CONSTRAINT child_ibfk_1; ALTER TABLE parent MODIFY id BIGINT",
    )
    .await;
    shop.change("INSERT INTO parent VALUES (3000000000, 'wide')")
        .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ids_that_the_target_gives_begin_behind_those_that_came() {
    let tables = "CREATE TABLE t (id bigint GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY)";
    let mapping = "[[tables]]\nfrom = \"t\"\nto = \"t\"\nfeeder = \"database\"\n";
    let shop = Shop::from_postgres(tables, mapping).await;
    let feed = feed_of(&shop).await;
    shop.change("INSERT INTO t VALUES (7), (40)").await;
    follow(&shop, &*feed).await.unwrap();
    let destination = &shop.sides.plan.tables[0].destination;
    let counters = shop.sides.target.counters(destination).await.unwrap();
    assert_eq!((counters[0].next, counters[0].greatest), (41, Some(40)));
}
