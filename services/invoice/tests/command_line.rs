//! The binary's flags.

use std::process::Command;

#[test]
fn every_mistake_is_reported_at_once() {
    let mut command = Command::new(env!("CARGO_BIN_EXE_invoice-service"));
    let wrong = [
        ("--listen", "nowhere"),
        ("--database-url", "mysql://x"),
        ("--order-service-url", "ftp://y"),
        ("--redis-url", "http://z"),
    ];
    for (flag, text) in wrong {
        command.args([flag, text]);
    }
    let output = command.output().unwrap();
    assert_eq!(output.status.code(), Some(64));
    let told = String::from_utf8(output.stderr).unwrap();
    for (flag, text) in wrong {
        assert!(told.contains(&format!("{flag}: `{text}`")), "{told}");
    }
}
