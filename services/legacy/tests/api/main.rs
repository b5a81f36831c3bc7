//! The monolith through its API, each test on a server and a seeded database of its own.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "in a test, what is not there is a failed test"
)]

mod quirks;
mod seeded;

use kit::testing::{Server, Target};

kit::contract_tests!(monolith);

async fn monolith() -> Target {
    let directory = tempfile::tempdir().unwrap();
    let url = format!("sqlite:{}", directory.path().join("legacy.db").display());
    let monolith = legacy_monolith::connect(&url).await.unwrap();
    assert!(legacy_monolith::seed(&monolith).await.unwrap());
    let server = Server::start(legacy_monolith::router(monolith)).await;
    Target::one(&server.url()).keeping(vec![server], directory)
}
