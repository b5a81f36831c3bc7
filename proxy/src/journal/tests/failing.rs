//! What a locked, full, damaged or foreign file costs: no client anything.

use super::*;

#[tokio::test]
async fn a_locked_file_delays_nobody_and_loses_no_count() {
    let setting = Setting::new();
    let journal = setting.open(Settings::default()).await;
    assert!(until(async || journal.status().size > 0).await);
    let mut other = setting.connection().await;
    sqlx::query("BEGIN IMMEDIATE")
        .execute(&mut other)
        .await
        .unwrap();
    let started = Instant::now();
    for _ in 0..QUEUE * 3 {
        setting
            .ledger
            .route("order-read")
            .begin()
            .settle(Ending::Different);
        journal.offer(setting.found(&["/id"]));
    }
    assert!(
        started.elapsed() < Duration::from_secs(1),
        "offers don't wait for the lock"
    );
    assert!(until(async || journal.status().failing).await);
    assert!(
        journal
            .status()
            .last_error
            .unwrap()
            .message
            .contains("locked")
    );
    sqlx::query("ROLLBACK").execute(&mut other).await.unwrap();
    assert!(until(async || !journal.status().failing).await);
    assert!(until(async || setting.budget.used() == 0).await);
    let finding = listed(&journal, &wanted(), 1).await.remove(0);
    assert_eq!(
        finding.count + journal.status().lost,
        QUEUE as u64 * 3,
        "lost detail is counted"
    );
    journal.close().await;
    assert_eq!(setting.different_after_restart().await, QUEUE as u64 * 3);
}

#[tokio::test]
async fn a_journal_of_a_newer_version_is_refused() {
    let setting = Setting::new();
    setting.open(Settings::default()).await.close().await;
    sqlx::query(
        "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time) \
         VALUES (9999, 'later', true, x'00', 0)",
    )
    .execute(&mut setting.connection().await)
    .await
    .unwrap();
    let path = setting.file();
    let opened = Journal::open(path.to_str().unwrap(), Settings::default(), Arc::default()).await;
    let error = opened.err().unwrap().to_string();
    assert!(
        error.contains("newer version") && error.contains("9999"),
        "{error}"
    );
}

#[tokio::test]
async fn the_directory_of_a_first_journal_is_made() {
    let setting = Setting::new();
    let inside = |path: &str| setting.directory.path().join(path);
    let open = async |path: PathBuf| {
        let path = path.to_str().unwrap();
        Journal::open(path, Settings::default(), Arc::default()).await
    };
    open(inside("new/deep/journal.db")).await.unwrap();
    assert!(inside("new/deep/journal.db").exists());
    std::fs::write(inside("file"), "").unwrap();
    let error = open(inside("file/journal.db"))
        .await
        .err()
        .unwrap()
        .to_string();
    assert!(error.contains("file/journal.db"), "{error}");
}

#[tokio::test]
async fn a_location_that_is_no_sqlite_file_is_refused() {
    for location in [
        "postgres://x/y",
        "",
        ":memory:",
        "sqlite://",
        "sqlite::memory:",
    ] {
        let opened = Journal::open(location, Settings::default(), Arc::default()).await;
        assert!(
            matches!(opened, Err(JournalError::Location(_))),
            "{location}"
        );
    }
}

#[tokio::test]
async fn a_full_disk_costs_detail_and_no_count_and_is_got_over() {
    let setting = Setting::new();
    let pool = store::open_for_writing(&setting.file()).await.unwrap();
    let limit = async |pages: u32| {
        let sql = format!("PRAGMA max_page_count = {pages}");
        sqlx::query(sqlx::AssertSqlSafe(sql))
            .fetch_all(&pool)
            .await
            .unwrap();
    };
    limit(1).await;
    let (settings, ledger) = (Settings::default(), Arc::clone(&setting.ledger));
    let opened = Journal::start(setting.file(), pool.clone(), settings, ledger).await;
    let journal = opened.unwrap();
    let mut big = setting.found(&["/id"]);
    big.exchange.primary.body = vec![Bytes::from("x".repeat(60_000))];
    setting
        .ledger
        .route("order-read")
        .begin()
        .settle(Ending::Different);
    journal.offer(big);
    assert!(until(async || journal.status().failing).await);
    assert!(
        journal
            .status()
            .last_error
            .unwrap()
            .message
            .contains("full")
    );
    assert!(journal.is_open());
    assert_eq!(journal.open_findings().await, None, "there is one by now");
    limit(1_000_000).await;
    assert!(until(async || !journal.status().failing).await);
    assert_eq!(journal.open_findings().await.unwrap()[0].count, 1);
    assert_eq!(
        journal.reader().findings(&wanted()).await.unwrap().findings[0].count,
        1
    );
    journal.close().await;
    assert_eq!(setting.different_after_restart().await, 1);
}

#[tokio::test]
async fn a_damaged_file_is_reported_while_offers_go_on_and_memory_stays_bounded() {
    let setting = Setting::new();
    let journal = setting.open(Settings::default()).await;
    sqlx::query("DROP TABLE samples")
        .execute(&mut setting.connection().await)
        .await
        .unwrap();
    let failing = async || {
        journal.offer(setting.found(&[&format!("/x{}", fastrand::u32(..))]));
        journal.status().failing
    };
    assert!(until(failing).await);
    // Captured bytes are given back even while nothing can be written.
    assert!(until(async || setting.budget.used() == 0).await);
    let started = Instant::now();
    journal.close().await;
    assert!(started.elapsed() < CLOSE_WITHIN * 2);
    assert!(!journal.is_open());
    let lost = journal.status().lost;
    journal.offer(setting.found(&["/late"]));
    assert_eq!(journal.status().lost, lost + 1);
}

#[tokio::test]
async fn a_file_that_is_no_journal_is_refused_by_name() {
    let setting = Setting::new();
    std::fs::write(setting.file(), vec![0xAB; 8192]).unwrap();
    let path = setting.file();
    let opened = Journal::open(path.to_str().unwrap(), Settings::default(), Arc::default()).await;
    let error = opened.err().unwrap().to_string();
    assert!(
        error.contains("journal.db") && error.contains("not a database"),
        "{error}"
    );
}
