//! Tokens and cursors, wherever they stand in a request.

use super::*;

#[tokio::test]
async fn a_token_goes_to_either_side_as_that_side_minted_it() {
    let (sessions, _folder) = sessions().await;
    learn(&sessions, "", "legacy-token-0123", "modern-token-0123");
    for naming in [MIRRORED, SERVED] {
        assert_eq!(
            header(&sessions, naming, "legacy-token-0123").unwrap(),
            "modern-token-0123"
        );
        let bearer = "Bearer legacy-token-0123";
        let bearer = sent(&sessions, naming, &[], &[(AUTHORIZATION, bearer)]);
        assert_eq!(bearer.unwrap(), "Bearer modern-token-0123");
    }
    let back = Naming::Clients(Side::Legacy);
    assert_eq!(
        header(&sessions, back, "modern-token-0123").unwrap(),
        "legacy-token-0123"
    );
    assert_eq!(
        header(&sessions, SERVED, "modern-token-0123").unwrap(),
        "modern-token-0123"
    );
    assert_eq!(sessions.status().unknown, 0);
    // Of others nothing is known: served, they pass; mirrored, they would be nonsense.
    assert_eq!(
        header(&sessions, SERVED, "another-token-01").unwrap(),
        "another-token-01"
    );
    assert_eq!(
        header(&sessions, MIRRORED, "another-token-01"),
        Err(Unknown)
    );
    let undeclared = (HeaderName::from_static("x-other"), "another-token-01");
    let undeclared = sent(&sessions, MIRRORED, &[], &[undeclared]);
    assert_eq!(undeclared.unwrap(), "another-token-01");
    assert_eq!(sessions.status().unknown, 2);
}

#[tokio::test]
async fn the_same_token_of_two_clients_is_each_one_s_own() {
    let (sessions, _folder) = sessions().await;
    let other = "sid=legacy-other-0123";
    for (legacy, modern) in [(LEGACY, MODERN), (other, "sid=modern-other-0123")] {
        sessions.learn_cookies(&exchange("/", "", setting(&[legacy])), &setting(&[modern]));
    }
    learn(&sessions, LEGACY, "7", "of-the-first");
    learn(&sessions, other, "7", "of-the-other");
    let rules = places(&["headers/x-csrf-token"]);
    let of = |cookie: &str| {
        let name = HeaderName::from_static("x-csrf-token");
        sent(
            &sessions,
            MIRRORED,
            &rules,
            &[(name, "7"), (COOKIE, cookie)],
        )
    };
    assert_eq!(of(LEGACY).unwrap(), "of-the-first");
    assert_eq!(of(other).unwrap(), "of-the-other");
    // Whose it is else, nobody knows.
    assert_eq!(of("a=b"), Err(Unknown));
    // One that is minted anew is still its own.
    learn(&sessions, LEGACY, "7", "of-the-first-again");
    assert_eq!(of(LEGACY).unwrap(), "of-the-first-again");
}

#[tokio::test]
async fn a_cursor_leads_through_the_list_that_it_was_given_for() {
    let (sessions, _folder) = sessions().await;
    for (legacy, modern) in [
        (
            "http://legacy/orders?of=5&cursor=20",
            "/orders?of=5&cursor=a%2Bb",
        ),
        (
            "http://legacy/orders?of=6&cursor=20",
            "/orders?of=6&cursor=cd",
        ),
    ] {
        let pair = TokenPair {
            legacy: legacy.to_owned(),
            modern: modern.to_owned(),
            parameter: Some("cursor".to_owned()),
        };
        sessions.learn(&exchange("/", "", answer(&[])), &[pair]);
    }
    let rules = places(&["/links/next?cursor"]);
    let headers = HeaderMap::new();
    let to = |naming, target: &str| {
        let request = sessions
            .request(&rules, (target, &headers), naming, 200)
            .unwrap();
        request.target(target)
    };
    let changed = |target: &str| Ok(Some(target.to_owned()));
    assert_eq!(
        to(MIRRORED, "/orders?of=5&cursor=20"),
        changed("/orders?of=5&cursor=a%2Bb")
    );
    assert_eq!(
        to(SERVED, "/orders?cursor=20&of=6"),
        changed("/orders?cursor=cd&of=6")
    );
    let back = Naming::Clients(Side::Legacy);
    assert_eq!(
        to(back, "/orders?of=5&cursor=a%2Bb"),
        changed("/orders?of=5&cursor=20")
    );
    assert_eq!(to(MIRRORED, "/orders?of=7&cursor=20"), Err(Unknown));
    assert_eq!(to(SERVED, "/orders?of=7&cursor=20"), Ok(None));
    // What is as short is not taken for one elsewhere.
    assert_eq!(to(MIRRORED, "/orders?limit=20&cursor="), Ok(None));
}

#[tokio::test]
async fn bodies_change_in_their_tokens_only() {
    let (sessions, _folder) = sessions().await;
    learn(&sessions, "", "legacy-token-0123", "modern \"token\" 012");
    let rules = places(&["/a/csrf", "/short"]);
    let body = |kind: &'static str, body: &str| {
        let headers = headers(&[(http::header::CONTENT_TYPE, kind)]);
        let request = sessions
            .request(&rules, ("/", &headers), MIRRORED, 200)
            .unwrap();
        assert!(request.reads_body());
        let body = request.body(body.as_bytes())?;
        Ok(body.map(|body| String::from_utf8(body).unwrap()))
    };
    let json = |text: &str| body("application/json", text);
    assert_eq!(
        json(r#"{"n": 1.50, "a": {"csrf": "legacy-token-0123"} }"#)
            .unwrap()
            .unwrap(),
        r#"{"n": 1.50, "a": {"csrf": "modern \"token\" 012"} }"#
    );
    assert_eq!(json(r#"{"a": {"csrf": "another"}}"#), Err(Unknown));
    assert_eq!(json(r#"{"b": "legacy-token-0123"}"#), Ok(None));
    for broken in ["", "{", "[[[[", "\"\u{0}\""] {
        assert_eq!(json(broken), Ok(None));
    }
    let form = |text: &str| body("application/x-www-form-urlencoded; charset=utf-8", text);
    assert_eq!(
        form("x=a+b&any=legacy%2Dtoken-0123&y").unwrap().unwrap(),
        "x=a+b&any=modern%20%22token%22%20012&y"
    );
    assert_eq!(form("short=1"), Err(Unknown));
    assert_eq!(form("other=1"), Ok(None));
}
