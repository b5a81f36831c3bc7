//! A database of its own on the SQL Server that `CUTOVER_TEST_MSSQL_URL` names; it is dropped with
//! the test. Without the variable nothing is tested there, and standard error says so.

use std::{io::Write, sync::Once};

use legacy_monolith::repository::mssql::run_batch;
use tempfile::TempDir;

const VARIABLE: &str = "CUTOVER_TEST_MSSQL_URL";

pub(crate) struct Database {
    name: String,
    given: String,
}

impl Database {
    /// A name that nobody else has; the monolith makes the database.
    pub(crate) fn if_given(unique: &TempDir) -> Option<Self> {
        let Ok(given) = std::env::var(VARIABLE) else {
            say_skipped();
            return None;
        };
        let unique = unique.path().file_name().unwrap().to_string_lossy();
        let name = format!("migration{}{unique}", std::process::id()).replace('.', "_");
        Some(Self { name, given })
    }

    pub(crate) fn url(&self) -> String {
        self.url_of(&self.name)
    }

    fn url_of(&self, name: &str) -> String {
        let (place, options) = self.given.split_once('?').unwrap_or((&self.given, ""));
        let (server, _) = place.rsplit_once('/').unwrap();
        format!("{server}/{name}?{options}")
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        let (master, name) = (self.url_of("master"), &self.name);
        let drop = format!(
            "ALTER DATABASE [{name}] SET SINGLE_USER WITH ROLLBACK IMMEDIATE; \
             DROP DATABASE [{name}]"
        );
        // The runtime of the test is ending by now.
        let thread = std::thread::spawn(move || {
            let mut builder = tokio::runtime::Builder::new_current_thread();
            let runtime = builder.enable_all().build().unwrap();
            runtime.block_on(run_batch(&master, &drop))
        });
        if let Err(error) = thread.join().unwrap() {
            eprintln!("the database {name} is left behind: {error:?}");
        }
    }
}

/// Once a process, and past what the test harness captures.
fn say_skipped() {
    static SAID: Once = Once::new();
    SAID.call_once(|| {
        let line = format!("SKIPPED: migration from SQL Server, because {VARIABLE} is not set\n");
        std::io::stderr().write_all(line.as_bytes()).unwrap();
    });
}
