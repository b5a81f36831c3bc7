//! When an exchange enters its lanes, and what a lost one leaves there.

use super::*;
use crate::exchange::budget::Budget;
use crate::exchange::capture::Capture;
use crate::outcome::Ledger;
use crate::routing::Route;
use crate::side::Side;
use bytes::Bytes;
use http::{HeaderMap, Method, Uri};
use tempfile::TempDir;

const ROUTES: &str = r#"
[upstreams.one]
peers = ["127.0.0.1:1"]
[[routes]]
name = "order"
path = "/orders/{id}"
mode = "shadow"
legacy = "one"
modern = "one"
writes = "mirror"
lanes = ["order:{id}", "customer:json:/customer"]
"#;

struct Setting {
    _folder: TempDir,
    route: Arc<Route>,
    lanes: Arc<Lanes>,
}

impl Setting {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let file = std::path::Path::new("routes.toml");
        let table = crate::routes::check(file, ROUTES, &Ledger::default(), None).unwrap();
        let outbox = Outbox::open(&folder.path().join("outbox.db")).await;
        let (outbox, _) = outbox.unwrap();
        let ids = Ids::new(outbox.clone(), &[]);
        Self {
            route: Arc::clone(table.route("order").unwrap()),
            lanes: Lanes::start(&Handle::current(), outbox, ids, Vec::new(), 1),
            _folder: folder,
        }
    }

    /// A write of which the head has passed.
    fn request(&self, headers: &HeaderMap) -> Capture {
        self.request_on(Side::Legacy, headers)
    }

    /// The same, where the plan has this side answer.
    fn request_on(&self, primary: Side, headers: &HeaderMap) -> Capture {
        let (route, method) = (&self.route, Method::PUT);
        let uri = Uri::from_static("/orders/17");
        let passage = Passage::begin(
            &self.lanes,
            (route, primary),
            (true, true),
            &method,
            &uri,
            headers,
            || 0,
        );
        let mut capture = Capture::new(Budget::new(1 << 20).hold(), 1 << 10, passage);
        capture.request_head(&method, b"/orders/17", headers);
        capture
    }

    /// A write whose request has passed, up to the primary's answer.
    fn write(&self, body: &'static str) -> Capture {
        let headers = HeaderMap::new();
        let mut capture = self.request(&headers);
        capture.request_chunk(Some(&Bytes::from_static(body.as_bytes())), true);
        capture.response_head(200, &headers, false);
        capture
    }

    async fn tainted(&self) -> Vec<String> {
        let taints = self.lanes.status().await.unwrap().taints;
        taints.into_iter().map(|taint| taint.lane).collect()
    }
}

#[tokio::test]
async fn an_exchange_is_in_its_lanes_before_the_client_has_the_end_of_the_answer() {
    let setting = Setting::new().await;
    let mut capture = setting.write("{\"customer\": 5}");
    capture.response_chunk(Some(&Bytes::from_static(b"begin")), false);
    assert_eq!(setting.lanes.status().await.unwrap().depth, 0);
    capture.response_chunk(Some(&Bytes::from_static(b"end")), true);
    assert_eq!(setting.lanes.status().await.unwrap().depth, 1);
    let mut spot = capture.finish().unwrap().spot.unwrap();
    let names: Vec<&str> = spot.lanes().iter().map(Lane::as_str).collect();
    assert_eq!(names, ["order:17", "customer:5"]);
    assert!(!spot.turn().await);
    spot.take_on();
    drop(spot);
    assert_eq!(setting.lanes.status().await.unwrap().depth, 0);
    assert!(setting.tainted().await.is_empty());
}

#[tokio::test]
async fn a_write_that_the_primary_did_and_nobody_mirrors_taints_what_it_may_have_touched() {
    let setting = Setting::new().await;
    // Its answer broke off after a head that says it was done.
    drop(setting.write("{\"customer\": 5}"));
    assert_eq!(setting.tainted().await, ["customer:5", "order:17"]);
    // It was too long to be captured; its path says what it touched.
    let headers = HeaderMap::new();
    let mut capture = setting.request(&headers);
    capture.request_chunk(Some(&Bytes::from(vec![0; 2 << 10])), true);
    capture.response_head(200, &headers, true);
    assert_eq!(capture.finish().unwrap_err(), Ending::TooLarge);
    let tainted = ["customer:*", "customer:5", "order:17"];
    assert_eq!(setting.tainted().await, tainted);
}

#[tokio::test]
async fn a_write_that_legacy_took_in_modern_s_place_is_lost_by_modern() {
    let setting = Setting::new().await;
    let headers = HeaderMap::new();
    let mut capture = setting.request_on(Side::Modern, &headers);
    // Modern refused the connection, so legacy is asked.
    capture.asking(Side::Legacy);
    capture.request_chunk(Some(&Bytes::from_static(b"{}")), true);
    capture.response_head(200, &headers, true);
    let spot = capture.finish().unwrap().spot.unwrap();
    spot.lost("a test");
    let mut capture = setting.request_on(Side::Modern, &headers);
    capture.asking(Side::Legacy);
    capture.request_chunk(Some(&Bytes::from_static(b"{\"customer\": 5}")), true);
    capture.response_head(200, &headers, false);
    // Its answer breaks off.
    drop(capture);
    let taints = setting.lanes.status().await.unwrap().taints;
    let lost_by = taints.iter().map(|taint| (&*taint.lane, taint.lost_by));
    let lost_by: Vec<_> = lost_by.collect();
    let modern = Some(Side::Modern);
    assert_eq!(lost_by, [("customer:5", modern), ("order:17", modern)]);
}

#[tokio::test]
async fn a_write_that_the_primary_refused_taints_nothing() {
    let setting = Setting::new().await;
    let mut capture = setting.write("{}");
    capture.response_head(422, &HeaderMap::new(), true);
    drop(capture);
    assert!(setting.tainted().await.is_empty());
}

/// What of an exchange passes.
type Pass<'a> = &'a dyn Fn(&mut Capture);

#[tokio::test]
async fn a_write_of_which_nobody_knows_whether_the_primary_did_it_taints_its_lanes() {
    let unanswered = |capture: &mut Capture| {
        capture.asking(Side::Legacy);
        capture.request_chunk(None, true);
    };
    let answered = |status: u16| {
        move |capture: &mut Capture| {
            unanswered(capture);
            capture.response_head(status, &HeaderMap::new(), true);
        }
    };
    let again = move |capture: &mut Capture| {
        unanswered(capture);
        answered(500)(capture);
    };
    let half = |capture: &mut Capture| capture.asking(Side::Legacy);
    let unknown: [(&str, bool, Pass<'_>); 7] = [
        ("it never answered", true, &unanswered),
        ("its gateway never heard", true, &answered(504)),
        ("its gateway heard half", true, &answered(502)),
        ("only the second try was refused", true, &again),
        ("it says that it failed", false, &answered(500)),
        ("it says that it is busy", false, &answered(503)),
        ("it has not got all of it", false, &half),
    ];
    for (what, taints, passes) in unknown {
        let setting = Setting::new().await;
        let headers = HeaderMap::new();
        let mut capture = setting.request(&headers);
        passes(&mut capture);
        capture.end();
        let tainted = setting.tainted().await;
        let lost = setting.lanes.status().await.unwrap().lost;
        assert_eq!(tainted.contains(&"order:17".to_owned()), taints, "{what}");
        assert_eq!(lost, u64::from(taints), "{what}");
        let spot = capture.finish().ok().and_then(|collected| collected.spot);
        assert!(!taints || spot.is_none(), "{what}: it is not mirrored");
    }
}

#[tokio::test]
async fn the_refusal_of_a_repeated_write_does_not_say_that_nothing_was_done() {
    let cases = [
        (1, 404, false, false),
        (2, 404, true, true),
        (2, 204, true, false),
    ];
    for (tries, status, done, incomparable) in cases {
        let setting = Setting::new().await;
        let headers = HeaderMap::new();
        let mut capture = setting.request(&headers);
        for _ in 0..tries {
            capture.asking(Side::Legacy);
            capture.request_chunk(None, true);
        }
        capture.response_head(status, &headers, true);
        let spot = capture.finish().unwrap().spot.unwrap();
        let of = format!("{tries} {status}");
        assert_eq!(
            spot.doubt().contains(&Lane::named("order:17")),
            done,
            "{of}"
        );
        assert_eq!(spot.overlapped(), incomparable, "{of}");
        drop(spot);
        assert_eq!(setting.tainted().await.is_empty(), !done, "{of}");
    }
}

#[tokio::test]
async fn nothing_is_known_of_lanes_that_nobody_keeps() {
    let folder = tempfile::tempdir().unwrap();
    let outbox = Outbox::open(&folder.path().join("outbox.db")).await;
    let (outbox, _) = outbox.unwrap();
    let ids = Ids::new(outbox.clone(), &[]);
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let lanes = Lanes::start(runtime.handle(), outbox, ids, Vec::new(), 1);
    assert_eq!(lanes.status().await.map(|status| status.tainted), Some(0));
    runtime.shutdown_background();
    // What it was at is finished first.
    while lanes.status().await.is_some() {}
    assert!(lanes.taints(None, 1).await.is_none());
    let lane = Lane::named("order:17");
    assert_eq!(lanes.clear(lane, None).await, None);
}
