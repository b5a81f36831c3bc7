//! A private `MariaDB`, which knows no users and no passwords: fast to start, and not durable
//! against a loss of power.
//!
//! Its directory takes seconds to make, so one is made for each target directory and copied. The
//! databases are made with it, since nothing here speaks to the server.

use std::fmt::Write as _;
use std::fs::{self, File};
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::process::Command;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicUsize, Ordering};

use tempfile::TempDir;

use super::binaries::binary;
use super::supervised::{Kind, Startup, Supervised};
use super::template::{copy, finished, template, text, version};

/// Databases of a server.
const DATABASES: usize = 100;

/// Megabytes of pages that a server keeps, which is enough for the rows of tests.
const POOL: u32 = 64;

/// The server that the tests of this process share; it ends with the process.
static SHARED: LazyLock<Mariadb> = LazyLock::new(Mariadb::start);

/// A `MariaDB` of its own, for a test that stops it; most tests want [`mariadb_database`].
#[derive(Debug)]
pub struct Mariadb {
    pub(super) server: Supervised<Server>,
    databases: AtomicUsize,
}

/// The URL of a new and empty database on the server that the tests of this process share.
pub fn mariadb_database() -> String {
    SHARED.database()
}

impl Mariadb {
    /// Starts a server.
    pub fn start() -> Self {
        Self::start_with_pool(POOL)
    }

    /// Starts one that keeps so many megabytes of pages in memory, for a benchmark whose rows
    /// should be there.
    pub fn start_with_pool(megabytes: u32) -> Self {
        let directory = TempDir::with_prefix("cutover-mariadb-").expect("a directory");
        let name = format!("mariadb-{}", version("mariadbd"));
        let template = template(&name, make);
        copy(&template, &directory.path().join("data"));
        Self {
            server: Supervised::start(Server { pool: megabytes }, directory),
            databases: AtomicUsize::new(0),
        }
    }

    /// The URL of a new and empty database.
    pub fn database(&self) -> String {
        let number = self.databases.fetch_add(1, Ordering::Relaxed);
        assert!(number < DATABASES, "a server has {DATABASES} databases");
        format!("mysql://root@127.0.0.1:{}/test_{number}", self.server.port)
    }

    /// Ends the server at once: every connection breaks.
    pub fn stop(&mut self) {
        self.server.stop();
    }

    /// Starts the server again, on the same port, from what was committed.
    pub fn restart(&mut self) {
        self.server.restart();
    }
}

/// Makes a directory of data with its databases.
fn make(directory: &Path) {
    fs::create_dir(directory).expect("a directory");
    let script = TempDir::new().expect("a directory");
    let script = script.path().join("databases.sql");
    let mut sql = String::new();
    for number in 0..DATABASES {
        // Writing to a string cannot fail.
        let _ = writeln!(sql, "CREATE DATABASE test_{number} CHARACTER SET utf8mb4;");
    }
    fs::write(&script, sql).expect("a script");
    let mut bootstrap = Command::new(binary("mariadbd"));
    bootstrap
        .args(settings(directory, POOL))
        .arg("--bootstrap")
        .stdin(File::open(&script).expect("a script"));
    finished(&mut bootstrap);
}

/// What a server is run with, whether to be made or to serve.
fn settings(directory: &Path, pool: u32) -> Vec<String> {
    let mut words = vec![
        // Before all others, or it is refused.
        "--no-defaults".to_owned(),
        format!("--datadir={}", text(directory)),
        "--skip-grant-tables".into(),
        "--innodb-log-file-size=8M".into(),
        format!("--innodb-buffer-pool-size={pool}M"),
        // In a test processes crash and machines do not.
        "--innodb-flush-log-at-trx-commit=2".into(),
        "--innodb-flush-method=nosync".into(),
        // There are no tables to keep statistics in.
        "--innodb-stats-persistent=0".into(),
    ];
    if fs::metadata(directory).expect("a directory").uid() == 0 {
        // Root has to say that it means it.
        words.push("--user=root".to_owned());
    }
    words
}

#[derive(Debug, Clone)]
pub(super) struct Server {
    /// Megabytes.
    pool: u32,
}

impl Kind for Server {
    const ENDING: &'static str = "KILL";

    fn command(&self, directory: &Path, port: u16) -> Vec<String> {
        let mut words = vec!["setpriv".to_owned(), "--pdeathsig=KILL".to_owned()];
        words.push(text(&binary("mariadbd")));
        words.extend(settings(&directory.join("data"), self.pool));
        words.extend([
            format!("--port={port}"),
            "--bind-address=127.0.0.1".to_owned(),
            "--socket=".to_owned(),
            format!("--pid-file={}", text(&directory.join("pid"))),
            format!("--tmpdir={}", text(directory)),
        ]);
        words
    }

    fn startup(_: &Path, _: u32, log: &str) -> Startup {
        if log.contains("ready for connections") {
            Startup::Ready
        } else if log.contains("[ERROR]") {
            Startup::Failed
        } else {
            Startup::Pending
        }
    }
}
