//! The demo as a newcomer starts it.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that can't be set up fails"
)]

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
        let mut stream = TcpStream::connect(self.control).unwrap();
        stream
            .set_read_timeout(Some(Duration::from_secs(30)))
            .unwrap();
        write!(
            stream,
            "GET {path} HTTP/1.0\r\nHost: {}\r\n\r\n",
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

#[test]
fn the_demo_finds_every_documented_quirk_and_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let demo = Demo::start(folder.path(), &["--rate", "100"]);
    let expected: BTreeSet<_> = QUIRKS
        .iter()
        .flat_map(|quirk| quirk.findings)
        .map(|(route, path, kind)| (route.to_string(), path.to_string(), kind.to_string()))
        .collect();
    wait_until("finding every quirk", || {
        let found = demo.findings();
        let invented: Vec<_> = found.difference(&expected).collect();
        assert!(invented.is_empty(), "no quirk explains {invented:?}");
        found == expected
    });
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
