//! The ledger adds up, whoever counts and whenever it is read.

use super::*;

#[test]
fn rules_that_come_and_go_leave_no_more_than_a_bounded_number_of_counts() {
    let counts = Ledger::default().route("r");
    let kept = counts.rule_hits("kept");
    for i in 0..5 * MOST_RULES {
        counts
            .rule_hits(&format!("{i}"))
            .fetch_add(1, Ordering::Relaxed);
        kept.fetch_add(1, Ordering::Relaxed);
    }
    let all = counts.all_rule_hits();
    assert!(all.len() <= MOST_RULES, "{}", all.len());
    let hits = 5 * MOST_RULES as u64;
    assert!(all.contains(&("kept".to_owned(), hits)), "{all:?}");
}

#[test]
fn a_dropped_ticket_counts_as_lost() {
    let ledger = Ledger::default();
    drop(ledger.route("r").begin());
    let snapshot = ledger.route("r").snapshot();
    assert_eq!((snapshot.eligible, snapshot.pending()), (1, 0));
    assert_eq!(snapshot.count(Outcome::Dropped), 1);
}

#[test]
fn what_was_pending_in_a_former_run_ends_as_restart() {
    let ledger = Ledger::default();
    let kept = [
        ("eligible", "", 10),
        ("matched", "equal", 6),
        ("dropped", "of old", 1),
    ];
    ledger.route("r").restore(kept);
    let snapshot = ledger.route("r").snapshot();
    assert_eq!(snapshot.count(Outcome::Matched), 6);
    assert_eq!(snapshot.count(Outcome::Dropped), 4);
    assert_eq!(snapshot.pending(), 0);
}

#[test]
fn a_restored_route_counts_what_the_former_one_counted() {
    let ledger = Ledger::default();
    let before = ledger.route("before");
    before.count_served(Side::Modern);
    before.count_failed(Side::Legacy);
    before.count_unsampled();
    before.count_excluded();
    for ending in Ending::ALL {
        before.begin().settle(*ending);
    }
    let kept = before.snapshot().counters();
    ledger.route("after").restore(kept.clone());
    assert_eq!(ledger.route("after").snapshot().counters(), kept);
}

#[test]
fn pending_plus_outcomes_is_eligible_while_many_threads_count() {
    let ledger = Arc::new(Ledger::default());
    let counts = ledger.route("r");
    std::thread::scope(|scope| {
        for _ in 0..4 {
            let counts = Arc::clone(&counts);
            scope.spawn(move || {
                for i in 0..20_000 {
                    let ticket = counts.begin();
                    ticket.settle(Ending::ALL[i % Ending::ALL.len()]);
                }
            });
        }
        for _ in 0..2_000 {
            let now = counts.snapshot();
            assert!(now.settled() <= now.eligible);
            assert_eq!(now.pending() + now.settled(), now.eligible);
            assert!(now.pending() <= 4 + 80_000);
        }
    });
    assert_eq!(counts.snapshot().pending(), 0);
}
