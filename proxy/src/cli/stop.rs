//! `cutover stop`: every route to legacy, now.

use super::UNKNOWN;
use clap::Args;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::ExitCode;
use std::time::Duration;

/// What `cutover stop` takes.
#[derive(Debug, Args)]
pub(super) struct StopArgs {
    /// The control API of the proxy.
    #[arg(
        long,
        env = "CUTOVER_CONTROL",
        value_name = "ADDRESS",
        default_value = "127.0.0.1:8081"
    )]
    control: SocketAddr,
}

/// Exits 0 when every route is on legacy, 1 when the proxy refused, 2 when it can't be reached.
pub(super) fn run(args: &StopArgs) -> ExitCode {
    match ask(args.control) {
        Ok((true, body)) => {
            super::say(body);
            ExitCode::SUCCESS
        }
        Ok((false, body)) => {
            eprintln!("the proxy refused: {body}");
            ExitCode::FAILURE
        }
        Err(error) => {
            eprintln!("cannot ask the proxy at {}: {error}", args.control);
            ExitCode::from(UNKNOWN)
        }
    }
}

/// One request on one connection; this is no place for a client with a pool.
fn ask(control: SocketAddr) -> std::io::Result<(bool, String)> {
    let patience = Duration::from_secs(10);
    let mut stream = TcpStream::connect_timeout(&control, patience)?;
    stream.set_read_timeout(Some(patience))?;
    stream.set_write_timeout(Some(patience))?;
    let request = format!(
        "POST /api/stop HTTP/1.0\r\nHost: {control}\r\nContent-Type: application/json\r\n\
         Content-Length: 2\r\n\r\n{{}}"
    );
    stream.write_all(request.as_bytes())?;
    let mut answer = String::new();
    stream.take(1 << 20).read_to_string(&mut answer)?;
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((&answer, ""));
    let ok = head.split(' ').nth(1).is_some_and(|status| status == "200");
    Ok((ok, body.to_owned()))
}
