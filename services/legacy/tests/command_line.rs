//! The binary's flags, and how it starts.

use std::process::Command;

fn legacy_monolith(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_legacy-monolith"));
    for variable in ["LEGACY_DATABASE_URL", "LEGACY_LISTEN", "LEGACY_SEED"] {
        command.env_remove(variable);
    }
    command.args(arguments);
    command
}

#[test]
fn every_mistake_is_reported_at_once() {
    let output = legacy_monolith(&["--listen", "nowhere", "--database-url", "mysql://x"])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(64));
    let text = String::from_utf8(output.stderr).unwrap();
    assert!(text.contains("--listen: `nowhere`"), "{text}");
    assert!(text.contains("--database-url: `mysql:`"), "{text}");
}

#[test]
fn a_port_already_taken_is_named() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let directory = tempfile::tempdir().unwrap();
    let url = format!("sqlite:{}", directory.path().join("legacy.db").display());
    let output = legacy_monolith(&["--listen", &address, "--database-url", &url, "--seed"])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
    let text = String::from_utf8(output.stderr).unwrap();
    assert!(
        text.contains("--listen") && text.contains(&address),
        "{text}"
    );
}

#[test]
fn every_mistake_of_a_sql_server_url_is_reported_without_the_password() {
    let output = legacy_monolith(&["--database-url", "mssql://sa:hunter2@:0/"])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(64));
    let text = String::from_utf8(output.stderr).unwrap();
    for mistake in [
        "`:0` is not a port",
        "the host is missing",
        "the database is missing",
    ] {
        assert!(text.contains(mistake), "{text}");
    }
    assert!(!text.contains("hunter2"), "{text}");
}

#[test]
fn a_migration_ends_when_the_tables_are_made() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("legacy.db");
    let url = format!("sqlite:{}", file.display());
    let status = legacy_monolith(&["--database-url", &url, "--migrate", "--seed"]).status();
    assert!(status.unwrap().success());
    assert!(file.exists());
}
