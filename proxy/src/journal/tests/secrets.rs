//! Secrets planted everywhere an exchange has a place for them.

use super::*;

#[tokio::test]
async fn no_planted_secret_reaches_the_disk() {
    const CANARY: &str = "CANARY-4111";
    let setting = Setting::new();
    let config = JournalConfig {
        redact_headers: vec!["X-Session".to_owned()],
        redact_paths: vec!["/**/password".to_owned(), "/card".to_owned()],
        redact_query: vec!["token".to_owned()],
        ..JournalConfig::default()
    };
    let journal = setting.open(Settings::try_from(&config).unwrap()).await;
    let mut finding = setting.found(&["/plain"]);
    for name in [
        "authorization",
        "proxy-authorization",
        "cookie",
        "set-cookie",
        "x-api-key",
        "api-key",
        "x-auth-token",
        "x-session",
    ] {
        finding
            .exchange
            .request
            .headers
            .insert(name, CANARY.parse().unwrap());
        finding
            .exchange
            .primary
            .headers
            .insert(name, CANARY.parse().unwrap());
    }
    let body = format!(
        r#"{{"card":{{"{CANARY}":1}},"user":{{"pass\u0077ord":"{CANARY}"}},"ok":"shown"}}"#
    );
    finding.exchange.request.target = format!("/login?token={CANARY}&ok=shown").into();
    finding
        .exchange
        .request
        .headers
        .insert("referer", format!("/?token={CANARY}").parse().unwrap());
    finding.exchange.request.body = vec![Bytes::from(body.clone())];
    finding.exchange.primary.body = vec![Bytes::from(body.clone())];
    let broken = Bytes::from(format!(r#"{{"password":"{CANARY}"#));
    finding.exchange.candidate.as_mut().unwrap().body = vec![broken];
    let password = format!(r#"{{"password":"{CANARY}"}}"#);
    for (path, kind) in [
        ("/user/password", Kind::Value),
        (&format!("/card/{CANARY}"), Kind::Extra),
        ("/user", Kind::Missing),
        ("", Kind::Type),
        ("body", Kind::Format),
        ("headers/set-cookie", Kind::Header),
    ] {
        let value = Some(if path == "/user" {
            password.clone()
        } else {
            body.clone()
        });
        let (path, legacy, modern) = (path.to_owned(), value.clone(), value);
        finding.discrepancies.push(Discrepancy {
            path,
            kind,
            legacy,
            modern,
        });
    }
    journal.offer(finding);
    listed(&journal, &wanted(), 7).await;
    let with_log = setting.bytes();
    journal.close().await;
    for bytes in [with_log, setting.bytes()] {
        assert!(contains(&bytes, "shown"), "the exchange is stored");
        assert!(!contains(&bytes, CANARY), "and its secrets are not");
    }
}
