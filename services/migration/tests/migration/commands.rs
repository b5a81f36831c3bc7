//! `cutover-data` as it is typed.

use std::process::{Command, Output};

use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions as _, Connection as _};

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

#[tokio::test]
async fn a_repair_that_only_says_what_it_would_do_ends_as_the_repair_would() {
    let directory = tempfile::tempdir().unwrap();
    let path = |name: &str| directory.path().join(name).display().to_string();
    let (from, to) = (path("from.db"), path("to.db"));
    let table = "CREATE TABLE t (id INTEGER PRIMARY KEY, name TEXT)";
    let parts =
        "CREATE TABLE parts (id INTEGER PRIMARY KEY, t INTEGER REFERENCES t ON DELETE CASCADE)";
    sqlite(&from, &[table, "INSERT INTO t VALUES (1, 'a')"]).await;
    sqlite(&to, &[table, parts, "INSERT INTO t VALUES (1, 'b')"]).await;
    let mapping = path("mapping.toml");
    std::fs::write(&mapping, "[[tables]]\nfrom = \"t\"\nto = \"t\"\n").unwrap();
    let (from_url, to_url) = (format!("sqlite:{from}"), format!("sqlite:{to}"));
    let both = ["--mapping", &mapping, "--from", &from_url, "--to", &to_url];
    let report = path("report.json");
    let repair = |more: &[&str]| {
        let compared = run(&[&["reconcile", "--json"], &both[..]].concat());
        std::fs::write(&report, compared.stdout).unwrap();
        let output = run(&[&["repair", "--report", &report], &both[..], more].concat());
        (output.status.code(), said(&output))
    };
    let (code, told) = repair(&[]);
    assert_eq!(code, Some(0), "all of it can be put right: {told}");
    sqlite(&to, &["DROP TABLE parts", "INSERT INTO t VALUES (2, 'c')"]).await;
    let (code, told) = repair(&[]);
    assert_eq!(code, Some(2), "a row would go, and none may: {told}");
    assert!(
        told.contains("1 rows would be deleted, and 0 may be"),
        "{told}"
    );
    assert_eq!(repair(&["--max-deletes", "1"]).0, Some(0));
    sqlite(&to, &[parts]).await;
    let (code, told) = repair(&["--max-deletes", "1"]);
    assert_eq!(code, Some(1), "what it would take along stays: {told}");
    assert!(told.contains("cannot be put right: t 2"), "{told}");
}

#[tokio::test]
async fn a_table_that_the_mapping_lacks_is_told_and_not_left_out() {
    let directory = tempfile::tempdir().unwrap();
    let path = |name: &str| directory.path().join(name).display().to_string();
    let (from, to) = (path("from.db"), path("to.db"));
    for file in [&from, &to] {
        sqlite(file, &["CREATE TABLE t (id INTEGER PRIMARY KEY)"]).await;
    }
    let mapping = path("mapping.toml");
    std::fs::write(&mapping, "[[tables]]\nfrom = \"t\"\nto = \"t\"\n").unwrap();
    let (from, to) = (format!("sqlite:{from}"), format!("sqlite:{to}"));
    let both = ["--mapping", &mapping, "--from", &from, "--to", &to];
    let compared = |more: &[&str]| run(&[&["reconcile"], &both[..], more].concat());
    assert_eq!(compared(&["--table", "t"]).status.code(), Some(0));
    let mistyped = compared(&["--table", "t", "--table", "T"]);
    assert_eq!(mistyped.status.code(), Some(2));
    let said = said(&mistyped);
    assert!(said.contains("the mapping has no table `T`"), "{said}");
}

async fn sqlite(file: &str, statements: &[&str]) {
    let options = SqliteConnectOptions::new()
        .filename(file)
        .create_if_missing(true);
    let mut database = options.connect().await.unwrap();
    for statement in statements {
        let statement = sqlx::AssertSqlSafe((*statement).to_owned());
        sqlx::raw_sql(statement)
            .execute(&mut database)
            .await
            .unwrap();
    }
    database.close().await.unwrap();
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
