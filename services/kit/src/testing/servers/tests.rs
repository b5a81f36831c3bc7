//! What the private servers promise: they serve, come back, and leave nothing behind.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use super::*;

/// Says in the test below that it is the process to be killed.
const VICTIM: &str = "CUTOVER_TEST_VICTIM";

fn pong(redis: &Redis) -> bool {
    let address = redis.url().replace("redis://", "");
    let Ok(mut stream) = TcpStream::connect(address) else {
        return false;
    };
    let mut answer = [0; 5];
    stream.write_all(b"PING\r\n").is_ok()
        && stream.read_exact(&mut answer).is_ok()
        && answer == *b"+PONG"
}

#[test]
fn a_database_is_new_and_empty() {
    let postgres = Postgres::start();
    let (one, two) = (postgres.database(), postgres.database());
    assert_ne!(one, two);
    postgres.run_sql("test_0", "CREATE TABLE t (x int)");
    let tables = "SELECT count(*) FROM pg_tables WHERE tablename = 't'";
    assert_eq!(postgres.run_sql("test_0", tables), "1");
    assert_eq!(postgres.run_sql("test_1", tables), "0");
}

#[test]
fn a_stopped_postgres_comes_back_with_what_was_committed() {
    let mut postgres = Postgres::start();
    let url = postgres.database();
    postgres.run_sql("test_0", "CREATE TABLE t AS SELECT 7 AS x");
    postgres.stop();
    let address = format!("127.0.0.1:{}", url.rsplit([':', '/']).nth(1).unwrap());
    assert!(TcpStream::connect(address).is_err());
    postgres.restart();
    assert_eq!(postgres.run_sql("test_0", "SELECT x FROM t"), "7");
}

#[test]
fn a_stopped_mariadb_comes_back_on_its_port() {
    let mut mariadb = Mariadb::start();
    let url = mariadb.database();
    assert_ne!(url, mariadb.database());
    let address = url
        .trim_start_matches("mysql://root@")
        .split('/')
        .next()
        .unwrap();
    // A server greets whoever comes, with its version.
    let greeted = || {
        let mut stream = TcpStream::connect(address).ok()?;
        let mut greeting = [0; 40];
        stream.read_exact(&mut greeting).ok()?;
        Some(String::from_utf8_lossy(&greeting).contains("MariaDB"))
    };
    assert_eq!(greeted(), Some(true));
    mariadb.stop();
    assert_eq!(greeted(), None);
    mariadb.restart();
    assert_eq!(greeted(), Some(true));
}

#[test]
fn a_redis_stops_and_comes_back() {
    let mut redis = Redis::start();
    assert!(pong(&redis));
    redis.stop();
    assert!(!pong(&redis));
    redis.restart();
    assert!(pong(&redis));
    redis.pause();
    redis.resume();
    assert!(pong(&redis));
}

/// Waits until nothing runs in a directory and the directory is gone.
fn wait_until_gone(directory: &Path) {
    let started = Instant::now();
    while directory.exists() {
        assert!(started.elapsed() < Duration::from_secs(20), "{directory:?}");
        std::thread::sleep(Duration::from_millis(10));
    }
    let directory = directory.to_str().unwrap();
    for process in std::fs::read_dir("/proc").unwrap() {
        let command = std::fs::read(process.unwrap().path().join("cmdline"));
        let command = String::from_utf8_lossy(&command.unwrap_or_default()).into_owned();
        // The shell above the server may be in its last line.
        assert!(
            command.starts_with("sh\0") || !command.contains(directory),
            "{command}"
        );
    }
}

#[test]
fn a_dropped_server_leaves_nothing_behind() {
    let redis = Redis::start();
    redis.pause();
    let directory = redis.server.directory.clone();
    drop(redis);
    wait_until_gone(&directory);
}

#[test]
fn a_killed_test_leaves_nothing_behind() {
    if std::env::var_os(VICTIM).is_some() {
        let (postgres, redis) = (Postgres::start(), Redis::start());
        println!("\n{VICTIM} {}", postgres.server.directory.display());
        println!("{VICTIM} {}", redis.server.directory.display());
        println!("{VICTIM} .");
        std::thread::sleep(Duration::from_mins(1));
        return;
    }
    let name = "testing::servers::tests::a_killed_test_leaves_nothing_behind";
    let mut victim = Command::new(std::env::current_exe().unwrap());
    victim
        .args([name, "--exact", "--nocapture"])
        .env(VICTIM, "1")
        .stdout(Stdio::piped());
    let mut victim = victim.spawn().unwrap();
    let said = BufReader::new(victim.stdout.take().unwrap()).lines();
    let directories: Vec<_> = said
        .map_while(Result::ok)
        .filter_map(|line| Some(line.strip_prefix(VICTIM)?.trim().to_owned()))
        .take_while(|directory| directory != ".")
        .collect();
    assert_eq!(directories.len(), 2, "{directories:?}");
    assert!(
        directories
            .iter()
            .all(|directory| Path::new(directory).exists())
    );
    victim.kill().unwrap();
    victim.wait().unwrap();
    for directory in directories {
        wait_until_gone(Path::new(&directory));
    }
}
