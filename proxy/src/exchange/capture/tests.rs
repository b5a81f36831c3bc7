//! What a capture keeps, what it lets go of, and what it takes of the budget.

use super::*;
use crate::exchange::budget::Budget;

fn capture(budget: usize, max_body: usize) -> Capture {
    let mut capture = Capture::new(Budget::new(budget).hold(), max_body, None);
    capture.request_head(&Method::POST, b"/", &HeaderMap::new());
    capture
}

#[test]
fn a_second_attempt_forgets_the_first() {
    let budget = Budget::new(1 << 20);
    let mut capture = Capture::new(budget.hold(), 100, None);
    capture.request_chunk(Some(&Bytes::from("first")), true);
    capture.response_head(502, &HeaderMap::new(), false);
    capture.request_head(&Method::POST, b"/", &HeaderMap::new());
    assert_eq!(budget.used(), HEADS);
    capture.request_chunk(Some(&Bytes::from("second")), true);
    capture.response_head(200, &HeaderMap::new(), true);
    let collected = capture.finish().unwrap();
    assert_eq!(collected.request.body.concat(), b"second");
    assert_eq!(collected.response.status, 200);
}

#[test]
fn a_body_past_the_limit_lets_go_of_everything() {
    let budget = Budget::new(1 << 20);
    let mut capture = Capture::new(budget.hold(), 10, None);
    capture.request_chunk(None, true);
    for _ in 0..3 {
        capture.response_chunk(Some(&Bytes::from_static(b"12345")), false);
    }
    assert_eq!(budget.used(), 0);
    assert_eq!(capture.finish().unwrap_err(), Ending::TooLarge);
}

#[test]
fn a_write_whose_answer_is_too_much_is_kept_without_it() {
    let budget = Budget::new(HEADS + 100 + 2 * size_of::<Bytes>());
    for (max_body, ending) in [(10, Ending::TooLarge), (1 << 20, Ending::Budget)] {
        let mut capture = Capture::new(budget.hold(), max_body, None);
        capture.request_head(&Method::POST, b"/", &HeaderMap::new());
        capture.request_chunk(Some(&Bytes::from_static(b"write")), true);
        let without = budget.used();
        capture.response_head(201, &HeaderMap::new(), false);
        for _ in 0..30 {
            capture.response_chunk(Some(&Bytes::from_static(b"12345")), false);
        }
        assert_eq!(budget.used(), without);
        capture.response_chunk(None, true);
        let collected = capture.finish().unwrap();
        assert_eq!(collected.unread, Some(ending));
        assert_eq!(collected.request.body.concat(), b"write");
        assert_eq!(
            (collected.response.status, collected.response.body.len()),
            (201, 0)
        );
        assert!(collected.response_whole);
    }
}

#[test]
fn a_spent_budget_ends_the_capture_and_nothing_else() {
    let mut capture = capture(HEADS + 100, 1 << 20);
    capture.response_chunk(Some(&Bytes::from(vec![0; 200])), false);
    assert_eq!(capture.finish().unwrap_err(), Ending::Budget);
    assert_eq!(self::capture(10, 10).finish().unwrap_err(), Ending::Budget);
}

#[test]
fn long_heads_are_taken_from_the_budget() {
    let long = |bytes: usize| {
        let value = http::HeaderValue::from_str(&"x".repeat(bytes)).unwrap();
        HeaderMap::from_iter([(http::header::COOKIE, value)])
    };
    let (budget, none) = (Budget::new(3 * HEADS), HeaderMap::new());
    let mut capture = Capture::new(budget.hold(), 100, None);
    capture.request_head(&Method::PUT, b"/", &long(2 * HEADS));
    assert!((2 * HEADS..3 * HEADS).contains(&budget.used()));
    capture.request_head(&Method::PUT, b"/", &none);
    assert_eq!(budget.used(), HEADS, "another attempt has another head");
    capture.request_chunk(None, true);
    capture.response_head(200, &long(2 * HEADS), false);
    assert!((2 * HEADS..3 * HEADS).contains(&budget.used()));
    capture.response_head(200, &long(3 * HEADS), true);
    let collected = capture.finish().unwrap();
    assert_eq!(
        collected.unread,
        Some(Ending::Budget),
        "the write is kept without it"
    );
    drop(collected);
    let mut capture = Capture::new(budget.hold(), 100, None);
    capture.request_head(&Method::GET, b"/", &long(3 * HEADS));
    assert_eq!(budget.used(), 0);
    assert_eq!(capture.finish().unwrap_err(), Ending::Budget);
}

#[test]
fn an_answer_without_a_body_is_whole_once_its_head_is_there() {
    for last in [true, false] {
        let mut capture = capture(1 << 20, 100);
        capture.request_chunk(None, true);
        capture.response_head(204, &HeaderMap::new(), last);
        assert_eq!(capture.finish().unwrap().response_whole, last);
    }
}

#[test]
fn the_time_of_an_answer_is_neither_that_of_a_slow_request_nor_that_of_a_slow_reader() {
    let pause = Duration::from_millis(20);
    let mut capture = capture(1 << 20, 100);
    std::thread::sleep(pause);
    let before = Instant::now();
    capture.request_chunk(None, true);
    capture.response_head(200, &HeaderMap::new(), false);
    let reading = Instant::now();
    std::thread::sleep(pause);
    capture.read_in(reading.elapsed());
    capture.response_chunk(Some(&Bytes::from_static(b"{}")), true);
    let took = before.elapsed().saturating_sub(pause);
    std::thread::sleep(pause);
    assert!(capture.finish().unwrap().response.took <= took);
}

#[test]
fn a_request_that_was_not_read_to_its_end_is_cut() {
    let mut capture = capture(1 << 20, 100);
    capture.request_chunk(Some(&Bytes::from("begin")), false);
    assert_eq!(capture.finish().unwrap_err(), Ending::RequestCut);
}
