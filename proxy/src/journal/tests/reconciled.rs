//! Results of comparisons that come in another order than they began.

use super::*;
use crate::reconciliation::{DataVerdict, TableResult};
use jiff::Timestamp;

fn result(verdict: DataVerdict, minute: i64) -> TableResult {
    TableResult {
        table: "orders".to_owned(),
        source: "ORDERS".to_owned(),
        entity: None,
        parent: None,
        verdict,
        compared: 9,
        different: u64::from(verdict == DataVerdict::Different),
        not_verified: 0,
        ids: Vec::new(),
        began_at: Timestamp::from_second(minute * 60).unwrap(),
    }
}

async fn tell(journal: &Journal, verdict: DataVerdict, minute: i64) -> DataVerdict {
    let told = journal
        .keep_reconciliation(&[result(verdict, minute)])
        .await;
    told.unwrap();
    let known = journal.reader().reconciliation().await.unwrap();
    known[0].verdict
}

#[tokio::test]
async fn what_an_earlier_comparison_found_different_counts_until_a_later_one_finds_it_equal() {
    use DataVerdict::{Different, Equal, NotVerified};
    let setting = Setting::new();
    let journal = setting.open(Settings::default()).await;
    assert_eq!(tell(&journal, Equal, 5).await, Equal);
    assert_eq!(tell(&journal, NotVerified, 0).await, Equal, "it is older");
    // It was cut off, and found this when it went on.
    assert_eq!(tell(&journal, Different, 0).await, Different);
    assert_eq!(tell(&journal, Equal, 6).await, Equal);
}

#[tokio::test]
async fn what_is_yet_to_begin_is_in_the_way_of_nothing_that_has_begun() {
    use DataVerdict::{Equal, NotVerified};
    let setting = Setting::new();
    let journal = setting.open(Settings::default()).await;
    let now = Timestamp::now().as_second() / 60;
    assert_eq!(tell(&journal, NotVerified, now + 60).await, NotVerified);
    assert_eq!(tell(&journal, Equal, now).await, Equal);
}
