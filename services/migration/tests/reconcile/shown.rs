//! A report as people and scripts read it.

use migration_service::reconcile::{Report, page, terminal};

use crate::pair::{NUMBERED, Pair, numbered, only};

#[tokio::test]
async fn a_terminal_shows_a_row_for_each_table_and_what_explains_its_differences() {
    let pair = Pair::alike(&numbered(2000), NUMBERED).await;
    pair.at_modern("UPDATE t SET name = name || ' ' WHERE id % 2 = 0; DELETE FROM t WHERE id = 7")
        .await;
    let report = pair.report().await;
    let shown = terminal(&report);
    let lines: Vec<&str> = shown.lines().skip(1).collect();
    assert_eq!(
        lines,
        [
            "CRITICAL: different, 49.95 % of 2,000 rows equal",
            "",
            "table  verdict    equal  different  missing  extra",
            "t      different    999      1,000        1      0",
            "",
            "t",
            "  1,000 rows: trailing blanks in t.name; allowed by compare = { trim = true }",
            "    such as 14: \"name 2\" → \"name 2 \"",
            "  1 row: missing in t",
            "    such as 7",
        ]
    );
}

#[tokio::test]
async fn a_page_shows_hostile_values_as_text() {
    let pair = Pair::alike(&numbered(10), NUMBERED).await;
    pair.at_modern(
        "UPDATE t SET name = '<script>alert(1)</script>\"''&' || char(27) || '[31m' WHERE id = 7",
    )
    .await;
    let report = pair.report().await;
    let page = page(&report);
    assert!(
        page.contains("&lt;script&gt;alert(1)&lt;/script&gt;"),
        "{page}"
    );
    assert!(
        !page.contains("<script") && !page.contains('\u{1b}'),
        "{page}"
    );
    assert!(!terminal(&report).contains('\u{1b}'));
    let outside = ["src=", "href=", "url(", "http://", "https://"];
    assert!(!outside.iter().any(|word| page.contains(word)), "{page}");
}

#[tokio::test]
async fn a_report_comes_back_from_its_json_with_the_names_that_scripts_read() {
    let pair = Pair::alike(&numbered(100), NUMBERED).await;
    pair.at_modern("UPDATE t SET total = 0 WHERE id = 7").await;
    let report = pair.report().await;
    let json = serde_json::to_value(&report).expect("json");
    assert_eq!(json["verdict"], "different");
    assert_eq!(json["health"], "warning");
    assert_eq!(json["equal_percent"], 99.0);
    assert_eq!(json["ledger"]["different"], 1);
    assert_eq!(json["tables"][0]["findings"][0]["cause"]["kind"], "other");
    assert_eq!(
        json["tables"][0]["findings"][0]["samples"][0]["legacy"],
        "3"
    );
    let back: Report = serde_json::from_value(json).expect("a report");
    assert_eq!(only(&back).rows, only(&report).rows);
}
