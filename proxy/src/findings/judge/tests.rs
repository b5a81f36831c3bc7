//! Verdicts on stored samples.

use super::*;
use crate::journal::{Milliseconds, RequestRecord};
use crate::routing::today;
use crate::side::Side;
use jiff::Timestamp;

/// A stored exchange with these two bodies, and what differs in it.
pub(in crate::findings) fn sample(legacy: &str, modern: &str, at: &str) -> Sample {
    let answer = |body: &str| ResponseRecord {
        status: 200,
        headers: vec![("content-type".to_owned(), "application/json".to_owned())],
        body: BodyRecord {
            bytes: body.len(),
            text: Some(body.to_owned()),
            note: None,
        },
        took_ms: 1.0,
    };
    let (legacy, modern) = (answer(legacy), answer(modern));
    let [left, right] = [&legacy, &modern].map(|a| Answer::new(a, true).unwrap());
    let found = compare(&left.view(), &right.view(), &Rules::default());
    Sample {
        path: at.to_owned(),
        smallest: false,
        exchange: Record {
            at: Timestamp::now(),
            request_id: "r-1".to_owned(),
            answered_by: Side::Legacy,
            outcome: "different".to_owned(),
            reason: "discrepancies".to_owned(),
            request: RequestRecord {
                method: "GET".to_owned(),
                target: "/orders/7".to_owned(),
                headers: Vec::new(),
                body: BodyRecord::default(),
            },
            legacy: Some(legacy),
            modern: Some(modern),
            discrepancies: found.discrepancies,
            unreported: 0,
        },
    }
}

/// The finding that a sample shows at its path.
pub(in crate::findings) fn finding(sample: &Sample) -> FindingSummary {
    let all = &sample.exchange.discrepancies;
    let found = all.iter().find(|d| d.path == sample.path).unwrap();
    let now = Milliseconds(Timestamp::now());
    FindingSummary {
        id: fingerprint("all", found),
        route: "all".to_owned(),
        outcome: "different".to_owned(),
        path: found.general_path(),
        kind: found.kind.as_str().to_owned(),
        count: 1,
        first_seen: now,
        last_seen: now,
        state: "open".to_owned(),
        explanation: String::new(),
        imported: false,
    }
}

fn judge(sample: &Sample, rule: &str) -> Judged {
    let none = RulesConfig::default();
    let rule = crate::findings::read_rule(rule).unwrap();
    let trial = Trial::with(&none, &none, rule, today()).unwrap();
    trial.one(&finding(sample), &sample.exchange)
}

#[test]
fn a_rule_hides_what_it_allows_and_nothing_else() {
    let sample = sample(
        r#"{"total":1.00,"id":1}"#,
        r#"{"total":1.01,"id":2}"#,
        "/total",
    );
    for (rule, expected) in [
        (r#"{ path = "/total", ignore = true }"#, Judged::Hidden),
        (r#"{ path = "/**", ignore = true }"#, Judged::Hidden),
        (r#"{ path = "/id", ignore = true }"#, Judged::Shows),
        (
            r#"{ path = "/total", number = { tolerance = "0.01" } }"#,
            Judged::Hidden,
        ),
        (
            r#"{ path = "/total", number = { tolerance = "0.001" } }"#,
            Judged::Shows,
        ),
    ] {
        assert_eq!(judge(&sample, rule), expected, "{rule}");
    }
}

#[test]
fn another_sort_of_change_at_the_same_place_is_another_finding() {
    let (legacy, modern) = (
        r#"{"items":[{"name":"a "},{"name":"b"}]}"#,
        r#"{"items":[{"name":"a"},{"name":"c"}]}"#,
    );
    let blank = r#"{ path = "/items/*/name", text = ["space"] }"#;
    let trailing = sample(legacy, modern, "/items/0/name");
    assert_eq!(judge(&trailing, blank), Judged::Hidden);
    let other = sample(legacy, modern, "/items/1/name");
    assert_eq!(judge(&other, blank), Judged::Shows);
}

#[test]
fn an_array_without_order_hides_what_was_found_in_its_elements() {
    let rule = r#"{ path = "/ids", unordered = true }"#;
    let moved = sample(r#"{"ids":[1,2]}"#, r#"{"ids":[2,1]}"#, "/ids/0");
    assert_eq!(judge(&moved, rule), Judged::Hidden);
    let other = sample(r#"{"ids":[1,2]}"#, r#"{"ids":[2,3]}"#, "/ids/0");
    assert_ne!(judge(&other, rule), Judged::CannotTell);
}

#[test]
fn of_a_redacted_or_shortened_sample_nothing_is_concluded() {
    let rule = r#"{ path = "/other", ignore = true }"#;
    let original = sample(r#"{"card":1}"#, r#"{"card":2}"#, "/card");
    let known = finding(&original);
    let none = RulesConfig::default();
    let rule = crate::findings::read_rule(rule).unwrap();
    let trial = Trial::with(&none, &none, rule, today()).unwrap();
    let mut redacted = original.clone();
    for answer in [&mut redacted.exchange.legacy, &mut redacted.exchange.modern] {
        answer.as_mut().unwrap().body.text = Some(r#"{"card":"[redacted]"}"#.to_owned());
    }
    assert_eq!(trial.one(&known, &redacted.exchange), Judged::CannotTell);
    let mut marked = original.clone();
    for (answer, mark) in [
        (&mut marked.exchange.legacy, "[redacted:abc]"),
        (&mut marked.exchange.modern, "[redacted:abd]"),
    ] {
        let body = format!(r#"{{"card":"{mark}"}}"#);
        answer.as_mut().unwrap().body.text = Some(body);
    }
    assert_eq!(trial.one(&known, &marked.exchange), Judged::CannotTell);
    let ignoring = crate::findings::read_rule(r#"{ path = "/card", ignore = true }"#).unwrap();
    let ignoring = Trial::with(&none, &none, ignoring, today()).unwrap();
    assert_eq!(ignoring.one(&known, &marked.exchange), Judged::Hidden);
    let mut cut = original.clone();
    cut.exchange.modern.as_mut().unwrap().body.note = Some("cut: …".to_owned());
    assert_eq!(trial.one(&known, &cut.exchange), Judged::CannotTell);
    let all = [cut, redacted.clone()];
    assert_eq!(trial.all(&known, &all), Judged::CannotTell);
    assert_eq!(trial.all(&known, &[redacted, original]), Judged::Shows);
}

#[test]
fn a_status_is_judged_without_its_body() {
    let mut sample = sample("{}", r#"{"error":1}"#, "/error");
    let modern = sample.exchange.modern.as_mut().unwrap();
    modern.status = 201;
    modern.body.note = Some("cut: …".to_owned());
    let mut known = finding(&sample);
    known.path = "status".to_owned();
    known.kind = "status".to_owned();
    let none = RulesConfig::default();
    let judged = |rule: &str| {
        let rule = crate::findings::read_rule(rule).unwrap();
        let trial = Trial::with(&none, &none, rule, today()).unwrap();
        trial.one(&known, &sample.exchange)
    };
    assert_eq!(
        judged(r#"{ path = "status", same_class = true }"#),
        Judged::Hidden
    );
    assert_eq!(judged(r#"{ path = "/x", ignore = true }"#), Judged::Shows);
}
