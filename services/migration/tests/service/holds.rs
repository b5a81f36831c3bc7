//! Commands that hold mirrored writes, as they are typed: one at a time, killed and run again, and
//! taken over. The control API here keeps a hold as the proxy does, and nothing else.

use std::process::{Child, Command, Output, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use http::{HeaderMap, StatusCode};
use kit::testing::Server;
use parking_lot::Mutex;
use serde_json::{Value, json};

use crate::process::PATIENCE;
use crate::sides::Sides;

/// What the control API has seen.
#[derive(Default)]
struct Seen {
    /// The hold: its tag and who has it.
    hold: Option<(u64, String)>,
    /// Tags that were given.
    given: u64,
    /// By what tag a hold was ended.
    released: Vec<u64>,
    /// What becomes of taking over, in place of an answer.
    failing: Option<Failing>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Failing {
    /// Nothing.
    Before,
    /// The hold is taken over, and who asked does not learn it.
    After,
}

type Shared = Arc<Mutex<Seen>>;

fn refused(status: StatusCode, said: &str) -> Response {
    (status, Json(json!({ "error": { "message": said } }))).into_response()
}

impl Seen {
    fn outbox(&self) -> Value {
        let hold = self.hold.as_ref().map(|(tag, holder)| {
            json!({ "since": "2026-01-02T03:04:05Z", "tag": tag.to_string(), "holder": holder })
        });
        json!({ "hold": hold, "delivering": 0, "passed": 1_000_000 })
    }

    /// The hold, if it is the one that is named.
    fn named(&self, headers: &HeaderMap) -> Result<u64, Box<Response>> {
        let tag = headers["if-match"].to_str().unwrap().trim_matches('"');
        match &self.hold {
            None => Err(refused(StatusCode::NOT_FOUND, "nothing is held").into()),
            Some((now, _)) if tag == "*" || tag == now.to_string() => Ok(*now),
            Some((_, holder)) => {
                let said = format!("held by {holder}");
                Err(refused(StatusCode::PRECONDITION_FAILED, &said).into())
            }
        }
    }
}

async fn hold(
    State(seen): State<Shared>,
    headers: HeaderMap,
    Json(asked): Json<Value>,
) -> Response {
    let mut seen = seen.lock();
    let named = headers.contains_key("if-match");
    if named && let Err(refused) = seen.named(&headers) {
        return *refused;
    }
    if !named && seen.hold.is_some() {
        return refused(StatusCode::CONFLICT, "there is a hold");
    }
    let any = headers.get("if-match").is_some_and(|tag| tag == "*");
    let holder = asked["holder"].as_str().unwrap().to_owned();
    let another = seen.hold.as_ref().is_some_and(|(_, now)| *now != holder);
    let failing = seen.failing.filter(|_| any);
    let unavailable = || refused(StatusCode::SERVICE_UNAVAILABLE, "the hold can't be stored");
    if failing == Some(Failing::Before) {
        return unavailable();
    }
    if any || another || !named {
        seen.given += 1;
        seen.hold = Some((seen.given, holder));
    }
    if failing.is_some() {
        return unavailable();
    }
    Json(seen.outbox()).into_response()
}

async fn mark(State(seen): State<Shared>, headers: HeaderMap) -> Response {
    match seen.lock().named(&headers) {
        Ok(_) => Json(json!({ "position": 7 })).into_response(),
        Err(refused) => *refused,
    }
}

async fn release(State(seen): State<Shared>, headers: HeaderMap) -> Response {
    let mut seen = seen.lock();
    match seen.named(&headers) {
        Ok(tag) => {
            seen.hold = None;
            seen.released.push(tag);
            Json(json!({ "delivered": 0, "lost": 0 })).into_response()
        }
        Err(refused) => *refused,
    }
}

/// Two databases, a mapping whose tables are fed by mirrored writes, and the control API.
struct Setting {
    sides: Sides,
    mapping: String,
    control: Server,
    seen: Shared,
}

impl Setting {
    async fn new(sides: Sides) -> Self {
        sides
            .legacy(
                "CREATE TABLE things (id INTEGER PRIMARY KEY, name TEXT NOT NULL);
                 INSERT INTO things SELECT i, 'n' || i FROM (WITH RECURSIVE n (i) AS
                     (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 8000) SELECT i FROM n)",
            )
            .await;
        sides
            .modern("CREATE TABLE things (id BIGINT PRIMARY KEY, name TEXT NOT NULL)")
            .await;
        let slow = if sides.modern.starts_with("sqlite:") {
            "CREATE TRIGGER slow AFTER INSERT ON things BEGIN
                 SELECT count(*) FROM (WITH RECURSIVE n (i) AS
                     (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 10000) SELECT i FROM n);
             END"
        } else {
            "CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS
                 $$ BEGIN PERFORM pg_sleep(0.001); RETURN NEW; END $$;
             CREATE TRIGGER slow BEFORE INSERT ON things FOR EACH ROW EXECUTE FUNCTION slow()"
        };
        sides.modern(slow).await;
        let mapping = sides.directory.path().join("things.toml");
        let text = "[[tables]]\nfrom = \"things\"\nto = \"things\"\nentity = \"thing\"\n\
                    feeder = \"mirror\"\n";
        std::fs::write(&mapping, text).unwrap();
        let seen = Shared::default();
        let router = Router::new()
            .route(
                "/api/outbox",
                get(async |State(seen): State<Shared>| Json(seen.lock().outbox())),
            )
            .route("/api/outbox/hold", post(hold))
            .route("/api/outbox/mark", post(mark))
            .route("/api/outbox/release", post(release))
            .route("/api/outbox/held", get(async || Json(json!([]))))
            .route("/api/taints", get(async || Json(json!([]))))
            .with_state(Arc::clone(&seen));
        Self {
            sides,
            mapping: mapping.to_str().unwrap().to_owned(),
            control: Server::start(router).await,
            seen,
        }
    }

    fn begin(&self, arguments: &[&str]) -> Child {
        let mut command = Command::new(env!("CARGO_BIN_EXE_cutover-data"));
        command
            .args(arguments)
            .args(["--mapping", &self.mapping, "--proxy", &self.control.url()])
            .args(["--from", &self.sides.legacy, "--to", &self.sides.modern])
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command.spawn().unwrap()
    }

    async fn run(&self, arguments: &[&str]) -> Output {
        ended(self.begin(arguments)).await
    }

    /// The same without a proxy.
    async fn run_alone(&self, arguments: &[&str]) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_cutover-data"));
        command.args(arguments).args(["--mapping", &self.mapping]);
        command.args(["--from", &self.sides.legacy, "--to", &self.sides.modern]);
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        ended(command.spawn().unwrap()).await
    }
}

const COPY: [&str; 6] = ["migrate", "--json", "--parallel", "1", "--page", "1ms"];
const TAINTED: [&str; 2] = ["sync", "--tainted"];

impl Setting {
    /// Begins a copy; returns while it is under way.
    async fn copying(&self) -> Child {
        let child = self.begin(&COPY);
        let deadline = Instant::now() + PATIENCE;
        while self.arrived().await == 0 {
            assert!(Instant::now() < deadline, "no row comes");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        child
    }

    /// Rows need no time any more.
    async fn hurry(&self) {
        let is_file = self.sides.modern.starts_with("sqlite:");
        let on_table = if is_file { "" } else { " ON things" };
        let drop = format!("DROP TRIGGER slow{on_table}");
        self.sides.modern(&drop).await;
    }

    async fn arrived(&self) -> i64 {
        self.sides.number("SELECT count(*) FROM things").await
    }

    /// Has a command refused, which names who holds and the way out.
    async fn refuses(&self, arguments: &[&str], holder: &str) {
        let output = self.run(arguments).await;
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{said}");
        for part in [holder, "2026-01-02T03:04:05Z", "--take-over"] {
            assert!(said.contains(part), "{part}: {said}");
        }
    }

    fn holder(&self) -> String {
        let seen = self.seen.lock();
        seen.hold
            .as_ref()
            .map(|(_, holder)| holder.clone())
            .unwrap()
    }

    /// By what tags holds ended, when none is left and every row is there.
    async fn whole(&self, released: &[u64]) {
        assert_eq!(self.arrived().await, 8000);
        let seen = self.seen.lock();
        assert_eq!((&seen.hold, &*seen.released), (&None, released));
    }
}

// On SQLite, the demo's tests of the proxy beside a copy have this.
#[tokio::test(flavor = "multi_thread")]
async fn of_two_copies_at_one_time_one_is_refused_or_takes_the_others_place() {
    let setting = Setting::new(Sides::postgres().await).await;
    let first = setting.copying().await;
    let holder = setting.holder();
    assert!(holder.starts_with(&format!("migrate, process {},", first.id())));
    setting.refuses(&COPY, &holder).await;
    setting.refuses(&TAINTED, &holder).await;
    for command in [&COPY[..], &["sync", "--entity", "thing", "--id", "1"]] {
        let output = setting.run_alone(command).await;
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{said}");
        assert!(said.contains("another command brings rows"), "{said}");
    }
    let before = setting.arrived().await;
    assert!(before < 8000, "the first is under way");
    let second = setting.begin(&[&COPY[..], &["--take-over"]].concat());
    let first = ended(first).await;
    let said = String::from_utf8_lossy(&first.stderr);
    assert_eq!(first.status.code(), Some(2), "{said}");
    for part in [
        "does not hold mirrored writes any more",
        "by migrate, process",
    ] {
        assert!(said.contains(part), "{part}: {said}");
    }
    setting.hurry().await;
    let second = ended(second).await;
    let said = String::from_utf8_lossy(&second.stderr);
    assert_eq!(second.status.code(), Some(0), "{said}");
    setting.whole(&[2]).await;
}

async fn a_copy_that_was_killed_goes_on_with_its_own_hold(sides: Sides) {
    let setting = Setting::new(sides).await;
    let mut killed = setting.copying().await;
    killed.kill().unwrap();
    killed.wait().unwrap();
    setting.refuses(&TAINTED, &setting.holder()).await;
    setting.hurry().await;
    let again = setting.run(&COPY).await;
    let said = String::from_utf8_lossy(&again.stderr);
    assert_eq!(again.status.code(), Some(0), "{said}");
    setting.whole(&[2]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copy_to_sqlite_that_was_killed_goes_on_with_its_own_hold_by_another_tag() {
    a_copy_that_was_killed_goes_on_with_its_own_hold(Sides::sqlite().await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copy_to_postgres_that_was_killed_goes_on_with_its_own_hold_by_another_tag() {
    a_copy_that_was_killed_goes_on_with_its_own_hold(Sides::postgres().await).await;
}

/// What one copy left when it was killed, after another asked in vain to take its hold over.
async fn a_copy_after_a_takeover_that_failed(failing: Failing, released: u64) {
    let setting = Setting::new(Sides::postgres().await).await;
    let mut killed = setting.copying().await;
    setting.seen.lock().failing = Some(failing);
    let taking = setting.run(&[&COPY[..], &["--take-over"]].concat()).await;
    let said = String::from_utf8_lossy(&taking.stderr);
    assert_eq!(taking.status.code(), Some(2), "{said}");
    assert!(said.contains("can't be stored"), "{said}");
    // Where it was taken over, it may have ended by itself already.
    killed.kill().unwrap();
    killed.wait().unwrap();
    setting.hurry().await;
    let again = setting.run(&COPY).await;
    let said = String::from_utf8_lossy(&again.stderr);
    assert_eq!(again.status.code(), Some(0), "{said}");
    setting.whole(&[released]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copy_knows_its_hold_after_one_that_was_refused_to_take_it_over() {
    a_copy_after_a_takeover_that_failed(Failing::Before, 2).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copy_knows_a_hold_that_was_taken_over_without_an_answer() {
    a_copy_after_a_takeover_that_failed(Failing::After, 3).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copy_that_is_not_alone_any_more_stops_and_leaves_its_hold() {
    let setting = Setting::new(Sides::postgres().await).await;
    let copying = setting.copying().await;
    let ended_sessions = setting
        .sides
        .number(
            "SELECT count(*) FILTER (WHERE pg_terminate_backend(pid)) FROM pg_locks
             WHERE locktype = 'advisory' AND database =
                 (SELECT oid FROM pg_database WHERE datname = current_database())",
        )
        .await;
    assert_eq!(ended_sessions, 1);
    let stopped = ended(copying).await;
    let said = String::from_utf8_lossy(&stopped.stderr);
    assert_eq!(stopped.status.code(), Some(2), "{said}");
    assert!(said.contains("kept other commands away"), "{said}");
    setting.hurry().await;
    let again = setting.run(&COPY).await;
    let said = String::from_utf8_lossy(&again.stderr);
    assert_eq!(again.status.code(), Some(0), "{said}");
    setting.whole(&[2]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hold_from_elsewhere_is_left_alone_unless_it_is_to_be_taken_over() {
    let setting = Setting::new(Sides::sqlite().await).await;
    let elsewhere = Some((40, "another machine".to_owned()));
    *setting.seen.lock() = Seen {
        hold: elsewhere.clone(),
        given: 40,
        ..Seen::default()
    };
    setting.refuses(&COPY, "another machine").await;
    setting.refuses(&TAINTED, "another machine").await;
    assert_eq!(setting.seen.lock().hold, elsewhere);
    assert_eq!(setting.arrived().await, 0);
    let taken = setting
        .run(&[&TAINTED[..], &["--take-over"]].concat())
        .await;
    assert_eq!(taken.status.code(), Some(0), "{taken:?}");
    assert_eq!(setting.seen.lock().released, [41]);
}

async fn ended(child: Child) -> Output {
    let ended = tokio::task::spawn_blocking(move || child.wait_with_output());
    ended.await.unwrap().unwrap()
}
