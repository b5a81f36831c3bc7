//! Reading by query, for whoever takes rows elsewhere.

use tiberius::{ColumnData, Row};

use super::{
    fake::{Fake, Reply},
    tokens::{
        Cell::{Cents, Int, Text},
        error, result,
    },
};
use crate::repository::mssql::Reader;

#[tokio::test]
async fn the_rows_of_a_query_come_with_its_parameters_sent_apart() {
    let rows = [
        &[Int(7), Text(Some("zoë")), Cents(-5)][..],
        &[Int(8), Text(None), Cents(0)],
    ];
    let answer = result("Id Name Total", &rows);
    let fake = Fake::start(move |_| Reply::Tokens(answer.clone())).await;
    let reader = Reader::connect(&fake.url()).await.unwrap();
    let query = "SELECT TOP (@P2) Id FROM dbo.T WHERE Id > @P1".to_owned();
    let rows = reader.rows(query.clone(), &[i64::MIN, 2]).await.unwrap();
    let cells: Vec<_> = rows.iter().flat_map(Row::cells).collect();
    assert_eq!(cells.len(), 6);
    assert!(matches!(cells[0].1, ColumnData::I32(Some(7))), "{cells:?}");
    assert!(matches!(cells[4].1, ColumnData::String(None)), "{cells:?}");
    let sent = fake.requests();
    assert!(
        sent[1].contains(&query) && sent[1].contains("@P2 bigint"),
        "{sent:?}"
    );
}

#[tokio::test]
async fn a_reader_says_at_once_that_its_database_is_not_there() {
    let fake = Fake::start(|_| Reply::Tokens(error(4060, 11, "Cannot open database"))).await;
    let refused = Reader::connect(&fake.url()).await.unwrap_err();
    assert!(
        refused
            .to_string()
            .starts_with("could not connect to mssql://sa@127.0.0.1")
    );
    assert!(fake.requests().is_empty(), "a reader makes no database");
}
