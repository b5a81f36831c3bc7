//! A table for each day, and a tag that fits its table.

use super::*;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};

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
#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_tag_is_never_newer_than_the_table_that_is_judged_with_it() {
    const TEXTS: usize = 400;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("routes.toml");
    let text = |n: usize| FILE.replace("\"/a\"", &format!("\"/{n}\""));
    std::fs::write(&path, text(0)).unwrap();
    let loaded = LiveRoutes::load(&path, Arc::default(), Budget::new(0)).await;
    let routes = loaded.unwrap();
    let tags: Vec<String> = (0..TEXTS).map(|n| etag(&text(n))).collect();
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let look = scope.spawn(|| {
            while !done.load(SeqCst) {
                let (tag, table) = routes.tagged();
                let told = tags.iter().position(|known| *known == tag).unwrap();
                let judged = table.routes[0].path.trim_start_matches('/');
                assert!(
                    judged.parse::<usize>().unwrap() >= told,
                    "{judged} by {told}"
                );
            }
        });
        tokio::task::block_in_place(|| {
            tokio::runtime::Handle::current().block_on(async {
                for n in 1..TEXTS {
                    routes.follow(&text(n)).await.unwrap();
                }
            });
        });
        done.store(true, SeqCst);
        look.join().unwrap();
    });
}
