//! A server process that ends, and whose directory goes, when its owner does: by being dropped,
//! by ending, or by being killed.
//!
//! A shell stands between the two and waits for the end of a pipe, so nothing depends on
//! destructors. A directory whose owner was killed before its server started stays behind.

use std::fmt;
use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpListener;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

/// How long a server may take until it serves; a loaded machine may need most of it.
const PATIENCE: Duration = Duration::from_secs(30);

/// How often a starting server is looked at.
const GLANCE: Duration = Duration::from_millis(5);

/// Free ports tried until one is still free when the server takes it.
const TRIES: usize = 5;

/// What is asked of a server while it starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Startup {
    /// Not there yet.
    Pending,
    /// It serves.
    Ready,
    /// It gave up, mostly over a port that was taken meanwhile.
    Failed,
}

/// How one kind of server is run.
pub(super) trait Kind: fmt::Debug + Clone {
    /// The signal that ends it at once and in good order.
    const ENDING: &'static str;

    /// The command that runs it in the foreground.
    fn command(&self, directory: &Path, port: u16) -> Vec<String>;

    /// How far it has come, judged by its own files: another server may have the port.
    fn startup(directory: &Path, pid: u32, log: &str) -> Startup;
}

/// A server on a port of the loopback, with its directory.
#[derive(Debug)]
pub(super) struct Supervised<K: Kind> {
    kind: K,
    pub(super) directory: PathBuf,
    pub(super) port: u16,
    run: Option<Run>,
}

/// The shell that watches over the server, and the server.
#[derive(Debug)]
struct Run {
    shell: Child,
    lifeline: Option<ChildStdin>,
    pid: u32,
}

impl<K: Kind> Supervised<K> {
    /// Starts the server on a free port.
    pub(super) fn start(kind: K, directory: TempDir) -> Self {
        let mut server = Self {
            kind,
            directory: directory.keep(),
            port: 0,
            run: None,
        };
        for _ in 0..TRIES {
            server.port = free_port();
            if server.launched() {
                return server;
            }
        }
        server.give_up()
    }

    /// Ends the server at once, as a crash would; its data stays.
    pub(super) fn stop(&mut self) {
        if let Some(run) = self.run.take() {
            run.end(Some(K::ENDING));
        }
    }

    /// Starts the server again, on the same port and data.
    pub(super) fn restart(&mut self) {
        self.stop();
        let started = Instant::now();
        // The port may be held for a moment by a connection that is going.
        while !self.launched() {
            if started.elapsed() > PATIENCE {
                self.give_up()
            }
        }
    }

    /// Sends a signal to the server's process, such as `STOP` and `CONT`.
    pub(super) fn signal(&self, name: &str) {
        let pid = self.run.as_ref().expect("a running server").pid;
        // The shell's own `kill`: a small system has no other.
        let sent = Command::new("sh")
            .args(["-c", &format!("kill -s {name} {pid}")])
            .status();
        assert!(sent.expect("sh").success(), "no process {pid}");
    }

    /// Whether the server came up.
    fn launched(&mut self) -> bool {
        let command = self.kind.command(&self.directory, self.port);
        let run = Run::start::<K>(&self.directory, &command);
        let started = Instant::now();
        loop {
            match K::startup(&self.directory, run.pid, &log(&self.directory)) {
                Startup::Ready => break,
                Startup::Pending if started.elapsed() < PATIENCE => std::thread::sleep(GLANCE),
                Startup::Pending | Startup::Failed => {
                    run.end(Some("KILL"));
                    return false;
                }
            }
        }
        self.run = Some(run);
        true
    }

    fn give_up(&self) -> ! {
        let log = log(&self.directory);
        // What is left is a directory, and the log above is all that it could tell.
        let _ = fs::remove_dir_all(&self.directory);
        panic!("{:?} did not start:\n{log}", self.kind)
    }
}

impl<K: Kind> Drop for Supervised<K> {
    fn drop(&mut self) {
        match self.run.take() {
            Some(run) => run.end(None),
            None => drop(fs::remove_dir_all(&self.directory)),
        }
    }
}

impl Run {
    fn start<K: Kind>(directory: &Path, command: &[String]) -> Self {
        let mut shell = Command::new("sh");
        shell
            .args(["-c", include_str!("supervise.sh"), "supervise"])
            .arg(directory)
            .arg(K::ENDING)
            .args(command)
            .current_dir(directory)
            // Neither Ctrl-C nor whoever ends the tests by their group reaches the shell.
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null());
        let mut shell = shell.spawn().expect("sh");
        let mut pid = String::new();
        let answer = shell.stdout.take().expect("a pipe");
        BufReader::new(answer).read_line(&mut pid).expect("a pid");
        Self {
            lifeline: shell.stdin.take(),
            pid: pid.trim().parse().expect("a pid"),
            shell,
        }
    }

    /// Ends the server, by this signal when its directory is to stay.
    fn end(mut self, keeping: Option<&str>) {
        let lifeline = self.lifeline.take();
        if let (Some(mut lifeline), Some(signal)) = (lifeline, keeping) {
            // A shell that is gone has taken its server along.
            let _ = writeln!(lifeline, "{signal}");
        }
        let _ = self.shell.wait();
    }
}

fn log(directory: &Path) -> String {
    let bytes = fs::read(directory.join("log")).unwrap_or_default();
    String::from_utf8_lossy(&bytes).into_owned()
}

fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    listener.local_addr().expect("an address").port()
}
