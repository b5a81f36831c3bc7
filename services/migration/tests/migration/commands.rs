//! `cutover-data` as it is typed.

use std::process::{Command, Output};

use crate::sides::{MAPPING, sqlite_to_postgres};

fn run(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_cutover-data"))
        .args(arguments)
        .env("CUTOVER_MAPPING", MAPPING)
        .env_remove("DATABASE_URL")
        .env_remove("LEGACY_DATABASE_URL")
        .output()
        .unwrap()
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[tokio::test]
async fn the_exit_code_says_how_it_went() {
    let sides = sqlite_to_postgres().await.unwrap();
    let both = [
        "--from",
        sides.legacy.as_str(),
        "--to",
        sides.modern.as_str(),
    ];
    let code = |arguments: &[&str]| run(arguments).status.code();
    assert_eq!(code(&[&["plan"], &both[..]].concat()), Some(0));
    assert_eq!(code(&[&["migrate"], &both[..]].concat()), Some(0));
    let missing = ["--from", "sqlite:/nowhere/a.db", "--to", &sides.modern];
    assert_eq!(code(&[&["migrate"], &missing[..]].concat()), Some(2));
    assert_eq!(code(&["migrate", "--from", &sides.legacy]), Some(64));
    sides
        .change_legacy("UPDATE Customers SET UpdatedAt = '' WHERE Id = 1")
        .await;
    assert_eq!(code(&[&["migrate", "--once"], &both[..]].concat()), Some(0));
    assert_eq!(code(&[&["migrate"], &both[..]].concat()), Some(1));
    assert_eq!(code(&[&["migrate", "--once"], &both[..]].concat()), Some(1));
}

#[test]
fn a_repair_takes_no_flag_that_it_would_ignore() {
    let both = [
        "repair", "--from", "sqlite:a", "--to", "sqlite:b", "--report", "r",
    ];
    for flag in [&["--sample", "1%"][..], &["--quick"], &["--settle", "1s"]] {
        let output = run(&[&both[..], flag].concat());
        assert_eq!(output.status.code(), Some(64), "{}", said(&output));
        assert!(said(&output).contains(flag[0]), "{}", said(&output));
    }
}

#[test]
fn a_url_that_is_none_is_a_usage_error_for_each_flag_and_shows_no_password() {
    for (from, to) in [
        ("oracle://u:hunter2@h/a", "mysql://u:hunter2@h/a"),
        ("mssql://u:hunter2@h:0/a", "mssql://u:hunter2@h/a"),
        ("", "postgres://u:hunter2@h:port/a"),
    ] {
        let output = run(&["migrate", "--from", from, "--to", to]);
        let said = said(&output);
        assert_eq!(output.status.code(), Some(64), "{said}");
        let lines: Vec<&str> = said.lines().collect();
        assert_eq!(lines.len(), 2, "{said}");
        assert!(lines[0].starts_with("--from: "), "{said}");
        assert!(lines[1].starts_with("--to: "), "{said}");
        assert!(!said.contains("hunter2"), "{said}");
    }
}

#[test]
fn a_server_that_is_not_there_is_named_without_its_password() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    drop(taken);
    let directory = tempfile::tempdir().unwrap();
    let file = format!("sqlite:{}", directory.path().join("a.db").display());
    let mssql = format!("mssql://sa:hunter2@127.0.0.1:{port}/shop");
    let output = run(&["migrate", "--from", &mssql, "--to", &file]);
    let said = said(&output);
    assert_eq!(output.status.code(), Some(2), "{said}");
    let named = format!("mssql://sa@127.0.0.1:{port}/shop");
    assert!(
        said.contains("rows come from") && said.contains(&named),
        "{said}"
    );
    assert!(!said.contains("hunter2"), "{said}");
    assert!(
        !directory.path().join("a.db").exists(),
        "the target is made only once it is needed"
    );
}
