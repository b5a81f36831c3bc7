//! A monolith on a database file of its own.

use kit::testing::{Server, Target};

pub(crate) async fn monolith() -> Option<Target> {
    let directory = tempfile::tempdir().unwrap();
    let url = format!("sqlite:{}", directory.path().join("legacy.db").display());
    let monolith = legacy_monolith::connect(&url).await.unwrap();
    assert!(legacy_monolith::seed(&monolith).await.unwrap());
    // Whoever opens it again finds it filled, and leaves it alone.
    let again = legacy_monolith::connect(&url).await.unwrap();
    assert!(!legacy_monolith::seed(&again).await.unwrap());
    let server = Server::start(legacy_monolith::router(monolith)).await;
    Some(Target::one(&server.url()).keeping(vec![server], directory))
}
