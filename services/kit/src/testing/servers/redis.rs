//! A private Redis, which keeps nothing on disk.

use std::path::Path;

use tempfile::TempDir;

use super::binaries::binary;
use super::supervised::{Kind, Startup, Supervised};

/// A Redis of its own.
#[derive(Debug)]
pub struct Redis {
    pub(super) server: Supervised<RedisServer>,
}

impl Redis {
    /// Starts a server.
    pub fn start() -> Self {
        let directory = TempDir::with_prefix("cutover-redis-").expect("a directory");
        Self {
            server: Supervised::start(RedisServer, directory),
        }
    }

    /// Such as `redis://127.0.0.1:40123`.
    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.server.port)
    }

    /// Kills the server: every connection breaks, and the port refuses.
    pub fn stop(&mut self) {
        self.server.stop();
    }

    /// Starts the server again, empty, on the same port.
    pub fn restart(&mut self) {
        self.server.restart();
    }

    /// Lets the server stall: connections are taken by the kernel, and nothing answers.
    pub fn pause(&self) {
        self.server.signal("STOP");
    }

    /// Lets a paused server go on.
    pub fn resume(&self) {
        self.server.signal("CONT");
    }
}

#[derive(Debug, Clone)]
pub(super) struct RedisServer;

impl Kind for RedisServer {
    const ENDING: &'static str = "KILL";

    fn command(&self, directory: &Path, port: u16) -> Vec<String> {
        let program = binary("redis-server");
        let port = port.to_string();
        let directory = directory.to_str().expect("a path of text");
        [
            "setpriv",
            "--pdeathsig=KILL",
            program.to_str().expect("a path of text"),
            "--bind",
            "127.0.0.1",
            "--port",
            &port,
            "--save",
            "",
            "--appendonly",
            "no",
            "--dir",
            directory,
        ]
        .map(str::to_owned)
        .to_vec()
    }

    fn startup(_: &Path, _: u32, log: &str) -> Startup {
        if log.contains("Ready to accept connections") {
            Startup::Ready
        } else if log.contains("Failed listening") || log.contains("FATAL") {
            Startup::Failed
        } else {
            Startup::Pending
        }
    }
}
