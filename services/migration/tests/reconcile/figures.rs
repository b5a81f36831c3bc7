//! A first look: counts and sums, which never say that rows are equal.

use migration_service::reconcile::{Cause, Depth, Health, Options, Verdict};

use crate::pair::{NUMBERED, Pair, numbered, only, options, said};

#[tokio::test]
async fn a_first_look_verifies_nothing_and_tells_what_does_not_add_up() {
    let pair = Pair::alike(&numbered(1000), NUMBERED).await;
    let figures = Options {
        depth: Depth::Figures,
        range: 100,
        ..options()
    };
    let report = pair.report_with(&figures).await;
    assert_eq!(report.verdict, Verdict::NotVerified);
    assert_eq!(report.health, Health::NotVerified);
    assert_eq!(only(&report).not_verified, ["not verified row by row"]);
    pair.at_modern("UPDATE t SET total = total + 1 WHERE id = 7; DELETE FROM t WHERE id = 14")
        .await;
    let report = pair.report_with(&figures).await;
    assert_eq!(report.verdict, Verdict::Different);
    let found = &only(&report).findings;
    let causes: Vec<&Cause> = found.iter().map(|finding| &finding.cause).collect();
    assert_eq!(
        causes,
        [&Cause::Figures; 3],
        "the sums of two columns, and the count"
    );
    assert_eq!(
        only(&report).figures.as_ref().map(|figures| figures.target),
        Some(999)
    );
}

#[tokio::test]
async fn a_first_look_adds_up_no_fractions_that_a_file_does_not_count() {
    let table = |kind: &str| format!("CREATE TABLE t (id INTEGER PRIMARY KEY, amount {kind});");
    let legacy = table("INTEGER") + "INSERT INTO t VALUES (1, 1050), (2, 950)";
    let modern = table("TEXT") + "INSERT INTO t VALUES (1, '10.50'), (2, '9.50')";
    let mapping = "[[tables]]\nfrom = \"t\"\nto = \"t\"\nsame = true\n[tables.columns]\n\
                   amount = { from = \"amount\", type = \"decimal\", units = 2 }\n";
    let pair = Pair::of(&legacy, &modern, mapping).await;
    assert_eq!(pair.report().await.verdict, Verdict::Equal);
    let figures = Options {
        depth: Depth::Figures,
        ..options()
    };
    let report = pair.report_with(&figures).await;
    assert_eq!(said(&report), Vec::<String>::new());
    assert_eq!(report.verdict, Verdict::NotVerified);
}
