//! SQL Server, where `CUTOVER_TEST_MSSQL_URL` names one. Without it nothing is tested here, and
//! standard error says so.

use legacy_monolith::repository::mssql::run_batch;
use migration_service::schema::Type;
use migration_service::store::{self, Range};
use migration_service::value::{Key, Value};

use crate::bed::{described, key, walked, whole};

const VARIABLE: &str = "CUTOVER_TEST_MSSQL_URL";

#[tokio::test]
async fn rows_come_exactly_page_by_page_and_by_their_keys() {
    let Ok(url) = std::env::var(VARIABLE) else {
        eprintln!("SKIPPED: SQL Server, because {VARIABLE} is not set");
        return;
    };
    let table = format!("Cutover{}", std::process::id());
    let made = format!(
        "CREATE TABLE {table} (
             Id int NOT NULL, Code varchar(9) COLLATE Latin1_General_CI_AS NOT NULL,
             Price money, At datetime, Fine datetime2(7), Sent datetimeoffset(7),
             Whose uniqueidentifier, Flag bit, Small tinyint, Twice AS Id * 2, Version rowversion,
             PRIMARY KEY (Id, Code));
         INSERT INTO {table} (Id, Code, Price, At, Fine, Sent, Whose, Flag, Small) VALUES
             (-1, 'é', 922337203685477.5807, '2026-01-02T03:04:05.003', '0001-01-01',
              '2026-01-02T03:04:05.1234567+05:30', '00010203-0405-0607-0809-0a0b0c0d0e0f', 1, 255),
             (7, 'it''s', -0.0001, NULL, '9999-12-31T23:59:59.9999999', NULL, NULL, 0, 0),
             (7, 'B ', NULL, NULL, NULL, NULL, NULL, NULL, NULL)"
    );
    run_batch(&url, &made).await.expect("a table");
    let source = store::source(&url).await.expect("a source");
    let schema = described(&*source, &format!("dbo.{table}")).await;
    assert_eq!(schema.key, ["Id", "Code"]);
    let of = |name: &str| schema.column(name).expect(name);
    assert!(of("Twice").generated && of("Version").generated);
    assert_eq!(of("Fine").kind, Type::Naive { digits: 7 });
    assert!(of("Id").ordered && !of("Code").ordered && !of("Whose").ordered);
    let select = whole(&*source, &format!("dbo.{table}")).await;
    let all = walked(&*source, &select, &Range::default(), 10).await;
    let shown: Vec<String> = all[0][..9].iter().map(ToString::to_string).collect();
    assert_eq!(
        shown,
        [
            "-1",
            "\"é\"",
            "922337203685477.5807",
            "2026-01-02 03:04:05.003",
            "0001-01-01 00:00:00",
            "2026-01-01T21:34:05.1234567Z",
            "00010203-0405-0607-0809-0a0b0c0d0e0f",
            "true",
            "255"
        ]
    );
    for limit in [1, 2] {
        assert_eq!(
            walked(&*source, &select, &Range::default(), limit).await,
            all
        );
    }
    let keys: Vec<Key> = all.iter().map(|row| select.key_of(row)).collect();
    assert_eq!(source.at(&select, &keys).await.expect("rows").len(), 3);
    assert_eq!(source.cuts(&select, 3).await.expect("cuts"), keys[..2]);
    let figures = source.figures(&select, &Range::default(), &[2]).await;
    let figures = figures.expect("figures");
    assert_eq!(figures.rows, 3);
    assert_eq!(
        figures.sums[0].map(|sum| sum.to_string()).as_deref(),
        Some("922337203685477.5806")
    );
    assert!(
        source
            .at(&select, &[key([Value::Int(8), Value::text("x")])])
            .await
            .expect("none")
            .is_empty()
    );
    run_batch(&url, &format!("DROP TABLE {table}"))
        .await
        .expect("no table");
}
