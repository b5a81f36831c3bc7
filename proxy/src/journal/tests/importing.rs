//! Findings of another journal: what they change here, and how long they stay.

use super::*;
use std::collections::BTreeMap;

/// A finding of another journal that was seen there long ago.
fn foreign(setting: &Setting) -> Foreign {
    let found = setting.found(&["/total"]);
    let redaction = &Settings::default().redaction;
    let exchange = Record::new(&found, found.discrepancies.clone(), redaction);
    let long_ago = Milliseconds(Timestamp::UNIX_EPOCH);
    Foreign {
        route: "order-read".to_owned(),
        seen: (long_ago, long_ago),
        state: State::Open,
        exchange,
        which: 0,
    }
}

#[tokio::test]
async fn what_was_imported_stays_as_long_as_what_was_seen_however_old_it_is() {
    let setting = Setting::new();
    let journal = setting.open(Settings::default()).await;
    let told = journal.import(foreign(&setting)).await.unwrap();
    let Imported::New(id) = told else {
        panic!("{told:?}")
    };
    let pool = store::open_for_decisions(&setting.file()).await.unwrap();
    let settings = Settings::default();
    retention::run(&pool, &settings, Timestamp::now())
        .await
        .unwrap();
    let kept = journal.reader().finding(&id).await.unwrap().unwrap();
    assert_eq!((kept.finding.imported, kept.samples.len()), (true, 1));
    let later = Timestamp::now() + 2 * settings.keep;
    retention::run(&pool, &settings, later).await.unwrap();
    assert_eq!(journal.reader().finding(&id).await.unwrap(), None);
}

#[tokio::test]
async fn what_is_known_is_not_imported_and_no_route_gets_more_findings_than_it_may_have() {
    let setting = Setting::new();
    let journal = setting.open(Settings::default()).await;
    let first = journal.import(foreign(&setting)).await.unwrap();
    let Imported::New(id) = first else {
        panic!("{first:?}")
    };
    let again = journal.import(foreign(&setting)).await.unwrap();
    assert_eq!(again, Imported::Known(id));
    for i in 1..1000 {
        let mut another = foreign(&setting);
        another.exchange.discrepancies[0].path = format!("/x{i}");
        let told = journal.import(another).await.unwrap();
        assert!(matches!(told, Imported::New(_)), "{i}: {told:?}");
    }
    let mut another = foreign(&setting);
    another.exchange.discrepancies[0].path = "/one-more".to_owned();
    assert_eq!(journal.import(another).await.unwrap(), Imported::Full);
    assert!(
        setting
            .ledger
            .snapshot()
            .iter()
            .all(|route| route.eligible == 0)
    );
}

#[tokio::test]
async fn what_could_not_be_kept_leaves_no_transaction_open_for_what_comes_next() {
    let setting = Setting::new();
    let journal = setting.open(Settings::default()).await;
    let mut other = setting.connection().await;
    // As a full disk does: the transaction ends by itself.
    let breaks = ["samples", "dials", "reconciliation"];
    let all = |sql: fn(&str) -> String| breaks.map(sql).join(";");
    let breaking = all(|table| {
        format!(
            "CREATE TRIGGER broken_{table} BEFORE INSERT ON {table} \
             BEGIN SELECT RAISE(ROLLBACK, 'disk full'); END"
        )
    });
    sqlx::raw_sql(sqlx::AssertSqlSafe(breaking))
        .execute(&mut other)
        .await
        .unwrap();
    let dials = BTreeMap::from([("all".to_owned(), "{}".to_owned())]);
    assert!(journal.import(foreign(&setting)).await.is_err());
    assert!(journal.keep_dials(&[], &dials).await.is_err());
    let mended = all(|table| format!("DROP TRIGGER broken_{table}"));
    sqlx::raw_sql(sqlx::AssertSqlSafe(mended))
        .execute(&mut other)
        .await
        .unwrap();
    let told = journal.import(foreign(&setting)).await.unwrap();
    assert!(matches!(told, Imported::New(_)), "{told:?}");
    journal.keep_dials(&[], &dials).await.unwrap();
}
