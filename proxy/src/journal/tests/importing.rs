//! Findings of another journal: what they change here, and how long they stay.

use super::*;

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
