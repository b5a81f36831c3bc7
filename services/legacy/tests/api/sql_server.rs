//! A monolith on a database of its own on the SQL Server that `CUTOVER_TEST_MSSQL_URL` names; it
//! is dropped with the monolith. Without the variable nothing is tested, and standard error says so.

use std::{io::Write, sync::Once};

use axum::Extension;
use kit::testing::{Server, Target};
use legacy_monolith::repository::mssql::run_batch;

const VARIABLE: &str = "CUTOVER_TEST_MSSQL_URL";

pub(crate) async fn monolith() -> Option<Target> {
    let Ok(given) = std::env::var(VARIABLE) else {
        say_skipped();
        return None;
    };
    let directory = tempfile::tempdir().unwrap();
    let unique = directory.path().file_name().unwrap().to_string_lossy();
    let database = Database {
        name: format!("cutover{}{unique}", std::process::id()).replace('.', "_"),
        given,
    };
    let monolith = legacy_monolith::connect(&database.url()).await.unwrap();
    assert!(legacy_monolith::seed(&monolith).await.unwrap());
    // Whoever opens it again runs the scripts again, finds it filled, and leaves it alone.
    let again = legacy_monolith::connect(&database.url()).await.unwrap();
    assert!(!legacy_monolith::seed(&again).await.unwrap());
    again.close().await;
    // The router takes the database with it when it goes.
    let router = legacy_monolith::router(monolith).layer(Extension(std::sync::Arc::new(database)));
    let server = Server::start(router).await;
    Some(Target::one(&server.url()).keeping(vec![server], directory))
}

/// Once a process, and past what the test harness captures.
fn say_skipped() {
    static SAID: Once = Once::new();
    SAID.call_once(|| {
        let line = format!("SKIPPED: every test on SQL Server, because {VARIABLE} is not set\n");
        std::io::stderr().write_all(line.as_bytes()).unwrap();
    });
}

/// A database that exists for one test.
struct Database {
    name: String,
    given: String,
}

impl Database {
    /// The given URL, with this database.
    fn url(&self) -> String {
        self.url_of(&self.name)
    }

    fn url_of(&self, name: &str) -> String {
        let (place, options) = self.given.split_once('?').unwrap_or((&self.given, ""));
        let (server, _) = place.rsplit_once('/').unwrap();
        format!("{server}/{name}?{options}")
    }

    async fn end(url: String, name: String) {
        // Not every server knows the first; on those the second waits for nobody.
        let alone = format!("ALTER DATABASE [{name}] SET SINGLE_USER WITH ROLLBACK IMMEDIATE");
        let _ = run_batch(&url, &alone).await;
        if let Err(error) = run_batch(&url, &format!("DROP DATABASE [{name}]")).await {
            eprintln!("the database {name} is left behind: {error:?}");
        }
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        let end = Self::end(self.url_of("master"), self.name.clone());
        // The runtime of the test is ending by now.
        let thread = std::thread::spawn(|| {
            let mut builder = tokio::runtime::Builder::new_current_thread();
            builder.enable_all().build().unwrap().block_on(end);
        });
        thread.join().unwrap();
    }
}
