//! Cookies of either side, for clients who have the other's.

use super::*;

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
