//! The binary's flags, and how it starts and ends.

use std::io::{BufRead as _, BufReader};
use std::process::{Command, Stdio};

fn order_service() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_order-service"));
    command
        .env_remove("DATABASE_URL")
        .env_remove("REDIS_URL")
        .env_remove("ORDER_SERVICE_LISTEN");
    command
}

#[test]
fn every_mistake_is_reported_at_once() {
    let mut command = order_service();
    let output = command
        .args(["--listen", "nowhere", "--database-url", "mysql://x"])
        .args(["--redis-url", "http://y"])
        .output();
    let output = output.unwrap();
    assert_eq!(output.status.code(), Some(64));
    let text = String::from_utf8(output.stderr).unwrap();
    assert!(text.contains("--listen: `nowhere`"), "{text}");
    assert!(text.contains("--database-url: `mysql://x`"), "{text}");
    assert!(text.contains("--redis-url: `http://y`"), "{text}");
}

#[test]
fn an_unknown_flag_is_a_usage_error_and_help_is_none() {
    assert_eq!(
        order_service()
            .arg("--port")
            .output()
            .unwrap()
            .status
            .code(),
        Some(64)
    );
    assert_eq!(
        order_service()
            .arg("--help")
            .output()
            .unwrap()
            .status
            .code(),
        Some(0)
    );
}

#[test]
fn a_port_already_taken_is_named() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let directory = tempfile::tempdir().unwrap();
    let url = format!("sqlite:{}", directory.path().join("modern.db").display());
    let output = order_service()
        .args(["--listen", &address, "--database-url", &url])
        .output();
    let output = output.unwrap();
    assert_eq!(output.status.code(), Some(1));
    let text = String::from_utf8(output.stderr).unwrap();
    assert!(
        text.contains("--listen") && text.contains(&address),
        "{text}"
    );
}

#[test]
fn a_service_told_to_stop_ends_well_and_leaves_one_file() {
    let directory = tempfile::tempdir().unwrap();
    let url = format!("sqlite:{}", directory.path().join("modern.db").display());
    let mut command = order_service();
    command
        .args(["--listen", "127.0.0.1:0", "--database-url", &url])
        .stderr(Stdio::piped());
    let mut service = command.spawn().unwrap();
    let log = BufReader::new(service.stderr.take().unwrap());
    assert!(
        log.lines()
            .any(|line| line.unwrap().contains("order service is up"))
    );
    let told = Command::new("kill")
        .args(["-TERM", &service.id().to_string()])
        .status();
    assert!(told.unwrap().success());
    assert_eq!(service.wait().unwrap().code(), Some(0));
    let left: Vec<_> = std::fs::read_dir(directory.path()).unwrap().collect();
    assert_eq!(left.len(), 1, "{left:?}");
}

#[test]
fn migrate_brings_a_postgres_up_to_date_and_exits() {
    let url = kit::testing::servers::postgres_database();
    let behind = order_service()
        .args(["--listen", "127.0.0.1:0", "--database-url", &url])
        .output()
        .unwrap();
    assert_eq!(behind.status.code(), Some(1));
    let text = String::from_utf8(behind.stderr).unwrap();
    assert!(text.contains("--migrate"), "{text}");
    let migrated = order_service()
        .args(["--migrate", "--database-url", &url])
        .status();
    assert_eq!(migrated.unwrap().code(), Some(0));
}

#[test]
fn a_mistake_never_shows_a_password() {
    let url = "postgres://modern:secret@localhost:notaport/modern";
    let output = order_service()
        .args(["--database-url", url, "--database-connections", "0"])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(64));
    let text = String::from_utf8(output.stderr).unwrap();
    assert!(!text.contains("secret"), "{text}");
    assert!(text.contains("--database-connections: `0`"), "{text}");
}
