//! Programs in processes of their own, to be limited or killed.

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};

/// A process that dies with the test.
pub struct Process {
    pub child: Child,
    lines: std::io::Lines<BufReader<ChildStdout>>,
}

impl Process {
    pub fn start(command: &mut Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        Self { child, lines }
    }

    /// The address that the next line with this mark ends with.
    pub fn address(&mut self, mark: &str) -> SocketAddr {
        let line = self
            .lines
            .find(|line| line.as_ref().unwrap().contains(mark));
        let line = line.unwrap().unwrap();
        line.rsplit([' ', '/']).next().unwrap().parse().unwrap()
    }

    /// SIGKILL: nothing of the process runs any more.
    pub fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The program itself.
pub fn program() -> Command {
    Command::new(env!("CARGO_BIN_EXE_cutover"))
}

/// `cutover proxy` on the routes in a folder, by way of a command that may limit it; where clients
/// point, and where the control API is.
pub fn proxy(folder: &Path, mut command: Command) -> (Process, SocketAddr, SocketAddr) {
    command
        .args([
            "proxy",
            "--listen",
            "127.0.0.1:0",
            "--control",
            "127.0.0.1:0",
            "--threads",
            "2",
        ])
        .arg("--routes")
        .arg(folder.join("routes.toml"))
        .arg("--journal")
        .arg(folder.join("journal.db"));
    let mut process = Process::start(&mut command);
    let (address, control) = (process.address("http://"), process.address("http://"));
    (process, address, control)
}
