//! What is hidden, and what is withheld.

use super::*;

fn redaction(paths: &[&str]) -> Redaction {
    let config = JournalConfig {
        redact_headers: vec!["X-Session".to_owned()],
        redact_paths: paths.iter().map(|&p| p.to_owned()).collect(),
        redact_query: vec!["Token".to_owned()],
        ..JournalConfig::default()
    };
    let mut errors = Vec::new();
    let redaction = Redaction::parse(&config, &mut errors);
    assert_eq!(errors, []);
    redaction
}

fn found(path: &str, legacy: &str) -> Discrepancy {
    let (path, legacy) = (path.to_owned(), Some(legacy.to_owned()));
    Discrepancy {
        path,
        kind: Kind::Value,
        legacy,
        modern: None,
    }
}

#[test]
fn secret_headers_go_and_urls_in_others_lose_their_secrets() {
    let mut headers = HeaderMap::new();
    headers.insert("authorization", "Bearer s3cret".parse().unwrap());
    headers.insert("x-session", "s3cret".parse().unwrap());
    headers.insert("location", "/next?a=1&token=s3cret#x".parse().unwrap());
    let stored = redaction(&[]).headers(&headers);
    assert!(!format!("{stored:?}").contains("s3cret"), "{stored:?}");
    assert!(stored.contains(&("location".into(), "/next?a=1&token=[redacted]#x".into())));
}

#[test]
fn a_discrepancy_at_above_or_below_a_secret_shows_none_of_it() {
    let redaction = redaction(&["/card", "/**/email", "/users/*/key"]);
    for (path, value, kept) in [
        ("/card", r#""4111""#, "/card"),
        ("/card/4111/x", "4111", "/card"),
        ("/users/3", r#"{"name":"A","key":"4111"}"#, "/users/3"),
        ("", r#"{"a":{"email":"4111"}}"#, ""),
        ("/a", r#"{"email":"4111", trunca…"#, "/a"),
        ("body", "-a 4111\n+b", "body"),
        ("body", "\"token 4111\"", "body"),
        ("body", r#"{"card":4111}"#, "body"),
    ] {
        let stored = redaction.discrepancy(found(path, value));
        assert!(!format!("{stored:?}").contains("4111"), "{stored:?}");
        assert_eq!(stored.path, kept);
    }
    let plain = redaction.discrepancy(found("/total", "4111"));
    assert_eq!(plain.legacy.as_deref(), Some("4111"));
}

#[test]
fn keys_that_an_order_is_told_by_are_withheld_where_paths_are_secret() {
    let mut order = found("/users", "4111, 4112");
    order.kind = Kind::Order;
    let stored = redaction(&["/users/*/card"]).discrepancy(order.clone());
    assert_eq!(stored.legacy.as_deref(), Some(WITHHELD));
    assert_eq!(redaction(&[]).discrepancy(order.clone()), order);
}

#[test]
fn a_discrepancy_in_a_header_is_redacted_like_the_header() {
    let stored = redaction(&[]).discrepancy(found("headers/set-cookie", "sid=s3cret"));
    assert_eq!(stored.legacy.as_deref(), Some(REDACTED));
    let stored = redaction(&[]).discrepancy(found("headers/location", "/?token=s3cret"));
    assert_eq!(stored.legacy.as_deref(), Some("/?token=[redacted]"));
}

#[test]
fn declared_tokens_are_hidden_where_they_stand_and_other_bodies_are_stored() {
    let config = comparator::RulesConfig {
        tokens: ["/csrf", "/links/next?cursor", "headers/x-ticket"]
            .map(str::to_owned)
            .to_vec(),
        ..comparator::RulesConfig::default()
    };
    let rules = comparator::Rules::try_from(&config).unwrap();
    let mut redaction = redaction(&[]);
    redaction.hide(rules.tokens());
    let json = redaction.body(
        r#"{"csrf":"s3cret","links":{"next":"/o?cursor=s3cret"}}"#,
        false,
    );
    let expected = r#"{"csrf":"[redacted]","links":{"next":"[redacted]"}}"#;
    assert_eq!(json.as_deref(), Some(expected));
    let form = redaction.body("x=1&csrf=s3cret", true);
    assert_eq!(form.as_deref(), Some("x=1&csrf=[redacted]"));
    assert_eq!(
        redaction.target("/o?cursor=s3cret&n=1"),
        "/o?cursor=[redacted]&n=1"
    );
    assert_eq!(redaction.header("x-ticket", "s3cret"), REDACTED);
    for unread in ["{\"csrf\":\"s3cret", "<csrf>s3cret</csrf>"] {
        assert_eq!(redaction.body(unread, false), None);
    }
    assert_eq!(redaction.body("plain", false).as_deref(), Some("plain"));
    let stored = redaction.discrepancy(found("/csrf", "\"s3cret\""));
    assert_eq!(stored.legacy.as_deref(), Some(REDACTED));
}

#[test]
fn a_body_that_cannot_be_searched_is_withheld() {
    assert_eq!(redaction(&["/a"]).body("a=s3cret", true), None);
    assert_eq!(redaction(&["/a"]).body("{\"a\":1", false), None);
    assert_eq!(
        redaction(&[]).body("{\"a\":1", false).as_deref(),
        Some("{\"a\":1")
    );
    let form = redaction(&[]).body("x=1&token=s3cret", true);
    assert_eq!(form.as_deref(), Some("x=1&token=[redacted]"));
}

#[test]
fn what_is_secret_by_its_name_goes_at_any_depth_and_however_it_is_spelt() {
    let redaction = redaction(&[]);
    let json = redaction.body(
        r#"[{"user":{"newPassword":"s3cret","IBAN":1,"shipping":"x"},"access_token":["s3cret"]}]"#,
        false,
    );
    let hidden = r#"[{"user":{"newPassword":"[redacted]","IBAN":"[redacted]","shipping":"x"},"access_token":"[redacted]"}]"#;
    assert_eq!(json.as_deref(), Some(hidden));
    let form = redaction.body("card-number=s3cret&spin=1", true);
    assert_eq!(form.as_deref(), Some("card-number=[redacted]&spin=1"));
    let form = redaction.body("password=hun,s3cret;\"s3cret' ?s3cret&x=1,2", true);
    assert_eq!(form.as_deref(), Some("password=[redacted]&x=1,2"));
    for unread in [
        "password=\"s3cret\"",
        "password=s3cret",
        "{\"password\":\"s3cret",
    ] {
        let stored = redaction.discrepancy(found("body", unread));
        assert_eq!(stored.legacy.as_deref(), Some(WITHHELD), "{unread}");
    }
    let stored = redaction.discrepancy(found("body", "{\"password\":\"s3cret\"}"));
    assert_eq!(
        stored.legacy.as_deref(),
        Some("{\"password\":\"[redacted]\"}")
    );
    assert_eq!(
        redaction.target("/a?api_key=s3cret"),
        "/a?api_key=[redacted]"
    );
    assert_eq!(redaction.header("x-session-token", "s3cret"), REDACTED);
    assert_eq!(redaction.column("PASSWORD", "s3cret"), REDACTED);
    for unread in [
        "{\"password\":\"s3cret",
        "<pin>s3cret</pin>",
        "the token s3cret",
        // No form: nothing tells where the value ends.
        "<user password=\"s3cret\"/>",
        "user=x&password=s3cret",
        "apiKey=s3cret",
    ] {
        assert_eq!(redaction.body(unread, false), None, "{unread}");
    }
    for read in ["<shipping>17</shipping>", "tokens: 17"] {
        assert_eq!(redaction.body(read, false).as_deref(), Some(read));
    }
    for (path, value) in [
        ("/user/password", "\"s3cret\""),
        ("/user/password/0", "\"s3cret\""),
        ("/user", r#"{"secret":"s3cret"}"#),
        ("/user", r#"{"secret":"s3cret, trunca…"#),
        ("body", "-password: s3cret"),
    ] {
        let stored = redaction.discrepancy(found(path, value));
        assert!(!format!("{stored:?}").contains("s3cret"), "{stored:?}");
    }
}

#[test]
fn an_operator_says_other_names_or_none() {
    let by = |names: &[&str]| {
        let config = JournalConfig {
            redact_names: names.iter().map(|&name| name.to_owned()).collect(),
            ..JournalConfig::default()
        };
        Redaction::parse(&config, &mut Vec::new())
    };
    let body = r#"{"password":"a","salary":"b"}"#;
    let other = r#"{"password":"a","salary":"[redacted]"}"#;
    assert_eq!(by(&["salary"]).body(body, false).as_deref(), Some(other));
    assert_eq!(by(&[]).body(body, false).as_deref(), Some(body));
}
