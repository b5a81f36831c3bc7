//! Later changes of a source reach the target, whatever happens in between.

#![expect(
    clippy::unwrap_used,
    reason = "in a test, what is not there is a failed test"
)]

mod shop;
mod tracking;
mod unseen;

use std::sync::Arc;
use std::time::Duration;

use migration_service::feed::{self, Feed, FeedError, Standing, Until};
use migration_service::load::{self, Options, Unwatched};
use migration_service::store::{Commit, How};
use migration_service::value::Value;
use tokio_util::sync::CancellationToken;

use shop::Shop;

/// Makes a test of each claim between any two databases.
macro_rules! claims {
    ($($claim:ident)*) => {
        mod sqlite_to_sqlite {
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $claim() {
                    super::$claim(super::Shop::on_sqlite().await).await;
                }
            )*
        }
        mod postgres_to_postgres {
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $claim() {
                    super::$claim(super::Shop::on_postgres().await).await;
                }
            )*
        }
        mod mariadb_to_postgres {
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $claim() {
                    super::$claim(super::Shop::on_mariadb().await).await;
                }
            )*
        }
    };
}

claims! {
    what_changes_during_a_copy_and_after_it_arrives
    a_batch_that_was_applied_and_not_ticked_off_comes_again_and_changes_nothing
    a_row_that_comes_before_its_parent_waits_for_it
    a_row_that_the_target_refuses_is_kept_aside_and_holds_up_no_other
    a_row_that_the_target_refuses_before_a_thousand_others_holds_up_none_of_them
    a_parent_goes_once_its_child_does_a_thousand_changes_later
    a_row_that_the_target_never_lets_go_ends_the_feed
    a_transaction_that_commits_late_is_not_passed_over
    what_was_made_for_the_recording_goes_when_it_ends
}

async fn copy(shop: &Shop) {
    let (source, target) = (
        Arc::clone(&shop.sides.source),
        Arc::clone(&shop.sides.target),
    );
    let (options, never) = (Options::default(), CancellationToken::new());
    load::run(
        &shop.sides.plan,
        source,
        target,
        &options,
        Arc::new(Unwatched),
        never,
    )
    .await
    .unwrap();
}

async fn feed_of(shop: &Shop) -> Box<dyn Feed> {
    shop.sides.target.prepare().await.unwrap();
    let dialect = shop.sides.source.dialect();
    let feed = feed::open(&shop.from, dialect, &shop.sides.target)
        .await
        .unwrap();
    feed::start(&shop.sides.plan, &*feed, false).await.unwrap();
    feed
}

/// Follows until nothing waits, which comes to pass.
async fn follow(shop: &Shop, feed: &dyn Feed) -> Result<Vec<Standing>, FeedError> {
    let (never, mut untold) = (CancellationToken::new(), |_: &[Standing]| {});
    let followed = feed::follow(
        &shop.sides.plan,
        feed,
        &shop.sides.source,
        &shop.sides.target,
        Until::Lag(Duration::ZERO),
        &never,
        &mut untold,
    );
    let patience = Duration::from_mins(2);
    tokio::time::timeout(patience, followed).await.unwrap()
}

async fn what_changes_during_a_copy_and_after_it_arrives(shop: Shop) {
    let feed = feed_of(&shop).await;
    // Again, as whoever is not sure does.
    drop(feed_of(&shop).await);
    let writer = async {
        for round in 0..30 {
            shop.change(&format!(
                "UPDATE parent SET name = 'round {round}' WHERE id % 7 = {round} % 7;
                 INSERT INTO parent (id, name) VALUES ({}, 'new');
                 INSERT INTO child (id, parent, amount) VALUES ({}, {}, 1.25);
                 DELETE FROM child WHERE id = {};
                 UPDATE child SET id = id + 100000 WHERE id = {};",
                5000 + round,
                5000 + round,
                5000 + round,
                round * 3 + 1,
                round * 3 + 2,
            ))
            .await;
        }
    };
    tokio::join!(copy(&shop), writer);
    let standings = follow(&shop, &*feed).await.unwrap();
    assert_eq!(shop.differences().await, Vec::<String>::new());
    assert!(
        standings.iter().any(|standing| standing.deleted > 0),
        "{standings:?}"
    );
    // Rows that came before their parents were refused by the copy, and are not any more.
    let refused = shop.sides.target.quarantined(None, 100).await.unwrap();
    assert!(refused.is_empty(), "{refused:?}");
    shop.change("DELETE FROM child WHERE id % 2 = 0; UPDATE parent SET name = NULL WHERE id = 4;")
        .await;
    follow(&shop, &*feed).await.unwrap();
    assert_eq!(shop.differences().await, Vec::<String>::new());
}

async fn a_batch_that_was_applied_and_not_ticked_off_comes_again_and_changes_nothing(shop: Shop) {
    let feed = feed_of(&shop).await;
    copy(&shop).await;
    shop.change("UPDATE parent SET name = 'x' WHERE id < 20")
        .await;
    let table = shop.sides.plan.tables.first().unwrap();
    let batch = feed.next(table, 1000).await.unwrap();
    assert_eq!(
        batch,
        feed.next(table, 1000)
            .await
            .map(|again| migration_service::feed::Batch {
                lag: batch.lag,
                ..again
            })
            .unwrap()
    );
    let first = follow(&shop, &*feed).await.unwrap();
    assert_eq!(first.first().unwrap().applied, 19);
    let second = follow(&shop, &*feed).await.unwrap();
    assert_eq!(second.first().unwrap().applied, 0);
}

async fn a_row_that_comes_before_its_parent_waits_for_it(shop: Shop) {
    let feed = feed_of(&shop).await;
    copy(&shop).await;
    let parent = shop.sides.plan.tables.first().unwrap();
    shop.change(
        "INSERT INTO parent (id, name) VALUES (7001, 'late');
         INSERT INTO child (id, parent, amount) VALUES (7001, 7001, 3.5);",
    )
    .await;
    // The parent's change is held back for a while, as if it had come in a batch of its own.
    let held = feed.next(parent, 1000).await.unwrap();
    feed.applied(parent, &held).await.unwrap();
    let release = async {
        tokio::time::sleep(Duration::from_millis(150)).await;
        shop.change("UPDATE parent SET name = 'here' WHERE id = 7001")
            .await;
    };
    let (followed, ()) = tokio::join!(follow(&shop, &*feed), release);
    assert_eq!(
        followed
            .unwrap()
            .iter()
            .map(|standing| standing.refused)
            .sum::<u64>(),
        0
    );
    assert_eq!(shop.differences().await, Vec::<String>::new());
}

async fn a_row_that_the_target_refuses_is_kept_aside_and_holds_up_no_other(shop: Shop) {
    let feed = feed_of(&shop).await;
    copy(&shop).await;
    shop.change(
        "UPDATE child SET amount = -1 WHERE id = 10;
         UPDATE child SET amount = 77 WHERE id IN (9, 11);",
    )
    .await;
    let standings = follow(&shop, &*feed).await.unwrap();
    let child = standings.last().unwrap();
    assert_eq!((child.applied, child.refused), (2, 1), "{standings:?}");
    let refused = shop
        .sides
        .target
        .quarantined(Some("child"), 10)
        .await
        .unwrap();
    let [row] = refused.as_slice() else {
        unreachable!("{refused:?}");
    };
    assert!(row.key == "10" && row.row.contains("\"-1"), "{row:?}");
    // What is mended comes over, and is not kept aside any more.
    shop.change("UPDATE child SET amount = 1 WHERE id = 10")
        .await;
    follow(&shop, &*feed).await.unwrap();
    assert_eq!(shop.differences().await, Vec::<String>::new());
    let refused = shop.sides.target.quarantined(None, 10).await.unwrap();
    assert!(refused.is_empty(), "{refused:?}");
}

async fn a_row_that_the_target_refuses_before_a_thousand_others_holds_up_none_of_them(shop: Shop) {
    let feed = feed_of(&shop).await;
    copy(&shop).await;
    shop.change(
        "UPDATE child SET amount = -1 WHERE id = 10;
         UPDATE child SET amount = 77 WHERE id <> 10 AND id < 1500;",
    )
    .await;
    let standings = follow(&shop, &*feed).await.unwrap();
    let child = standings.last().unwrap();
    assert_eq!((child.applied, child.refused), (1498, 1), "{standings:?}");
    assert_eq!(shop.differences().await.len(), 2, "the refused row alone");
}

async fn a_parent_goes_once_its_child_does_a_thousand_changes_later(shop: Shop) {
    let feed = feed_of(&shop).await;
    copy(&shop).await;
    shop.change(
        "UPDATE child SET amount = 78 WHERE id > 100;
         DELETE FROM child WHERE id = 5;
         DELETE FROM parent WHERE id = 5;",
    )
    .await;
    follow(&shop, &*feed).await.unwrap();
    assert_eq!(shop.differences().await, Vec::<String>::new());
}

async fn a_row_that_the_target_never_lets_go_ends_the_feed(shop: Shop) {
    let feed = feed_of(&shop).await;
    copy(&shop).await;
    let child = shop.sides.plan.tables.last().unwrap();
    // Something refers to the parent that the source knows nothing of.
    let own = [vec![Value::Int(9000), Value::Int(5), Value::Float(1.0)]];
    let commit = Commit {
        source: "child".to_owned(),
        progress: None,
        quarantined: Vec::new(),
        healed: Vec::new(),
        ids: Vec::new(),
    };
    let target = &shop.sides.target;
    let destination = &child.destination;
    let written = target.write(destination, &own, How::Upsert, &commit);
    assert_eq!(written.await.unwrap(), 1);
    shop.change(
        "DELETE FROM child WHERE id = 5;
         DELETE FROM parent WHERE id = 5;
         UPDATE child SET amount = 79 WHERE id = 6;",
    )
    .await;
    let error = follow(&shop, &*feed).await.unwrap_err();
    assert_eq!(error.to_string(), "could not follow parent");
    // What others had to tell is through.
    let left = feed.next(child, 1000).await.unwrap();
    assert!(left.keys.is_empty(), "{left:?}");
}

async fn a_transaction_that_commits_late_is_not_passed_over(shop: Shop) {
    let feed = feed_of(&shop).await;
    copy(&shop).await;
    shop.change("UPDATE parent SET name = 'early' WHERE id = 1")
        .await;
    let table = shop.sides.plan.tables.first().unwrap();
    let batch = feed.next(table, 1000).await.unwrap();
    // What is read and what is ticked off is one and the same, whatever came in between.
    shop.change("UPDATE parent SET name = 'late' WHERE id = 2")
        .await;
    feed.applied(table, &batch).await.unwrap();
    let next = feed.next(table, 1000).await.unwrap();
    assert_eq!(
        next.keys.first().map(ToString::to_string).as_deref(),
        Some("2")
    );
}

/// A transaction that is open has put its keys into the queue, and nobody sees them yet.
async fn an_open_transaction_holds_up_nobody_and_is_not_passed_over(shop: Shop) {
    let feed = feed_of(&shop).await;
    copy(&shop).await;
    let commit = shop
        .change_late("UPDATE parent SET name = 'late' WHERE id = 1")
        .await;
    shop.change("UPDATE parent SET name = 'early' WHERE id = 2")
        .await;
    let first = follow(&shop, &*feed).await.unwrap();
    assert_eq!(first.first().unwrap().applied, 1, "{first:?}");
    commit.await;
    let second = follow(&shop, &*feed).await.unwrap();
    assert_eq!(second.first().unwrap().applied, 1, "{second:?}");
    assert_eq!(shop.differences().await, Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_open_transaction_of_postgres_is_not_passed_over() {
    an_open_transaction_holds_up_nobody_and_is_not_passed_over(Shop::on_postgres().await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_open_transaction_of_mariadb_is_not_passed_over() {
    an_open_transaction_holds_up_nobody_and_is_not_passed_over(Shop::on_mariadb().await).await;
}

async fn what_was_made_for_the_recording_goes_when_it_ends(shop: Shop) {
    let before = shop.sides.source.tables().await.unwrap();
    let feed = feed_of(&shop).await;
    for table in &shop.sides.plan.tables {
        feed.stop(table).await.unwrap();
        feed.stop(table).await.unwrap();
    }
    assert_eq!(shop.sides.source.tables().await.unwrap(), before);
    shop.change("UPDATE parent SET name = 'free'; DELETE FROM child;")
        .await;
}

/// As an application does that has no rights to what an owner made.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_may_write_to_a_table_may_do_so_while_its_changes_are_recorded() {
    let shop = Shop::on_postgres().await;
    shop.change(
        "CREATE ROLE application;
         GRANT SELECT, INSERT, UPDATE, DELETE ON parent, child TO application;",
    )
    .await;
    let feed = feed_of(&shop).await;
    copy(&shop).await;
    shop.change(
        "SET LOCAL ROLE application;
         SET LOCAL search_path = '';
         UPDATE public.parent SET name = 'written' WHERE id = 1;
         DELETE FROM public.child WHERE id = 1;",
    )
    .await;
    follow(&shop, &*feed).await.unwrap();
    assert_eq!(shop.differences().await, Vec::<String>::new());
}

/// The queue keeps keys as the table does: whatever their letters, and in whatever charset.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn keys_that_are_of_a_list_or_in_a_charset_of_their_own_are_recorded_as_they_are() {
    let shop = Shop::from_mariadb(
        "ALTER DATABASE CHARACTER SET latin1;
         CREATE TABLE sizes (size ENUM('Small', 'LARGE', 'it''s \\\\ (OK)') CHARACTER SET utf8mb4 NOT NULL,
             letter ENUM('a', 'A') CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
             word VARCHAR(20) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
             stock INTEGER, PRIMARY KEY (size, letter, word));
         INSERT INTO sizes SELECT s, l, w, 1 FROM
             (SELECT 'Small' AS s UNION SELECT 'LARGE' UNION SELECT 'it''s \\\\ (OK)') AS ss,
             (SELECT 'a' AS l UNION SELECT CAST('A' AS CHAR) COLLATE utf8mb4_bin) AS ls,
             (SELECT 'Ж' AS w UNION SELECT 'ж' COLLATE utf8mb4_bin) AS ws;",
        "CREATE TABLE sizes (size text, letter text, word text, stock bigint,
             PRIMARY KEY (size, letter, word))",
        "[[tables]]\nfrom = \"sizes\"\nto = \"sizes\"\nfeeder = \"database\"\n",
    )
    .await;
    let feed = feed_of(&shop).await;
    copy(&shop).await;
    assert_eq!(shop.differences().await, Vec::<String>::new());
    shop.change(
        "DELETE FROM sizes WHERE size = 'Small' AND word = 'Ж';
         UPDATE sizes SET stock = 2 WHERE size = 'LARGE';
         UPDATE sizes SET size = 'Small' WHERE size = 'it''s \\\\ (OK)' AND word = 'Ж';",
    )
    .await;
    follow(&shop, &*feed).await.unwrap();
    assert_eq!(shop.differences().await, Vec::<String>::new());
}

#[tokio::test]
async fn a_table_that_mirrored_writes_feed_is_not_fed_twice() {
    let mapping = shop::MAPPING.replace("feeder = \"database\"", "feeder = \"mirror\"");
    let shop = Shop::with(&mapping).await;
    let error = feed::tables(&shop.sides.plan).unwrap_err();
    assert!(error.to_string().contains("not fed twice"), "{error}");
}
