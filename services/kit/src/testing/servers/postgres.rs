//! A private `PostgreSQL`: fast to start and, unless asked for, not durable against a loss of
//! power.
//!
//! A cluster takes a second to make, so one is made for each target directory and copied.

use std::fs;
use std::os::unix::fs::{MetadataExt as _, chown};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicUsize, Ordering};

use tempfile::TempDir;

use super::binaries::binary;
use super::supervised::{Kind, Startup, Supervised};
use super::template::{copy, finished, template, text, version};

/// The role that initdb makes, which any local connection is trusted to be.
const ROLE: &str = "postgres";

/// The server that the tests of this process share; it ends with the process.
static SHARED: LazyLock<Postgres> = LazyLock::new(Postgres::start);

/// A `PostgreSQL` of its own, for a test that stops it; most tests want [`postgres_database`].
#[derive(Debug)]
pub struct Postgres {
    pub(super) server: Supervised<Cluster>,
    databases: AtomicUsize,
}

/// The URL of a new and empty database on the server that the tests of this process share.
pub fn postgres_database() -> String {
    SHARED.database()
}

impl Postgres {
    /// Starts a server.
    pub fn start() -> Self {
        Self::started(false)
    }

    /// Starts a server that waits for the disk, as one in production does, for a benchmark.
    pub fn start_durable() -> Self {
        Self::started(true)
    }

    fn started(durable: bool) -> Self {
        let directory = TempDir::with_prefix("cutover-postgres-").expect("a directory");
        let mut cluster = Cluster::in_directory(directory.path());
        cluster.durable = durable;
        copy(&cluster.template(), &data(directory.path()));
        Self {
            server: Supervised::start(cluster, directory),
            databases: AtomicUsize::new(0),
        }
    }

    /// The URL of a new and empty database.
    pub fn database(&self) -> String {
        let number = self.databases.fetch_add(1, Ordering::Relaxed);
        let name = format!("test_{number}");
        self.run_sql("postgres", &format!("CREATE DATABASE {name}"));
        self.url(&name)
    }

    /// The URL of a database by its name.
    pub fn url(&self, database: &str) -> String {
        format!(
            "postgres://{ROLE}@127.0.0.1:{}/{database}",
            self.server.port
        )
    }

    /// Runs SQL in a database, beside whatever a test has open there; its answer, unaligned.
    pub fn run_sql(&self, database: &str, sql: &str) -> String {
        let mut psql = Command::new(binary("psql"));
        psql.args(["-XqAt", "-v", "ON_ERROR_STOP=1", "-c", sql])
            .arg(self.url(database));
        finished(&mut psql)
    }

    /// Ends the server at once, without a checkpoint: every connection breaks.
    pub fn stop(&mut self) {
        self.server.stop();
    }

    /// Starts the server again, on the same port, from what was committed.
    pub fn restart(&mut self) {
        self.server.restart();
    }
}

/// How clusters are made and run: by root under another name, which `PostgreSQL` insists on.
#[derive(Debug, Clone)]
pub(super) struct Cluster {
    owner: u32,
    group: u32,
    drops_privileges: bool,
    durable: bool,
}

impl Cluster {
    /// Looks at who owns a fresh directory, and gives it away where that is root.
    fn in_directory(directory: &Path) -> Self {
        let fresh = fs::metadata(directory).expect("a directory");
        if fresh.uid() != 0 {
            return Self {
                owner: fresh.uid(),
                group: fresh.gid(),
                drops_privileges: false,
                durable: false,
            };
        }
        let (owner, group) = id(ROLE)
            .or_else(|| id("nobody"))
            .expect("a user to run PostgreSQL as");
        chown(directory, Some(owner), Some(group)).expect("root may give a directory away");
        Self {
            owner,
            group,
            drops_privileges: true,
            durable: false,
        }
    }

    /// The command line that runs a program as the owner, and ends it with the shell above it.
    fn as_owner(&self, program: &str) -> Vec<String> {
        let mut words = vec![text(&binary("setpriv"))];
        if self.drops_privileges {
            words.push(format!("--reuid={}", self.owner));
            words.push(format!("--regid={}", self.group));
            words.push("--clear-groups".into());
        }
        words.push(format!("--pdeathsig={}", Self::ENDING));
        words.push(text(&binary(program)));
        words
    }

    /// A cluster beside the tests' binaries, made by whichever test comes first.
    fn template(&self) -> PathBuf {
        let name = format!("postgresql-{}-of-{}", version("postgres"), self.owner);
        template(&name, |partial| {
            // The owner need not reach the target directory, so the cluster is made elsewhere.
            let made = self.made();
            copy(&data(made.path()), partial);
        })
    }

    fn made(&self) -> TempDir {
        let directory = TempDir::with_prefix("cutover-initdb-").expect("a directory");
        let _ = Self::in_directory(directory.path());
        let words = self.as_owner("initdb");
        let mut initdb = Command::new(&words[0]);
        initdb
            .args(&words[1..])
            .args([
                "--no-sync",
                "--auth=trust",
                "--no-locale",
                "--encoding=UTF8",
            ])
            .args(["--wal-segsize=1", "--username", ROLE, "--pgdata"])
            .arg(data(directory.path()))
            .current_dir(directory.path());
        finished(&mut initdb);
        directory
    }
}

impl Kind for Cluster {
    /// An "immediate" shutdown: the next start recovers from the log.
    const ENDING: &'static str = "QUIT";

    fn command(&self, directory: &Path, port: u16) -> Vec<String> {
        let mut words = self.as_owner("postgres");
        words.extend(["-D".into(), text(&data(directory))]);
        // In a test processes crash and machines do not; a commit still reaches the kernel.
        let durable = if self.durable { "on" } else { "off" };
        for setting in [
            &format!("port={port}"),
            "listen_addresses=127.0.0.1",
            "unix_socket_directories=",
            &format!("fsync={durable}"),
            &format!("full_page_writes={durable}"),
            &format!("autovacuum={durable}"),
            "max_connections=500",
            "shared_buffers=32MB",
        ] {
            words.extend(["-c".into(), setting.to_owned()]);
        }
        words
    }

    fn startup(directory: &Path, pid: u32, log: &str) -> Startup {
        if log.contains("FATAL:") {
            return Startup::Failed;
        }
        let state = fs::read_to_string(data(directory).join("postmaster.pid")).unwrap_or_default();
        let ours = state.lines().next() == Some(pid.to_string().as_str());
        match state.lines().last().map(str::trim) {
            Some("ready") if ours => Startup::Ready,
            _ => Startup::Pending,
        }
    }
}

fn data(directory: &Path) -> PathBuf {
    directory.join("data")
}

/// The ids of a user and of its group.
fn id(user: &str) -> Option<(u32, u32)> {
    let number = |flag| {
        let output = Command::new("id").args([flag, user]).output().ok()?;
        String::from_utf8(output.stdout).ok()?.trim().parse().ok()
    };
    Some((number("-u")?, number("-g")?))
}
