//! Cookies, tokens and tags, as requests carry them and answers teach them.

use super::*;
use crate::exchange::{CapturedRequest, CapturedResponse};
use crate::ids::Naming;
use comparator::{Rules, RulesConfig, TokenPair, TokenRule};
use http::header::{AUTHORIZATION, COOKIE, ETAG, HeaderName, IF_MATCH, IF_NONE_MATCH, SET_COOKIE};
use http::{HeaderMap, Method};
use tempfile::TempDir;

async fn sessions_in(folder: &TempDir) -> (Arc<Sessions>, Outbox) {
    let path = folder.path().join("outbox.db");
    let (outbox, left) = Outbox::open(&path).await.unwrap();
    let key = folder.path().join("sessions.key");
    let sessions = Sessions::new(outbox.clone(), &key, left.sessions, Clock::default()).unwrap();
    (sessions, outbox)
}

async fn sessions() -> (Arc<Sessions>, TempDir) {
    let folder = tempfile::tempdir().unwrap();
    (sessions_in(&folder).await.0, folder)
}

fn headers(lines: &[(HeaderName, &str)]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in lines {
        headers.append(name, value.parse().unwrap());
    }
    headers
}

/// An exchange that legacy answered.
fn exchange(target: &str, cookies: &str, primary: CapturedResponse) -> Exchange {
    let cookies: &[_] = if cookies.is_empty() {
        &[]
    } else {
        &[(COOKIE, cookies)]
    };
    Exchange {
        at: jiff::Timestamp::now(),
        route: "all".into(),
        request_id: "1".into(),
        answered_by: Side::Legacy,
        request: CapturedRequest {
            method: Method::GET,
            target: bytes::Bytes::from(target.to_owned()),
            headers: headers(cookies),
            body: Vec::new(),
        },
        primary,
        candidate: None,
    }
}

fn answer(lines: &[(HeaderName, &str)]) -> CapturedResponse {
    CapturedResponse {
        status: 200,
        headers: headers(lines),
        ..CapturedResponse::default()
    }
}

fn setting(cookies: &[&str]) -> CapturedResponse {
    let lines: Vec<_> = cookies.iter().map(|cookie| (SET_COOKIE, *cookie)).collect();
    answer(&lines)
}

const MIRRORED: Naming = Naming::Paired(Side::Modern);
const SERVED: Naming = Naming::Clients(Side::Modern);

fn tokens(places: &[&str]) -> Vec<TokenRule> {
    let config = RulesConfig {
        tokens: places.iter().map(ToString::to_string).collect(),
        ..RulesConfig::default()
    };
    Rules::try_from(&config).unwrap().tokens().to_vec()
}

/// A header as it is sent for one that the request has.
fn sent(
    sessions: &Sessions,
    naming: Naming,
    rules: &[TokenRule],
    lines: &[(HeaderName, &str)],
) -> Result<String, Unknown> {
    let headers = headers(lines);
    let (name, value) = &lines[0];
    let request = sessions.request(rules, ("/", &headers), naming, 200);
    let changes = match &request {
        Some(request) => request.headers()?,
        None => Vec::new(),
    };
    let change = changes.into_iter().find(|(changed, _)| changed == name);
    Ok(match change {
        Some((_, Some(line))) => line.to_str().unwrap().to_owned(),
        Some((_, None)) => String::new(),
        None => (*value).to_owned(),
    })
}

fn cookies(sessions: &Sessions, naming: Naming, cookies: &str) -> String {
    sent(sessions, naming, &[], &[(COOKIE, cookies)]).unwrap()
}

fn mirrored(sessions: &Sessions, line: &str) -> String {
    cookies(sessions, MIRRORED, line)
}

const LEGACY: &str = "sid=legacy-0123456789";
const MODERN: &str = "sid=modern-0123456789";

fn begin(sessions: &Sessions) {
    let modern = [
        "sid=modern-0123456789; Path=/; HttpOnly",
        "extra=1; Max-Age=60",
    ];
    sessions.learn_cookies(
        &exchange("/", "a=b", setting(&[LEGACY, "lang=en"])),
        &setting(&modern),
    );
}

#[tokio::test]
async fn a_session_of_the_candidate_goes_with_the_primary_s() {
    let (sessions, _folder) = sessions().await;
    begin(&sessions);
    let sent = mirrored(&sessions, &format!("theme=dark; {LEGACY}; lang=en"));
    assert_eq!(sent, "theme=dark; lang=en; extra=1; sid=modern-0123456789");
    for other in ["sid=legacy-9876543210", "lang=en", "a=b"] {
        assert_eq!(mirrored(&sessions, other), other, "nobody else gets it");
    }
}

#[tokio::test]
async fn a_session_goes_on_when_the_other_side_answers_and_when_it_no_longer_does() {
    let (sessions, _folder) = sessions().await;
    begin(&sessions);
    let flipped = cookies(&sessions, SERVED, &format!("{LEGACY}; lang=en"));
    assert_eq!(flipped, format!("lang=en; extra=1; {MODERN}"));
    // Legacy, which is mirrored now, knows the session by what it gave itself.
    let mirrored = cookies(&sessions, Naming::Paired(Side::Legacy), &flipped);
    assert_eq!(mirrored, format!("extra=1; lang=en; {LEGACY}"));
    // Whoever has modern's only comes back to legacy's.
    let back = cookies(&sessions, Naming::Clients(Side::Legacy), MODERN);
    assert_eq!(back, format!("lang=en; {LEGACY}"));
    assert_eq!(
        cookies(&sessions, Naming::Clients(Side::Legacy), LEGACY),
        LEGACY
    );
    assert_eq!(cookies(&sessions, SERVED, MODERN), MODERN);
}

#[tokio::test]
async fn what_a_client_has_of_the_side_that_answers_is_newer_than_what_was_kept() {
    let (sessions, _folder) = sessions().await;
    sessions.learn_cookies(
        &exchange("/", "", setting(&["JSESSIONID=legacy-0123456789"])),
        &setting(&[MODERN]),
    );
    let both = "JSESSIONID=legacy-0123456789; sid=modern-renewed-01";
    assert_eq!(cookies(&sessions, SERVED, both), both);
    let first = "JSESSIONID=legacy-0123456789";
    assert_eq!(
        cookies(&sessions, SERVED, first),
        format!("{first}; {MODERN}")
    );
}

#[tokio::test]
async fn a_cookie_that_several_clients_have_is_no_session_s() {
    let (sessions, _folder) = sessions().await;
    let shared = "features=new-checkout-v2";
    for (cookie, modern) in [
        (LEGACY, "sid=of-the-first-1"),
        ("sid=legacy-second-1", "sid=of-the-second-1"),
    ] {
        let legacy = setting(&[cookie, shared]);
        sessions.learn_cookies(&exchange("/", "", legacy), &setting(&[modern]));
    }
    assert_eq!(mirrored(&sessions, shared), shared);
    assert_eq!(mirrored(&sessions, LEGACY), "sid=of-the-first-1");
}

#[tokio::test]
async fn the_candidate_may_change_a_session_and_take_it_back() {
    let (sessions, _folder) = sessions().await;
    begin(&sessions);
    let changed = setting(&["sid=modern-renewed-012345"]);
    sessions.learn_cookies(&exchange("/", LEGACY, setting(&[])), &changed);
    assert_eq!(
        mirrored(&sessions, LEGACY),
        "extra=1; sid=modern-renewed-012345"
    );
    let taken = setting(&[
        "extra=; Max-Age=0",
        "sid=x; Expires=Thu, 01 Jan 1970 00:00:00 GMT",
    ]);
    sessions.learn_cookies(&exchange("/", LEGACY, setting(&[])), &taken);
    assert_eq!(mirrored(&sessions, LEGACY), "");
}

#[tokio::test]
async fn a_session_goes_on_when_the_primary_renews_its_cookie() {
    let (sessions, _folder) = sessions().await;
    begin(&sessions);
    let renewed = "sid=legacy-renewed-012345";
    sessions.learn_cookies(&exchange("/", LEGACY, setting(&[renewed])), &setting(&[]));
    assert_eq!(mirrored(&sessions, renewed), format!("extra=1; {MODERN}"));
}

#[tokio::test]
async fn cookies_without_end_are_cut_short_and_a_client_s_own_are_all_sent() {
    let (sessions, _folder) = sessions().await;
    begin(&sessions);
    let many: Vec<String> = (0..1000).map(|n| format!("c{n}=v")).collect();
    let set: Vec<&str> = many.iter().map(String::as_str).collect();
    sessions.learn_cookies(&exchange("/", LEGACY, setting(&[])), &setting(&set));
    assert!(mirrored(&sessions, LEGACY).split(';').count() <= 32);
    let line = format!("{LEGACY}; flag; {}", many.join("; "));
    assert_eq!(mirrored(&sessions, &line).split("; ").count(), 1003);
}

#[tokio::test]
async fn sessions_tokens_and_their_ends_survive_a_restart_and_the_file_gives_none_away() {
    let folder = tempfile::tempdir().unwrap();
    let (sessions, outbox) = sessions_in(&folder).await;
    begin(&sessions);
    learn(&sessions, "", "legacy-csrf-0123", "modern-csrf-0123");
    outbox.close().await;
    for file in ["outbox.db", "outbox.db-wal"] {
        let file = std::fs::read(folder.path().join(file)).unwrap_or_default();
        for secret in ["legacy-0123456789", "modern-0123456789", "csrf-0123"] {
            let is_there = file
                .windows(secret.len())
                .any(|part| part == secret.as_bytes());
            assert!(!is_there, "{secret}");
        }
    }
    let (sessions, outbox) = sessions_in(&folder).await;
    assert_eq!(mirrored(&sessions, LEGACY), format!("extra=1; {MODERN}"));
    assert_eq!(
        header(&sessions, MIRRORED, "legacy-csrf-0123").unwrap(),
        "modern-csrf-0123"
    );
    assert_eq!(
        header(&sessions, SERVED, "legacy-csrf-0123").unwrap(),
        "modern-csrf-0123"
    );
    outbox.close().await;
    // Without its key, what was kept is forgotten.
    std::fs::remove_file(folder.path().join("sessions.key")).unwrap();
    let (sessions, _outbox) = sessions_in(&folder).await;
    assert_eq!(mirrored(&sessions, LEGACY), LEGACY);
}

/// Learns what stood in one place of two answers.
fn learn(sessions: &Sessions, cookies: &str, legacy: &str, modern: &str) {
    let pair = TokenPair {
        legacy: legacy.to_owned(),
        modern: modern.to_owned(),
        parameter: None,
    };
    sessions.learn(&exchange("/", cookies, answer(&[])), &[pair]);
}

fn header(sessions: &Sessions, naming: Naming, token: &str) -> Result<String, Unknown> {
    let name = HeaderName::from_static("x-csrf-token");
    sent(
        sessions,
        naming,
        &tokens(&["headers/x-csrf-token"]),
        &[(name, token)],
    )
}

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
    let rules = tokens(&["headers/x-csrf-token"]);
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
    let rules = tokens(&["/links/next?cursor"]);
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
    let rules = tokens(&["/a/csrf", "/short"]);
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

fn tagged(sessions: &Sessions, target: &str, legacy: &str, modern: &str) {
    let exchange = exchange(target, "", answer(&[(ETAG, legacy)]));
    sessions.learn_tags(&exchange, target.as_bytes(), &answer(&[(ETAG, modern)]));
}

/// What becomes of a conditional request that legacy answered with a status.
fn condition(
    sessions: &Sessions,
    name: HeaderName,
    tags: &str,
    naming: Naming,
    status: u16,
) -> Result<String, Unknown> {
    let headers = headers(&[(name.clone(), tags)]);
    let request = sessions.request(&[], ("/orders/1", &headers), naming, status);
    let changes = request.unwrap().headers()?;
    Ok(
        match changes.into_iter().find(|(changed, _)| *changed == name) {
            Some((_, line)) => {
                line.map_or_else(String::new, |line| line.to_str().unwrap().to_owned())
            }
            None => tags.to_owned(),
        },
    )
}

#[tokio::test]
async fn a_tag_goes_to_either_side_as_that_side_gave_it_for_the_same_target() {
    let (sessions, _folder) = sessions().await;
    tagged(&sessions, "/orders/1", "\"1\"", "W/\"abc\"");
    tagged(&sessions, "/orders/2", "\"1\"", "\"other\"");
    let none_match =
        |tags, naming, status| condition(&sessions, IF_NONE_MATCH, tags, naming, status);
    assert_eq!(none_match("\"1\"", MIRRORED, 304).unwrap(), "W/\"abc\"");
    assert_eq!(none_match("W/\"1\"", SERVED, 0).unwrap(), "W/\"abc\"");
    let back = Naming::Clients(Side::Legacy);
    assert_eq!(
        none_match("\"x\",W/\"abc\"", back, 0).unwrap(),
        "\"x\", W/\"1\""
    );
    assert_eq!(none_match("\"abc\"", SERVED, 0).unwrap(), "\"abc\"");
    for same in ["*", "rubbish", "\"open"] {
        assert_eq!(none_match(same, MIRRORED, 304).unwrap(), same);
    }
}

#[tokio::test]
async fn an_unknown_tag_is_sent_only_where_it_decides_nothing() {
    let (sessions, _folder) = sessions().await;
    let mirrored = |name, status| condition(&sessions, name, "\"9\"", MIRRORED, status);
    assert_eq!(mirrored(IF_NONE_MATCH, 304), Err(Unknown));
    assert_eq!(mirrored(IF_NONE_MATCH, 200).unwrap(), "");
    assert_eq!(mirrored(IF_MATCH, 412), Err(Unknown));
    assert_eq!(mirrored(IF_MATCH, 204).unwrap(), "");
    tagged(&sessions, "/orders/1", "\"1\"", "\"abc\"");
    let lists = |status| condition(&sessions, IF_NONE_MATCH, "\"9\", \"1\"", MIRRORED, status);
    assert_eq!(lists(200).unwrap(), "\"abc\"");
    assert_eq!(lists(304), Err(Unknown));
    let served = condition(&sessions, IF_NONE_MATCH, "\"9\"", SERVED, 0);
    assert_eq!(served.unwrap(), "\"9\"");
}

#[tokio::test]
async fn the_wall_clock_ends_no_session() {
    let folder = tempfile::tempdir().unwrap();
    let (outbox, _) = Outbox::open(&folder.path().join("outbox.db"))
        .await
        .unwrap();
    let turned = Arc::new(std::sync::atomic::AtomicI64::new(0));
    let hours = Arc::clone(&turned);
    let clock = Clock::new(move || {
        let seconds = hours.load(Ordering::Relaxed) * 3600;
        jiff::Timestamp::now()
            .saturating_add(jiff::SignedDuration::from_secs(seconds))
            .unwrap()
    });
    let key = folder.path().join("sessions.key");
    let sessions = Sessions::new(outbox, &key, Vec::new(), clock).unwrap();
    begin(&sessions);
    for jump in [24, -1, 24 * 365] {
        turned.store(jump, Ordering::Relaxed);
        assert_eq!(
            mirrored(&sessions, LEGACY),
            format!("extra=1; {MODERN}"),
            "{jump} hours"
        );
    }
}
