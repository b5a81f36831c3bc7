//! Opening the database that both services share.

use futures::future::join_all;

#[tokio::test(flavor = "multi_thread", worker_threads = 8)]
async fn eight_services_may_open_a_new_database_at_once() {
    let directory = tempfile::tempdir().unwrap();
    // One round seldom has two upgrades meet; ten do.
    for round in 0..10 {
        let url = format!("sqlite:{}/{round}.db", directory.path().display());
        let open = || {
            let url = url.clone();
            tokio::spawn(async move { order_service::connect(&url).await.map(drop) })
        };
        let opening: Vec<_> = (0..8).map(|_| open()).collect();
        for opened in join_all(opening).await {
            opened.unwrap().unwrap();
        }
    }
}

#[tokio::test]
async fn a_database_that_cannot_be_opened_is_named() {
    let directory = tempfile::tempdir().unwrap();
    let url = format!(
        "sqlite:{}",
        directory.path().join("missing/modern.db").display()
    );
    let error = order_service::connect(&url).await.err().unwrap();
    assert!(error.to_string().contains(&url), "{error}");
}

#[tokio::test]
async fn a_file_that_is_no_database_is_an_error() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("modern.db");
    std::fs::write(
        &path,
        "not a database, and long enough to be looked at ".repeat(100),
    )
    .unwrap();
    assert!(
        order_service::connect(&format!("sqlite:{}", path.display()))
            .await
            .is_err()
    );
}
