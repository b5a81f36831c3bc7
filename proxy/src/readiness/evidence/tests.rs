//! What counts, for how long, and once, over restarts too.

use super::*;
use crate::exchange::{CapturedRequest, CapturedResponse};

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

fn evidence() -> Arc<Evidence> {
    let evidence = Evidence::new(7, at(0));
    evidence.keep_for(Duration::from_mins(4));
    evidence
}

fn eligible(evidence: &Evidence) -> u64 {
    evidence.sums().0.eligible
}

#[test]
fn what_is_older_than_the_period_counts_no_more() {
    let evidence = evidence();
    for second in 0..300 {
        evidence.advance(at(second));
        evidence.begin().settle(Ending::Matched);
    }
    let kept = eligible(&evidence);
    assert!((230..=250).contains(&kept), "{kept}");
    evidence.advance(at(10_000));
    evidence.advance(at(10_300));
    assert_eq!(eligible(&evidence), 0);
}

#[test]
fn a_request_ends_in_the_slice_that_it_began_in() {
    let evidence = evidence();
    let witness = evidence.begin();
    evidence.advance(at(10));
    evidence.advance(at(20));
    assert_eq!(evidence.sums().0.ended(), 0);
    witness.settle(Ending::Different);
    let (sums, since) = evidence.sums();
    assert_eq!((sums.eligible, sums.ended()), (1, 1));
    assert_eq!(since, at(0));
    evidence.advance(at(30));
    assert_eq!(evidence.sums().0.ended_in(Outcome::Different), 1);
}

#[test]
fn what_was_stored_is_taken_up_with_what_was_under_way_cut_off() {
    let before = evidence();
    before.begin().settle(Ending::Matched);
    let under_way = before.begin();
    before.advance(at(15));
    before.begin().settle(Ending::Matched);
    let stored = before.live_slices();
    assert_eq!(stored.len(), 2);
    drop(under_way);
    let after = Evidence::new(7, at(30));
    after.keep_for(Duration::from_mins(4));
    after.restore(stored);
    let (sums, since) = after.sums();
    assert_eq!((sums.eligible, sums.ended()), (3, 3));
    assert_eq!(sums.ended_in(Outcome::Dropped), 1);
    assert_eq!(since, at(0));
}

#[test]
fn what_was_seen_in_the_future_is_not_taken_up() {
    let before = evidence();
    before.advance(at(100));
    before.begin().settle(Ending::Matched);
    let stored = before.live_slices();
    for (now, taken_up) in [(99, 0), (100, 1)] {
        let after = Evidence::new(7, at(now));
        after.keep_for(Duration::from_mins(4));
        after.restore(stored.clone());
        assert_eq!(eligible(&after), taken_up);
    }
}

/// An exchange that modern answered, and legacy was asked for as well.
fn exchange(legacy: u16, modern: u16) -> Exchange {
    let answer = |status| CapturedResponse {
        status,
        ..CapturedResponse::default()
    };
    Exchange {
        at: at(0),
        route: "r".into(),
        request_id: "1".into(),
        answered_by: Side::Modern,
        request: CapturedRequest {
            method: Method::GET,
            target: "/".into(),
            headers: http::HeaderMap::new(),
            body: Vec::new(),
        },
        primary: answer(modern),
        candidate: Some(answer(legacy)),
    }
}

#[test]
fn what_legacy_fails_alike_is_no_error_of_modern_whoever_answers() {
    for (legacy, errors) in [(501, 0), (200, 1)] {
        let evidence = evidence();
        let mut witness = evidence.begin();
        let answered = Answered {
            template: "/",
            method: &Method::GET,
            uri: &Uri::from_static("/"),
            status: Some(StatusCode::NOT_IMPLEMENTED),
            primary: Side::Modern,
            failed: true,
            mirrored: true,
        };
        evidence.note(answered, Some(&mut witness));
        witness.answers(&exchange(legacy, 501));
        witness.settle(Ending::Matched);
        let mut sums = evidence.sums().0;
        sums.add(&Sums::default());
        assert_eq!((sums.asked, sums.failed - sums.excused), (1, errors));
    }
}

/// What the journal has, by the start of each slice, after it has kept what is new.
fn keep(evidence: &Evidence, disk: &mut BTreeMap<i64, Sums>) {
    for slice in evidence.live_slices() {
        disk.insert(slice.start, slice.sums);
        if slice.whole {
            evidence.kept(slice.start);
        }
    }
}

#[test]
fn nothing_is_counted_twice_or_left_out_however_often_the_proxy_starts() {
    let mut disk: BTreeMap<i64, Sums> = BTreeMap::new();
    let (mut settled, mut now) = (0, 0);
    for run in 0..150 {
        let evidence = Evidence::new(7, at(now));
        evidence.keep_for(Duration::from_hours(24));
        let stored = disk.clone().into_iter().map(|(start, sums)| StoredSlice {
            start,
            sums,
            whole: true,
        });
        evidence.restore(stored.collect());
        let sums = evidence.sums().0;
        assert_eq!(
            (sums.eligible, sums.ended_in(Outcome::Matched)),
            (settled, settled),
            "run {run}"
        );
        evidence.advance(at(now));
        let under_way = evidence.begin();
        keep(&evidence, &mut disk);
        // Now and then a slice is over while a request of it is under way.
        now += if run % 10 == 0 { 3_600 } else { 60 };
        evidence.advance(at(now));
        keep(&evidence, &mut disk);
        under_way.settle(Ending::Matched);
        settled += 1;
        evidence.advance(at(now));
        keep(&evidence, &mut disk);
        evidence.advance(at(now));
        assert!(evidence.past.lock().len() <= MAX_SLICES + 1);
        assert_eq!(evidence.sums().0.eligible, settled, "run {run}");
    }
}

#[test]
fn slices_stay_few_however_often_the_proxy_starts() {
    let evidence = evidence();
    let one = StoredSlice {
        start: 0,
        sums: Sums {
            eligible: 1,
            ..Sums::default()
        },
        whole: true,
    };
    evidence.restore(vec![one; 500]);
    for _ in 0..500 {
        evidence.advance(at(5));
    }
    assert_eq!(evidence.past.lock().len(), MAX_SLICES);
    assert_eq!(eligible(&evidence), 500);
}
