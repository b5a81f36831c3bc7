//! What each criterion says of evidence, and how often a bad route would pass.

use super::*;
use crate::outcome::Ending;
use crate::readiness::Verdict;
use crate::readiness::slice::ShapeCounts;

fn sums(matched: u64, different: u64) -> Sums {
    let mut sums = Sums {
        eligible: matched + different,
        asked: matched + different,
        ..Sums::default()
    };
    end(&mut sums, Ending::Matched, matched);
    end(&mut sums, Ending::Different, different);
    shape(&mut sums, "GET /orders 2xx", [matched, matched, 0]);
    sums
}

fn end(sums: &mut Sums, ending: Ending, n: u64) {
    let reasons = sums.endings.entry(ending.outcome().as_str().to_owned());
    reasons.or_default().insert(ending.reason().to_owned(), n);
}

fn shape(sums: &mut Sums, name: &str, [seen, compared, given_up]: [u64; 3]) {
    let counts = ShapeCounts {
        seen,
        compared,
        given_up,
    };
    sums.shapes.insert(name.to_owned(), counts);
}

fn state(sums: &Sums, name: &str) -> State {
    criterion(sums, name).state
}

fn criterion(sums: &Sums, name: &str) -> Criterion {
    let known = Known {
        sums,
        besides: &Besides {
            open_findings: Some(0),
            tainted: Some(Vec::new()),
            ..Besides::default()
        },
    };
    let criteria = judge(known, &Thresholds::default());
    criteria.into_iter().find(|c| c.name == name).unwrap()
}

#[test]
fn too_few_comparisons_are_unknown_and_too_many_differences_are_red() {
    assert_eq!(state(&sums(0, 0), "match_rate"), State::Unknown);
    assert_eq!(state(&sums(2_994, 0), "match_rate"), State::Unknown);
    assert_eq!(state(&sums(2_995, 0), "match_rate"), State::Green);
    assert_eq!(state(&sums(2_995, 1), "match_rate"), State::Unknown);
    assert_eq!(state(&sums(990, 10), "match_rate"), State::Red);
    assert_eq!(state(&sums(999, 0), "comparisons"), State::Unknown);
    assert_eq!(state(&sums(999, 1), "comparisons"), State::Green);
}

#[test]
fn a_shape_that_was_never_compared_is_named() {
    let mut sums = sums(10, 0);
    assert_eq!(state(&sums, "coverage"), State::Green);
    shape(&mut sums, "GET /orders ?page 2xx", [3, 0, 0]);
    let unknown = criterion(&sums, "coverage");
    assert_eq!(unknown.state, State::Unknown);
    assert_eq!(unknown.missing, ["GET /orders ?page 2xx (seen 3)"]);
    shape(&mut sums, "POST /orders 2xx", [1, 0, 1]);
    assert_eq!(state(&sums, "coverage"), State::Red);
    assert_eq!(state(&Sums::default(), "coverage"), State::Unknown);
}

#[test]
fn shapes_that_are_not_told_apart_are_never_green() {
    let mut sums = sums(10, 0);
    sums.other.seen = 1;
    sums.other.compared = 1;
    let coverage = criterion(&sums, "coverage");
    assert_eq!(coverage.state, State::Unknown);
    assert!(
        coverage
            .explanation
            .contains("1 requests have shapes beyond")
    );
}

#[test]
fn what_gave_no_verdict_counts_against_the_route() {
    let mut sums = sums(990, 0);
    assert_eq!(state(&sums, "unverified"), State::Green);
    end(&mut sums, Ending::QueueFull, 10);
    assert_eq!(state(&sums, "unverified"), State::Green);
    end(&mut sums, Ending::QueueFull, 11);
    assert_eq!(state(&sums, "unverified"), State::Red);
    assert_eq!(state(&Sums::default(), "unverified"), State::Unknown);
    sums.failed = 1;
    assert_eq!(state(&sums, "modern_errors"), State::Red);
    sums.excused = 1;
    assert_eq!(state(&sums, "modern_errors"), State::Green);
}

#[test]
fn modern_may_be_slower_by_the_ratio_or_by_the_slack() {
    let timed = |legacy: u64, modern: u64| {
        let histogram = crate::readiness::slice::Slice::new(0);
        for _ in 0..1000 {
            histogram.time(Duration::from_millis(legacy), Duration::from_millis(modern));
        }
        histogram.sums()
    };
    for (legacy, modern, expected) in [
        (100, 140, State::Green),
        (100, 170, State::Red),
        (1, 5, State::Green),
        (1, 9, State::Red),
    ] {
        assert_eq!(state(&timed(legacy, modern), "latency_p50"), expected);
    }
    let mut few = timed(100, 100);
    few.add(&timed(100, 100));
    assert_eq!(state(&few, "latency_p99"), State::Green);
    assert_eq!(state(&Sums::default(), "latency_p99"), State::Unknown);
}

#[test]
fn unknown_is_not_green_and_red_outweighs_it() {
    let verdict = |sums: &Sums, open_findings| {
        let besides = &Besides {
            open_findings,
            tainted: Some(Vec::new()),
            ..Besides::default()
        };
        let known = Known { sums, besides };
        Verdict::of(&judge(known, &Thresholds::default()))
    };
    let slice = crate::readiness::slice::Slice::new(0);
    for _ in 0..3000 {
        slice.time(Duration::from_millis(9), Duration::from_millis(9));
    }
    let mut good = sums(3000, 0);
    good.add(&slice.sums());
    assert_eq!(verdict(&good, Some(0)), Verdict::Ready);
    assert_eq!(verdict(&good, None), Verdict::Unknown);
    assert_eq!(verdict(&good, Some(1)), Verdict::NotReady);
    assert_eq!(verdict(&Sums::default(), Some(0)), Verdict::Unknown);
    assert_eq!(verdict(&Sums::default(), Some(1)), Verdict::NotReady);
}

#[test]
fn a_lost_write_keeps_a_route_back_and_its_lane_is_named() {
    let besides = &Besides {
        open_findings: Some(0),
        tainted: Some(vec!["order:17".to_owned()]),
        ..Besides::default()
    };
    let known = Known {
        sums: &sums(3000, 0),
        besides,
    };
    let criteria = judge(known, &Thresholds::default());
    let lost = criteria.iter().find(|c| c.name == "lost_writes").unwrap();
    assert_eq!(lost.state, State::Red);
    assert_eq!(lost.missing, ["order:17"]);
    assert_eq!(Verdict::of(&criteria), Verdict::NotReady);
    let besides = &Besides {
        tainted: None,
        ..besides.clone()
    };
    let criteria = judge(Known { besides, ..known }, &Thresholds::default());
    let lost = criteria.iter().find(|c| c.name == "lost_writes").unwrap();
    assert_eq!((lost.state, lost.value), (State::Unknown, None));
}

/// How many of 1,000 runs pass, of a route whose answers differ at this rate, when it is looked at
/// after each of `looks` further comparisons and passes at the first green look.
fn passes(mismatch: f64, looks: &[u64]) -> u32 {
    let mut random = fastrand::Rng::with_seed(20_261_122);
    // How many match until the next one differs: geometric, drawn at once.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a number of answers; without mismatches it is endless"
    )]
    let gap = |random: &mut fastrand::Rng| {
        ((1.0 - random.f64()).ln() / (-mismatch).ln_1p()).min(1e12) as u64
    };
    let mut passed = 0;
    for _ in 0..1_000 {
        let (mut matched, mut different) = (0, 0);
        let mut next = gap(&mut random);
        let green = looks.iter().any(|more| {
            let end = matched + different + more;
            while matched + different + next < end {
                matched += next;
                different += 1;
                next = gap(&mut random);
            }
            let rest = end - matched - different;
            matched += rest;
            next -= rest;
            state(&sums(matched, different), "match_rate") == State::Green
        });
        passed += u32::from(green);
    }
    passed
}

#[test]
fn a_route_with_twice_the_mismatch_passes_in_fewer_than_one_run_of_twenty() {
    // 0.2 % where 0.1 % is allowed: 50 of 1,000 runs would be one in twenty.
    for looks in [&[3_000][..], &[10_000], &[50_000]] {
        let passed = passes(0.002, looks);
        assert!(passed < 50, "{passed} of 1000 after {looks:?}");
    }
    // Nor does it help to look again and again, and to stop at the first green.
    let passed = passes(0.002, &[500; 40]);
    assert!(passed < 50, "{passed} of 1000 at any of 40 looks");
}

#[test]
fn a_route_without_a_mismatch_passes_and_one_at_the_threshold_rarely_does() {
    assert_eq!(passes(0.0, &[3_000]), 1_000);
    let passed = passes(0.001, &[20_000]);
    assert!(passed < 50, "{passed} of 1000");
}
