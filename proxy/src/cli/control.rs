//! Asking the control API of a running proxy, for the commands that do.
//!
//! One request on one connection: this is no place for a client with a pool.

use clap::Args;
use std::io::{Error, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// A replay waits for both sides, several times.
const PATIENCE: Duration = Duration::from_mins(1);
/// The longest answer that is read.
const LONGEST: u64 = 64 << 20;

/// Where the control API is.
#[derive(Clone, Debug, Args)]
pub(super) struct Control {
    /// The control API of the proxy.
    #[arg(
        long = "control",
        env = "CUTOVER_CONTROL",
        value_name = "ADDRESS",
        default_value = "127.0.0.1:8081"
    )]
    pub(super) address: SocketAddr,
}

/// What the proxy answered.
pub(super) struct Reply {
    pub(super) status: u16,
    pub(super) body: String,
}

impl Control {
    pub(super) fn get(&self, path: &str) -> std::io::Result<Reply> {
        self.ask("GET", path, "")
    }

    pub(super) fn post(&self, path: &str, body: &str) -> std::io::Result<Reply> {
        self.ask("POST", path, body)
    }

    /// What a proxy that did as it was asked says, or why it did not.
    pub(super) fn granted(&self, reply: std::io::Result<Reply>) -> Result<String, String> {
        let address = self.address;
        let reply = reply.map_err(|error| format!("cannot ask the proxy at {address}: {error}"))?;
        if reply.status == 200 {
            Ok(reply.body)
        } else {
            Err(format!("cannot tell: {}", reply.message()))
        }
    }

    fn ask(&self, method: &str, path: &str, body: &str) -> std::io::Result<Reply> {
        let mut stream = TcpStream::connect_timeout(&self.address, PATIENCE)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_write_timeout(Some(PATIENCE))?;
        let request = format!(
            "{method} {path} HTTP/1.0\r\nHost: {}\r\nContent-Type: application/json\r\n\
             Content-Length: {}\r\n\r\n{body}",
            self.address,
            body.len()
        );
        stream.write_all(request.as_bytes())?;
        let mut answer = String::new();
        stream.take(LONGEST).read_to_string(&mut answer)?;
        read(&answer)
            .ok_or_else(|| Error::new(ErrorKind::InvalidData, "it does not speak HTTP there"))
    }
}

fn read(answer: &str) -> Option<Reply> {
    let (head, body) = answer.split_once("\r\n\r\n")?;
    let status = head.strip_prefix("HTTP/")?.split(' ').nth(1)?;
    Some(Reply {
        status: status.parse().ok()?,
        body: body.to_owned(),
    })
}

impl Reply {
    /// The message of an error, or the whole body where it has none.
    pub(super) fn message(&self) -> String {
        let body: Option<serde_json::Value> = serde_json::from_str(&self.body).ok();
        let error = body.as_ref().map(|body| &body["error"]);
        let message = error.and_then(|error| error["message"].as_str());
        let problems = error.and_then(|error| error["problems"].as_array());
        let problems = problems.into_iter().flatten();
        problems
            .filter_map(|problem| problem["message"].as_str())
            .fold(message.unwrap_or(&self.body).to_owned(), |told, problem| {
                format!("{told}\n{problem}")
            })
    }
}

/// A name as one segment of a path, or one value of a query.
pub(super) fn encoded(name: &str) -> String {
    let encode = |b: u8| match b {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => {
            char::from(b).to_string()
        }
        _ => format!("%{b:02X}"),
    };
    name.bytes().map(encode).collect()
}
