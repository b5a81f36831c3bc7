//! `cutover-data serve` as a process, and the client that asks it.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use http::Method;
use kit::testing::{Answer, Target};
use serde_json::Value;

use crate::sides::{MAPPING, Sides};

/// How long anything may take on a busy machine.
pub(crate) const PATIENCE: Duration = Duration::from_mins(2);

/// A running service; it dies with the test.
pub(crate) struct Service {
    child: Child,
    target: Target,
}

impl Service {
    /// Starts it on these databases, with the state file beside them.
    pub(crate) async fn start(sides: &Sides, more: &[&str]) -> Self {
        Self::start_with(sides, MAPPING, more).await
    }

    pub(crate) async fn start_with(sides: &Sides, mapping: &str, more: &[&str]) -> Self {
        let state = sides.directory.path().join("runs.db");
        let mut child = Command::new(env!("CARGO_BIN_EXE_cutover-data"))
            .args(["serve", "--listen", "127.0.0.1:0", "--mapping", mapping])
            .args(["--from", &sides.legacy, "--to", &sides.modern])
            .arg("--state")
            .arg(state)
            .args(more)
            .env_remove("RUST_LOG")
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut log = BufReader::new(child.stderr.take().unwrap()).lines();
        let listening = tokio::task::spawn_blocking(move || {
            let mut told = String::new();
            let address = log.by_ref().map_while(Result::ok).find_map(|line| {
                told.push_str(&line);
                let line: Value = serde_json::from_str(&line).ok()?;
                Some(line.get("listen")?.as_str()?.to_owned())
            });
            // Whoever writes into a pipe that nobody reads waits at some point.
            std::thread::spawn(move || log.for_each(drop));
            address.ok_or(told)
        });
        let base = format!("http://{}", listening.await.unwrap().unwrap());
        Self {
            child,
            target: Target::one(&base),
        }
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.ask(Method::GET, path, &[], "").await
    }

    pub(crate) async fn post(&self, path: &str, body: &str) -> Answer {
        self.ask(Method::POST, path, &[], body).await
    }

    pub(crate) async fn ask(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> Answer {
        self.target.send(method, path, headers, body).await
    }

    /// The run at this place, once it is as wanted.
    pub(crate) async fn until(&self, place: &str, wanted: impl Fn(&Value) -> bool) -> Value {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let run = self.get(place).await.json;
            if wanted(&run) {
                return run;
            }
            assert!(Instant::now() < deadline, "it never came to pass: {run:#}");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// The run at this place, once it has ended.
    pub(crate) async fn ended(&self, place: &str) -> Value {
        let under_way = ["queued", "running"];
        self.until(place, |run| {
            !under_way.iter().any(|state| run["state"] == *state)
        })
        .await
    }

    /// Begins a run, and says where it is shown.
    pub(crate) async fn begin(&self, path: &str, options: &str) -> String {
        let begun = self.post(path, options).await;
        assert_eq!(begun.status, 202, "{}", begun.text);
        begun.headers["location"].to_str().unwrap().to_owned()
    }

    /// Ends it as a power cut would.
    pub(crate) fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Ends it as an operator would.
    pub(crate) fn terminate(mut self) {
        let id = self.child.id().to_string();
        assert!(
            Command::new("kill")
                .args(["-TERM", &id])
                .status()
                .unwrap()
                .success()
        );
        assert!(self.child.wait().unwrap().success());
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
