//! Opening: logins that fail, a database that is missing, scripts that do not run.

use std::time::Duration;

use super::{
    fake::{Fake, Reply},
    tokens::{done, error},
};
use crate::repository::mssql::{
    Address, MssqlError, MssqlRepository, OpenError, connection, error::Meaning,
};

fn accepted() -> Reply {
    Reply::Tokens(done())
}

#[tokio::test]
async fn the_scripts_run_batch_by_batch_and_in_order() {
    let fake = Fake::start(|_| accepted()).await;
    let url = fake.url();
    // Any task may open a database, on whatever thread it goes on.
    let opened = tokio::spawn(async move { crate::connect(&url).await.map(drop) });
    opened.await.unwrap().unwrap();
    let requests = fake.requests();
    assert!(requests[0].contains("sp_getapplock"), "{}", requests[0]);
    let place = |text: &str| {
        requests
            .iter()
            .position(|batch| batch.contains(text))
            .unwrap()
    };
    assert!(place("CREATE TABLE dbo.Customers") < place("CREATE TABLE dbo.Orders"));
    assert!(place("CREATE TABLE dbo.Invoices") < place("PROCEDURE dbo.CreateInvoice"));
    assert!(requests.iter().all(|batch| !batch.contains("\nGO")));
}

#[tokio::test]
async fn a_database_that_is_missing_is_made() {
    let asked = std::sync::atomic::AtomicUsize::new(0);
    let fake = Fake::start(move |request| match request.text.as_str() {
        "LOGIN" if asked.fetch_add(1, std::sync::atomic::Ordering::Relaxed) == 0 => {
            Reply::Tokens(error(4060, 11, "Cannot open database \"shop\""))
        }
        // Somebody else was quicker, which is as good.
        text if text.contains("CREATE DATABASE") => {
            Reply::Tokens(error(1801, 16, "Database 'shop' already exists."))
        }
        _ => accepted(),
    })
    .await;
    MssqlRepository::connect(&fake.url()).await.unwrap();
    assert!(fake.requests()[0].contains("CREATE DATABASE [shop]"));
}

#[tokio::test]
async fn a_batch_that_fails_is_named() {
    let fake = Fake::start(|request| {
        if request.text.contains("PROCEDURE dbo.OrderById") {
            Reply::Tokens(error(102, 15, "Incorrect syntax"))
        } else {
            accepted()
        }
    })
    .await;
    let failed = MssqlRepository::connect(&fake.url()).await.unwrap_err();
    assert_eq!(
        failed.to_string(),
        "batch 3 of migrations/legacy/mssql/0002_reads.sql failed"
    );
}

#[tokio::test]
async fn a_refused_login_says_who_and_where_but_not_the_password() {
    let fake =
        Fake::start(|_| Reply::Tokens(error(18456, 14, "Login failed for user 'sa'."))).await;
    let error = MssqlRepository::connect(&fake.url()).await.unwrap_err();
    let told = format!("{error} {error:?}");
    assert!(told.contains("mssql://sa@127.0.0.1:"), "{told}");
    assert!(told.contains("Login failed for user"), "{told}");
    assert!(!told.contains("hunter2"), "{told}");
    let OpenError::Server(error) = error else {
        panic!("{error:?}");
    };
    assert_eq!(error.meaning(), Meaning::Other);
}

#[tokio::test]
async fn a_server_that_never_answers_a_login_is_given_up() {
    let fake = Fake::start(|_| Reply::Silence).await;
    let limit = Duration::from_millis(200);
    let late = connection::open(&fake.address(), limit).await.unwrap_err();
    assert!(
        matches!(late, MssqlError::ConnectTimeout { .. }),
        "{late:?}"
    );
}

#[tokio::test]
async fn nobody_listening_is_told_with_the_address() {
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = free.local_addr().unwrap().port();
    drop(free);
    let address = Address::parse(&format!("mssql://sa:x@127.0.0.1:{port}/shop")).unwrap();
    let refused = connection::open(&address, Duration::from_secs(20))
        .await
        .unwrap_err();
    assert!(
        refused
            .to_string()
            .ends_with(&format!("127.0.0.1:{port}/shop")),
        "{refused}"
    );
}

#[tokio::test]
async fn without_trust_there_is_no_connection_without_tls() {
    let fake = Fake::start(|_| accepted()).await;
    let url = fake.url().replace("?trust=true", "");
    assert!(MssqlRepository::connect(&url).await.is_err());
    assert_eq!(fake.connections(), 0, "the password was sent in the clear");
}
