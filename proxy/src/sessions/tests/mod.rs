//! Cookies, tokens and tags, as requests carry them and answers teach them.

mod cookies;
mod tags;
mod tokens;

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

fn places(names: &[&str]) -> Vec<TokenRule> {
    let config = RulesConfig {
        tokens: names.iter().map(ToString::to_string).collect(),
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
        &places(&["headers/x-csrf-token"]),
        &[(name, token)],
    )
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
