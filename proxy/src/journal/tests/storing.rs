//! What is stored, how it is grouped, and that it survives a restart.

use super::*;

#[tokio::test]
async fn findings_are_grouped_by_fingerprint_with_a_bounded_sample() {
    let setting = Setting::new();
    let journal = setting.open(Settings::default()).await;
    for i in 0..20 {
        journal.offer(setting.found(&[&format!("/items/{i}/total"), "/items/99/total", "/id"]));
    }
    let findings = listed(&journal, &wanted(), 2).await;
    let counts: HashSet<_> = findings
        .iter()
        .map(|f| (f.path.as_str(), f.count))
        .collect();
    assert_eq!(counts, HashSet::from([("/items/*/total", 20), ("/id", 20)]));
    let detail = journal
        .reader()
        .finding(&findings[0].id)
        .await
        .unwrap()
        .unwrap();
    // Five by lot, and the smallest.
    assert!((5..=6).contains(&detail.samples.len()));
    let smallest = detail.samples.iter().map(|sample| sample.smallest);
    assert_eq!(smallest.filter(|smallest| *smallest).count(), 1);
    let sample = &detail.samples[0].exchange;
    assert_eq!(
        sample.legacy.as_ref().unwrap().body.text.as_deref(),
        Some(ANSWER)
    );
    assert_eq!(sample.discrepancies.len(), 3);
    assert!(
        until(async || setting.budget.used() == 0).await,
        "captured bytes are given back"
    );
}

#[tokio::test]
async fn pages_follow_each_other_without_gap_or_repetition() {
    let setting = Setting::new();
    let journal = setting.open(Settings::default()).await;
    for i in 0..23 {
        let paths: Vec<String> = (i..23).map(|n| format!("/field{n}")).collect();
        journal.offer(setting.found(&paths.iter().map(String::as_str).collect::<Vec<_>>()));
    }
    listed(&journal, &wanted(), 23).await;
    for sort in [Sort::Frequent, Sort::Recent] {
        let mut filter = Filter {
            limit: 5,
            sort,
            ..Filter::default()
        };
        let mut paths = Vec::new();
        loop {
            let page = journal.reader().findings(&filter).await.unwrap();
            paths.extend(page.findings.into_iter().map(|f| f.path));
            let Some(next) = page.next else { break };
            filter.after = Some(next.to_string().parse().unwrap());
        }
        assert_eq!(paths.len(), 23);
        assert_eq!(paths.iter().collect::<HashSet<_>>().len(), 23);
    }
}

#[tokio::test]
async fn an_exchange_that_could_not_be_compared_is_a_failure_not_a_discrepancy() {
    let setting = Setting::new();
    let journal = setting.open(Settings::default()).await;
    let mut finding = setting.found(&[]);
    finding.ending = Ending::CandidateReset;
    finding.exchange.candidate = None;
    journal.offer(finding);
    let failures = Filter {
        failures: true,
        ..wanted()
    };
    let failure = listed(&journal, &failures, 1).await.remove(0);
    assert_eq!(
        (failure.outcome.as_str(), failure.kind.as_str()),
        ("candidate_error", "reset")
    );
    assert_eq!(
        journal.reader().findings(&wanted()).await.unwrap().findings,
        []
    );
    let detail = journal
        .reader()
        .finding(&failure.id)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(detail.samples[0].exchange.modern, None);
    assert!(detail.samples[0].exchange.legacy.is_some());
}

#[tokio::test]
async fn counts_findings_and_reservoirs_survive_a_restart() {
    let setting = Setting::new();
    let journal = setting.open(Settings::default()).await;
    let route = setting.ledger.route("order-read");
    for _ in 0..7 {
        route.begin().settle(Ending::Matched);
    }
    let pending = route.begin();
    for _ in 0..10 {
        journal.offer(setting.found(&["/id"]));
    }
    journal.close().await;
    drop(pending);

    let setting = Setting {
        ledger: Arc::default(),
        ..setting
    };
    let journal = setting.open(Settings::default()).await;
    let counts = setting.ledger.route("order-read").snapshot();
    assert_eq!((counts.eligible, counts.pending()), (8, 0));
    assert_eq!(
        (
            counts.count(Outcome::Matched),
            counts.count(Outcome::Dropped)
        ),
        (7, 1)
    );
    journal.offer(setting.found(&["/id"]));
    journal.close().await;

    let setting = Setting {
        ledger: Arc::default(),
        ..setting
    };
    let journal = setting.open(Settings::default()).await;
    let counts = setting.ledger.route("order-read").snapshot();
    assert_eq!(
        (counts.eligible, counts.settled()),
        (8, 8),
        "nothing is counted twice"
    );
    let finding = listed(&journal, &wanted(), 1).await.remove(0);
    assert_eq!(finding.count, 11);
    let drawn: i64 = sqlx::query_scalar("SELECT drawn FROM findings")
        .fetch_one(&mut setting.connection().await)
        .await
        .unwrap();
    assert_eq!(drawn, 11);
}

#[tokio::test]
async fn more_paths_than_a_route_may_have_are_one_finding() {
    let setting = Setting::new();
    let journal = setting
        .open(Settings {
            samples: 0,
            ..Settings::default()
        })
        .await;
    for i in 0..30 {
        let paths: Vec<String> = (0..50).map(|n| format!("/x{}", i * 50 + n)).collect();
        journal.offer(setting.found(&paths.iter().map(String::as_str).collect::<Vec<_>>()));
    }
    let counted = async || {
        let frequent = journal.reader().findings(&wanted()).await.unwrap().findings;
        frequent
            .first()
            .is_some_and(|f| f.path == "(other paths)" && f.count == 500)
    };
    assert!(until(counted).await);
    let findings: i64 = sqlx::query_scalar("SELECT count(*) FROM findings")
        .fetch_one(&mut setting.connection().await)
        .await
        .unwrap();
    assert_eq!(findings, 1001);
}

#[tokio::test]
async fn nothing_goes_early_because_the_time_of_day_is_a_day_ahead_for_a_while() {
    let mut setting = Setting::new();
    let ahead = Arc::new(AtomicBool::new(false));
    let jumps = Arc::clone(&ahead);
    let clock = Clock::new(move || {
        let by = if jumps.load(Ordering::Relaxed) { 24 } else { 0 };
        Timestamp::now() + Duration::from_hours(by)
    });
    setting.ledger = Arc::new(Ledger::by(clock));
    let settings = Settings {
        keep: Duration::from_hours(1),
        ..Settings::default()
    };
    let journal = setting.open(settings).await;
    let finding = setting.found(&["/data/total"]);
    // Before its first batch, with which it looks for what is too old.
    ahead.store(true, Ordering::Relaxed);
    journal.offer(finding);
    listed(&journal, &wanted(), 1).await;
    journal.close().await;
}

#[tokio::test]
async fn what_comes_back_after_the_clock_was_set_back_is_seen() {
    let mut setting = Setting::new();
    let back = Arc::new(AtomicBool::new(false));
    let jumps = Arc::clone(&back);
    let clock = Clock::new(move || {
        let by = u64::from(!jumps.load(Ordering::Relaxed));
        Timestamp::now() + Duration::from_hours(by)
    });
    setting.ledger = Arc::new(Ledger::by(clock));
    let journal = setting.open(Settings::default()).await;
    journal.offer(setting.found(&["/data/total"]));
    let found = listed(&journal, &wanted(), 1).await.remove(0);
    assert!(
        journal
            .decide(&found.id, &[State::Open], State::Fixed)
            .await
            .unwrap()
    );
    // It was called fixed at an hour that is still to come.
    back.store(true, Ordering::Relaxed);
    journal.offer(setting.found(&["/data/total"]));
    let regressed =
        async || listed(&journal, &wanted(), 1).await[0].state == State::Regressed.as_str();
    assert!(until(regressed).await);
}
