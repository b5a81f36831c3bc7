//! The demo as a newcomer starts it.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that can't be set up fails"
)]

use kit::testing::servers::{Postgres, Redis};
use legacy_monolith::quirks::QUIRKS;
use serde_json::Value;
use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

const PATIENCE: Duration = Duration::from_mins(4);

/// A running demo; it is ended with the test.
struct Demo {
    process: Child,
    output: BufReader<ChildStdout>,
    control: SocketAddr,
    routes: String,
}

impl Drop for Demo {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn demo(folder: &std::path::Path, more: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_demo"));
    command.arg("--data-dir").arg(folder);
    for flag in [
        "--proxy-port",
        "--control-port",
        "--legacy-port",
        "--order-port",
        "--invoice-port",
        "--migration-port",
    ] {
        if !more.contains(&flag) {
            command.args([flag, "0"]);
        }
    }
    command.args(more);
    command
}

impl Demo {
    fn start(folder: &std::path::Path, more: &[&str]) -> Self {
        let mut process = demo(folder, more).stdout(Stdio::piped()).spawn().unwrap();
        let mut output = BufReader::new(process.stdout.take().unwrap());
        let mut value = |label: &str| {
            let mut line = String::new();
            while output.read_line(&mut line).unwrap() > 0 {
                if let Some(value) = line.strip_prefix(label) {
                    return value.split_whitespace().next().unwrap().to_owned();
                }
                line.clear();
            }
            panic!("the demo ended without saying where its {label} is");
        };
        value("proxy");
        let control = value("dashboard")
            .trim_start_matches("http://")
            .parse()
            .unwrap();
        let routes = value("routes");
        Self {
            process,
            output,
            control,
            routes,
        }
    }

    fn get(&self, path: &str) -> Value {
        self.ask("GET", path)
    }

    fn post(&self, path: &str) -> Value {
        self.ask("POST", path)
    }

    fn ask(&self, method: &str, path: &str) -> Value {
        let mut stream = TcpStream::connect(self.control).unwrap();
        stream
            .set_read_timeout(Some(Duration::from_secs(30)))
            .unwrap();
        write!(
            stream,
            "{method} {path} HTTP/1.0\r\nHost: {}\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{{}}",
            self.control
        )
        .unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let (_, body) = answer.split_once("\r\n\r\n").unwrap();
        serde_json::from_str(body).unwrap()
    }

    /// Every discrepancy found so far, as route, path and kind.
    fn findings(&self) -> BTreeSet<(String, String, String)> {
        let list = self.get("/api/discrepancies?limit=100");
        let text = |finding: &Value, key: &str| finding[key].as_str().unwrap().to_owned();
        list["discrepancies"]
            .as_array()
            .unwrap()
            .iter()
            .map(|finding| {
                (
                    text(finding, "route"),
                    text(finding, "path"),
                    text(finding, "kind"),
                )
            })
            .collect()
    }

    /// A total that differs because its row does, and a time that the code writes otherwise.
    fn tells_drift_from_code(&self) {
        let list = self.get("/api/discrepancies?route=order-read&limit=100");
        let list = list["discrepancies"].as_array().unwrap();
        let told = |path: &str| {
            let finding = list.iter().find(|finding| finding["path"] == path).unwrap();
            let id = finding["id"].as_str().unwrap();
            self.post(&format!("/api/discrepancies/{id}/rows"))
                .to_string()
        };
        let drifted = told("/data/attributes/total");
        assert!(drifted.contains("data drift: orders.total"), "{drifted}");
        let code = told("/data/attributes/createdAt");
        assert!(code.contains("code: rows equal"), "{code}");
    }

    /// The sum of one outcome over all routes.
    fn outcome(&self, outcome: &str) -> u64 {
        let routes = self.get("/api/outcomes");
        let routes = routes["routes"].as_array().unwrap();
        routes
            .iter()
            .map(|route| route["outcomes"][outcome].as_u64().unwrap())
            .sum()
    }
}

fn wait_until(what: &str, mut come_to_pass: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !come_to_pass() {
        assert!(Instant::now() < deadline, "{what} never came to pass");
        std::thread::sleep(Duration::from_millis(200));
    }
}

/// Holds a demo with these flags to the list of quirks.
fn finds_every_documented_quirk_and_nothing_else(more: &[&str]) {
    let folder = tempfile::tempdir().unwrap();
    let demo = Demo::start(folder.path(), &[&["--rate", "100"], more].concat());
    let expected: BTreeSet<_> = QUIRKS
        .iter()
        .flat_map(|quirk| quirk.findings)
        .chain(demo::drift::FINDINGS)
        .map(|(route, path, kind)| (route.to_string(), path.to_string(), kind.to_string()))
        .collect();
    wait_until("finding every quirk", || {
        let found = demo.findings();
        let invented: Vec<_> = found.difference(&expected).collect();
        assert!(
            invented.is_empty(),
            "neither quirk nor drift explains {invented:?}"
        );
        found == expected
    });
    demo.tells_drift_from_code();
    // Having found all, it goes on finding nothing else.
    let matched = demo.outcome("matched");
    wait_until("more matches", || demo.outcome("matched") > matched + 100);
    assert_eq!(demo.findings(), expected);
    for outcome in [
        "candidate_error",
        "candidate_timeout",
        "dropped",
        "skipped",
        "undecodable",
        "primary_error",
    ] {
        assert_eq!(demo.outcome(outcome), 0, "{outcome}");
    }
}

#[test]
fn the_demo_finds_every_documented_quirk_and_nothing_else() {
    finds_every_documented_quirk_and_nothing_else(&[]);
}

#[test]
fn on_postgresql_and_redis_it_finds_the_same() {
    let (postgres, redis) = (Postgres::start(), Redis::start());
    let (database, cache) = (postgres.database(), redis.url());
    finds_every_documented_quirk_and_nothing_else(&["--modern-db", &database, "--redis", &cache]);
    let rows = postgres.run_sql("test_0", "SELECT count(*) > 40 FROM customers");
    assert_eq!(rows, "t", "what clients made is there, too");
    assert!(keys(&cache) > 0, "reads were cached");
}

#[test]
fn on_sql_server_it_finds_the_same_if_one_is_given() {
    const VARIABLE: &str = "CUTOVER_TEST_MSSQL_URL";
    let Ok(given) = std::env::var(VARIABLE) else {
        let line = format!("SKIPPED: the demo on SQL Server, because {VARIABLE} is not set\n");
        return std::io::stderr().write_all(line.as_bytes()).unwrap();
    };
    let (place, options) = given.split_once('?').unwrap_or((&given, ""));
    let (server, _) = place.rsplit_once('/').unwrap();
    // It stays, and the next run makes its tables anew.
    let database = format!("{server}/cutover_demo?{options}");
    finds_every_documented_quirk_and_nothing_else(&["--legacy-db", &database]);
}

/// How many keys a Redis holds.
fn keys(url: &str) -> u64 {
    let mut redis = TcpStream::connect(url.trim_start_matches("redis://")).unwrap();
    redis.write_all(b"DBSIZE\r\n").unwrap();
    let mut answer = String::new();
    BufReader::new(redis).read_line(&mut answer).unwrap();
    answer.trim_matches([':', '\r', '\n']).parse().unwrap()
}

/// Starts a demo and ends it again.
fn run_once(folder: &std::path::Path, more: &[&str]) {
    drop(Demo::start(folder, &[&["--no-traffic"], more].concat()));
}

/// What a demo that does not start says, in one line.
fn refusal(folder: &std::path::Path, more: &[&str]) -> String {
    let output = demo(folder, more).output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert_eq!(said.lines().count(), 1, "{said}");
    said
}

#[test]
fn databases_of_an_earlier_demo_start_afresh_and_keep_what_is_not_the_demos() {
    let folder = tempfile::tempdir().unwrap();
    let postgres = Postgres::start();
    let modern = postgres.database();
    let legacy = format!("sqlite:{}", folder.path().join("shop.db").display());
    let flags = [
        "--modern-db",
        modern.as_str(),
        "--legacy-db",
        legacy.as_str(),
    ];
    run_once(folder.path(), &flags);
    postgres.run_sql(
        "test_0",
        "UPDATE customers SET email = 'other@example.com' WHERE id = '1';
         CREATE TABLE notes AS SELECT 7 AS note",
    );
    run_once(folder.path(), &flags);
    let other = "SELECT count(*) FROM customers WHERE email = 'other@example.com'";
    assert_eq!(postgres.run_sql("test_0", other), "0");
    assert_eq!(postgres.run_sql("test_0", "SELECT note FROM notes"), "7");
    let own = ["legacy.db", "modern.db"].map(|file| folder.path().join(file).exists());
    assert_eq!(own, [false, false], "files that nobody asked for");
}

#[test]
fn a_database_with_anything_else_in_it_is_refused_and_stays_as_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let postgres = Postgres::start();
    let modern = postgres.database();
    postgres.run_sql("test_0", "CREATE TABLE customers AS SELECT 7 AS id");
    let said = refusal(folder.path(), &["--modern-db", &modern]);
    assert!(
        said.contains("--modern-db") && said.contains("`customers`"),
        "{said}"
    );
    let tables = "SELECT string_agg(tablename, ' ') FROM pg_tables WHERE schemaname = 'public'";
    assert_eq!(postgres.run_sql("test_0", tables), "customers");

    // A file that a demo made in a folder is taken again, and not for the other side.
    run_once(folder.path(), &[]);
    run_once(folder.path(), &[]);
    let file = |name: &str| format!("sqlite:{}", folder.path().join(name).display());
    let said = refusal(folder.path(), &["--legacy-db", &file("modern.db")]);
    assert!(
        said.contains("--legacy-db") && said.contains("modern.db"),
        "{said}"
    );
    let both = file("shop.db");
    let said = refusal(folder.path(), &["--legacy-db", &both, "--modern-db", &both]);
    assert!(said.contains("--modern-db"), "{said}");

    // Nor does a file become the demo's by its name.
    let other = tempfile::tempdir().unwrap();
    std::fs::write(other.path().join("legacy.db"), "no database".repeat(100)).unwrap();
    let said = refusal(other.path(), &[]);
    assert!(
        said.contains("--data-dir") && said.contains("legacy.db"),
        "{said}"
    );
}

#[test]
fn every_url_that_is_none_is_a_sentence_with_its_flag_and_without_its_password() {
    let folder = tempfile::tempdir().unwrap();
    let urls = [
        ("--legacy-db", "postgres://u:hunter2@h/shop"),
        ("--modern-db", "mssql://u:hunter2@h/shop"),
        ("--redis", "localhost:6379"),
    ];
    let flags: Vec<&str> = urls.iter().flat_map(|(flag, url)| [*flag, *url]).collect();
    let output = demo(folder.path(), &flags).output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(64), "{said}");
    for ((flag, _), line) in urls.iter().zip(said.lines()) {
        assert!(line.starts_with(flag), "{said}");
    }
    assert!(
        said.contains("localhost:6379") && !said.contains("hunter2"),
        "{said}"
    );
}

#[test]
fn a_database_server_that_is_not_there_is_a_sentence_with_its_flag_and_place() {
    let folder = tempfile::tempdir().unwrap();
    let closed = TcpListener::bind("127.0.0.1:0").unwrap();
    let place = closed.local_addr().unwrap().to_string();
    drop(closed);
    for (flag, scheme) in [("--legacy-db", "mssql"), ("--modern-db", "postgres")] {
        let url = format!("{scheme}://u:hunter2@{place}/shop");
        let said = refusal(folder.path(), &[flag, &url]);
        assert!(said.contains(flag) && said.contains(&place), "{said}");
        assert!(!said.contains("hunter2"), "{said}");
    }
}

#[test]
fn editing_the_copy_of_the_routes_moves_traffic_and_the_terminal_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let mut demo = Demo::start(folder.path(), &["--no-traffic"]);
    let text = std::fs::read_to_string(&demo.routes).unwrap();
    std::fs::write(
        &demo.routes,
        text.replacen("mode = \"shadow\"", "mode = \"modern\"", 1),
    )
    .unwrap();
    wait_until("the flip", || {
        demo.get("/api/routes")[0]["mode"] == "modern"
    });
    let mut line = String::new();
    while !line.contains("→ modern") {
        line.clear();
        assert!(
            demo.output.read_line(&mut line).unwrap() > 0,
            "the terminal said nothing"
        );
    }
    assert!(line.starts_with("customer-create:"), "{line}");
}

#[test]
fn a_taken_port_is_a_sentence_that_names_the_port_and_the_flag() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    for flag in [
        "--proxy-port",
        "--control-port",
        "--legacy-port",
        "--order-port",
        "--invoice-port",
        "--migration-port",
    ] {
        let folder = tempfile::tempdir().unwrap();
        let output = demo(folder.path(), &[flag, &port]).output().unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{said}");
        assert!(said.contains(&port) && said.contains(flag), "{said}");
        assert_eq!(said.lines().count(), 1, "{said}");
    }
}

#[test]
fn an_interrupt_ends_the_demo_cleanly() {
    let folder = tempfile::tempdir().unwrap();
    let mut demo = Demo::start(folder.path(), &["--rate", "50"]);
    wait_until("some traffic", || demo.outcome("matched") > 0);
    let pid = demo.process.id().to_string();
    assert!(
        Command::new("kill")
            .args(["-INT", &pid])
            .status()
            .unwrap()
            .success()
    );
    let mut rest = String::new();
    demo.output.read_to_string(&mut rest).unwrap();
    assert!(demo.process.wait().unwrap().success());
    assert!(rest.ends_with("stopping\n"), "{rest}");
}
