//! A table for each day.

use super::*;

const FILE: &str = r#"
[upstreams.legacy]
peers = ["127.0.0.1:9"]
[[routes]]
name = "a"
path = "/a"
mode = "legacy"
legacy = "legacy"
"#;

#[tokio::test]
async fn the_table_is_made_anew_when_the_day_is_another_one() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("routes.toml");
    std::fs::write(&path, FILE).unwrap();
    let (ledger, budget) = (Arc::default(), Budget::new(1 << 20));
    let routes = LiveRoutes::load(&path, ledger, budget).await.unwrap();
    let running = routes.table();
    routes.follow_the_day().await;
    assert!(Arc::ptr_eq(&running, &routes.table()), "it is the same day");
    let mut of_old = check(&path, FILE, &routes.ledger, Some(&running)).unwrap();
    of_old.day = of_old.day.yesterday().unwrap();
    routes.table.store(Arc::new(of_old));
    routes.follow_the_day().await;
    assert_eq!(routes.table().day, routes.ledger.clock().today());
}
