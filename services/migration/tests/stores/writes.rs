//! Targets: rows in and out, and what is kept beside them.

use migration_service::store::{Change, Commit, How, Progress, Quarantined, Target, WriteError};
use migration_service::value::{Key, Row, Value};

use crate::bed::{Bed, commit, destination, key, of_every, rows};

of_every!([sqlite Sqlite, postgres Postgres]:
    a_refusal_leaves_nothing_behind,
    a_float_comes_back_or_is_refused,
    books_change_with_the_rows_or_not_at_all,
    what_an_earlier_version_kept_of_progress_has_no_basis_and_more_can_be_kept,
    an_upsert_touches_only_what_differs,
    rows_are_deleted_by_their_keys,
    a_change_is_made_only_to_what_was_observed,
    ids_and_quarantine_are_listed_in_order,
);

async fn numbers(bed: &Bed) -> Box<dyn Target> {
    let text = bed.word("text");
    bed.run(&format!(
        "CREATE TABLE t (id bigint NOT NULL PRIMARY KEY, n int NOT NULL CHECK (n < 100), s {text})"
    ))
    .await;
    bed.target().await
}

fn row(id: i64, n: i64, s: &str) -> Row {
    vec![Value::Int(id), Value::Int(n), Value::text(s)]
}

fn progress(after: i64, read: u64) -> Progress {
    Progress {
        part: 0,
        after: Some(key([Value::Int(after)])),
        until: None,
        read,
        done: false,
        basis: "b".to_owned(),
    }
}

async fn a_refusal_leaves_nothing_behind(bed: Bed) {
    let target = numbers(&bed).await;
    let destination = destination(&*target, "t").await;
    let good: Vec<Row> = (0..500).map(|id| row(id, 1, "x")).collect();
    for (bad, why) in [
        (row(900, 100, "too much"), "check"),
        (vec![Value::Int(901), Value::Null, Value::Null], "null"),
        (row(7, 1, "twice"), "unique"),
    ] {
        let rows: Vec<Row> = good.iter().cloned().chain([bad]).collect();
        let refused = target
            .write(&destination, &rows, How::Insert, &commit())
            .await;
        let Err(WriteError::Refused(reason)) = refused else {
            panic!("{why}: {refused:?}");
        };
        assert!(reason.to_lowercase().contains(why), "{reason}");
        assert!(
            target
                .is_empty(&destination.table)
                .await
                .expect("an answer"),
            "{why}"
        );
    }
    // The connection that a refusal was told on serves again.
    let written = target
        .write(&destination, &good, How::Insert, &commit())
        .await;
    assert_eq!(written.expect("rows"), 500);
    assert!(
        !target
            .is_empty(&destination.table)
            .await
            .expect("an answer")
    );
}

async fn a_float_comes_back_or_is_refused(bed: Bed) {
    bed.run("CREATE TABLE f (id bigint NOT NULL PRIMARY KEY, x double precision)")
        .await;
    let target = bed.target().await;
    let destination = destination(&*target, "f").await;
    let floats = [
        0.1,
        -0.0,
        5e-324,
        f64::MAX,
        f64::INFINITY,
        f64::NEG_INFINITY,
    ];
    let given: Vec<Row> = (0..)
        .zip(floats)
        .map(|(id, float)| vec![Value::Int(id), Value::Float(float)])
        .collect();
    let written = target
        .write(&destination, &given, How::Upsert, &commit())
        .await;
    assert_eq!(written.expect("rows"), given.len() as u64);
    assert_eq!(rows(&*target, "f").await, given);
    let nan = vec![Value::Int(99), Value::Float(f64::NAN)];
    let kept = target
        .write(&destination, &[nan], How::Upsert, &commit())
        .await;
    let found = rows(&*target, "f").await;
    let there = found.get(given.len()).map(|row| &row[1]);
    match kept {
        Ok(_) => assert!(
            matches!(there, Some(Value::Float(float)) if float.is_nan()),
            "{there:?}"
        ),
        Err(WriteError::Refused(why)) => {
            assert!(
                there.is_none() && why.contains("NaN: f.x"),
                "{there:?}: {why}"
            );
        }
        Err(WriteError::Failed(cause)) => panic!("{cause}"),
    }
}

async fn books_change_with_the_rows_or_not_at_all(bed: Bed) {
    let target = numbers(&bed).await;
    let destination = destination(&*target, "t").await;
    let parts = [
        progress(0, 0),
        Progress {
            part: 1,
            until: Some(key([Value::text("z'")])),
            ..progress(9, 0)
        },
    ];
    target.begin("orders", &parts).await.expect("parts");
    assert_eq!(target.progress("orders").await.expect("parts"), parts);
    let kept = Commit {
        source: "orders".to_owned(),
        progress: Some(Progress {
            done: true,
            ..progress(5, 7)
        }),
        quarantined: vec![Quarantined {
            source: "orders".to_owned(),
            key: "17".to_owned(),
            reason: "a bad value".to_owned(),
            row: "{}".to_owned(),
        }],
        healed: Vec::new(),
        ids: vec![("order".to_owned(), "1".to_owned(), "one".to_owned())],
    };
    let nothing = async || {
        assert_eq!(target.progress("orders").await.expect("parts"), parts);
        assert!(target.quarantined(None, 9).await.expect("rows").is_empty());
        assert!(target.ids("order", "", 9).await.expect("ids").is_empty());
    };
    for how in [How::Insert, How::Upsert] {
        let refused = target
            .write(&destination, &[row(1, 100, "x")], how, &kept)
            .await;
        assert!(
            matches!(refused, Err(WriteError::Refused(_))),
            "{refused:?}"
        );
        nothing().await;
    }
    // Rows whose books cannot be kept are not there either.
    bed.run("ALTER TABLE cutover_ids RENAME TO elsewhere").await;
    let failed = target
        .write(&destination, &[row(1, 1, "x")], How::Insert, &kept)
        .await;
    assert!(matches!(failed, Err(WriteError::Failed(_))), "{failed:?}");
    bed.run("ALTER TABLE elsewhere RENAME TO cutover_ids").await;
    assert!(
        target
            .is_empty(&destination.table)
            .await
            .expect("an answer")
    );
    nothing().await;

    let written = target
        .write(&destination, &[row(1, 1, "x")], How::Insert, &kept)
        .await;
    assert_eq!(written.expect("a row"), 1);
    let progress = target.progress("orders").await.expect("parts");
    assert_eq!(progress[0], kept.progress.clone().expect("a part"));
    assert_eq!(progress[1], parts[1]);
    assert_eq!(
        target.quarantined(Some("orders"), 9).await.expect("rows"),
        kept.quarantined
    );
    assert_eq!(
        target.ids("order", "", 9).await.expect("ids"),
        [("1".to_owned(), "one".to_owned())]
    );
    let healed = Commit {
        source: "orders".to_owned(),
        healed: vec!["17".to_owned()],
        ..commit()
    };
    target
        .write(&destination, &[], How::Upsert, &healed)
        .await
        .expect("books");
    assert!(target.quarantined(None, 9).await.expect("rows").is_empty());
    // Beginning again forgets how far it was, and what was refused.
    target.begin("orders", &parts[..1]).await.expect("a part");
    assert_eq!(target.progress("orders").await.expect("parts"), &parts[..1]);
    assert!(target.quarantined(None, 9).await.expect("rows").is_empty());
}

async fn what_an_earlier_version_kept_of_progress_has_no_basis_and_more_can_be_kept(bed: Bed) {
    bed.run(
        "CREATE TABLE cutover_progress (
             source TEXT NOT NULL, part INTEGER NOT NULL, last_key TEXT, until_key TEXT,
             rows_read BIGINT NOT NULL, done INTEGER NOT NULL, PRIMARY KEY (source, part));
         INSERT INTO cutover_progress VALUES ('orders', 0, NULL, NULL, 9, 0);",
    )
    .await;
    let target = bed.target().await;
    target.prepare().await.expect("a second time");
    let kept = target.progress("orders").await.expect("parts");
    let found: Vec<_> = kept.iter().map(|part| (part.read, &*part.basis)).collect();
    assert_eq!(found, [(9, "")]);
    let parts = [progress(3, 3)];
    target.begin("orders", &parts).await.expect("begun");
    assert_eq!(target.progress("orders").await.expect("parts"), parts);
}

async fn an_upsert_touches_only_what_differs(bed: Bed) {
    let target = numbers(&bed).await;
    let destination = destination(&*target, "t").await;
    let upsert = async |rows: &[Row]| {
        target
            .write(&destination, rows, How::Upsert, &commit())
            .await
            .expect("rows")
    };
    assert_eq!(upsert(&[row(1, 1, "a"), row(2, 2, "b")]).await, 2);
    let null = vec![Value::Int(3), Value::Int(3), Value::Null];
    assert_eq!(
        upsert(&[row(1, 1, "a"), row(2, 2, "B"), null.clone()]).await,
        2
    );
    assert_eq!(
        upsert(&[row(1, 1, "a"), row(2, 2, "B"), null.clone()]).await,
        0
    );
    let found = rows(target.as_source(), "t").await;
    assert_eq!(found, [row(1, 1, "a"), row(2, 2, "B"), null]);
    assert_eq!(upsert(&[]).await, 0);
}

async fn rows_are_deleted_by_their_keys(bed: Bed) {
    let target = numbers(&bed).await;
    let destination = destination(&*target, "t").await;
    let all: Vec<Row> = (0..2500).map(|id| row(id, 1, "x")).collect();
    target
        .write(&destination, &all, How::Insert, &commit())
        .await
        .expect("rows");
    let keys: Vec<Key> = (100..2600).map(|id| key([Value::Int(id)])).collect();
    assert_eq!(
        target.delete(&destination, &keys).await.expect("a count"),
        2400
    );
    assert_eq!(bed.one("SELECT count(*) FROM t").await, 100);
}

async fn a_change_is_made_only_to_what_was_observed(bed: Bed) {
    let target = numbers(&bed).await;
    let destination = destination(&*target, "t").await;
    let null = vec![Value::Int(2), Value::Int(2), Value::Null];
    target
        .write(
            &destination,
            &[row(1, 1, "a"), null.clone()],
            How::Insert,
            &commit(),
        )
        .await
        .expect("rows");
    let change = |id, observed: Option<Row>, wanted: Option<Row>| Change {
        key: key([Value::Int(id)]),
        observed,
        wanted,
    };
    let changes = [
        // Stale, then as it is; null is a value that can be observed.
        change(1, Some(row(1, 1, "b")), Some(row(1, 1, "c"))),
        change(1, Some(row(1, 1, "a")), Some(row(1, 1, "it's \\"))),
        change(2, Some(null.clone()), Some(row(2, 2, "b"))),
        change(1, Some(row(1, 1, "a")), None),
        change(3, None, Some(row(3, 3, "new"))),
        change(3, None, Some(row(3, 4, "again"))),
        change(2, Some(row(2, 2, "b")), None),
        change(4, Some(row(4, 4, "gone")), None),
    ];
    let made = target.change(&destination, &changes).await;
    assert_eq!(
        made.expect("changes"),
        [false, true, true, false, true, false, true, false]
    );
    let found = rows(target.as_source(), "t").await;
    assert_eq!(found, [row(1, 1, "it's \\"), row(3, 3, "new")]);
}

async fn ids_and_quarantine_are_listed_in_order(bed: Bed) {
    let target = numbers(&bed).await;
    let destination = destination(&*target, "t").await;
    let text = |number: i64| format!("{number:04}");
    let kept = Commit {
        ids: (0..30)
            .map(|n| ("order".to_owned(), text(n), format!("m{n}")))
            .collect(),
        quarantined: (0..30)
            .map(|n| Quarantined {
                source: "t".to_owned(),
                key: text(n),
                reason: "it's \0 \\".to_owned(),
                row: "{}".to_owned(),
            })
            .collect(),
        ..commit()
    };
    // The second time over, as a run that is begun again does.
    for _ in 0..2 {
        target
            .write(&destination, &[], How::Upsert, &kept)
            .await
            .expect("books");
    }
    let (mut seen, mut after) = (Vec::new(), String::new());
    loop {
        let page = target.ids("order", &after, 7).await.expect("ids");
        let Some((last, _)) = page.last() else { break };
        after.clone_from(last);
        seen.extend(page);
    }
    let wanted: Vec<(String, String)> = (0..30).map(|n| (text(n), format!("m{n}"))).collect();
    assert_eq!(seen, wanted);
    assert_eq!(
        target.quarantined(Some("t"), 5).await.expect("rows").len(),
        5
    );
    assert_eq!(target.quarantined(None, 50).await.expect("rows").len(), 30);
    assert!(
        target
            .quarantined(Some("u"), 5)
            .await
            .expect("rows")
            .is_empty()
    );
}
