//! Asks the migration service for rows: one request on one connection, within a deadline and up to
//! a size. It is asked by people, a few times a minute: no place for a client with a pool.

use super::config::RowService;
use serde::{Deserialize, Serialize};
use std::io;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// How long an answer may take, connection included.
const DEADLINE: Duration = Duration::from_secs(3);

/// The longest answer that is read.
const LONGEST: u64 = 1 << 20;

/// Characters of a refusal that are repeated.
const SHOWN: usize = 200;

/// Rows of one entity.
#[derive(Debug, Serialize)]
pub(super) struct Question<'q> {
    pub(super) entity: &'q str,
    pub(super) ids: &'q [Id],
}

/// An id of legacy's, with modern's where that is known.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub(super) enum Id {
    Legacy(String),
    Pair { legacy: String, modern: String },
}

impl Id {
    /// Legacy's.
    pub(super) fn legacy(&self) -> &String {
        match self {
            Self::Legacy(legacy) | Self::Pair { legacy, .. } => legacy,
        }
    }
}

/// What the service answers.
#[derive(Debug, Deserialize)]
pub(super) struct Answer {
    pub(super) rows: Vec<Row>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Row {
    pub(super) id: String,
    pub(super) belongs_to: Option<String>,
    pub(super) table: String,
    pub(super) verdict: String,
    #[serde(default)]
    pub(super) differences: Vec<Difference>,
    pub(super) why: Option<String>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Difference {
    pub(super) column: String,
    pub(super) legacy: String,
    pub(super) modern: String,
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub(super) enum AskError {
    #[error("the migration service at {0} did not answer within {DEADLINE:?}")]
    TooLate(String),
    #[error("the migration service at {0} could not be asked: {1}")]
    Exchange(String, io::Error),
    #[error("the migration service at {address} answered {status}: {said}")]
    Refused {
        address: String,
        status: u16,
        said: String,
    },
    #[error("{0} answers with something that no migration service says")]
    Answer(String),
}

/// Asks what became of rows.
pub(super) async fn rows(service: &RowService, asked: &Question<'_>) -> Result<Answer, AskError> {
    let address = || service.address.clone();
    let exchanged = tokio::time::timeout(DEADLINE, exchange(service, asked)).await;
    let answer = exchanged
        .map_err(|_| AskError::TooLate(address()))?
        .map_err(|error| AskError::Exchange(address(), error))?;
    let (status, body) = read(&answer).ok_or_else(|| AskError::Answer(address()))?;
    if status != 200 {
        return Err(AskError::Refused {
            address: address(),
            status,
            said: refusal(body),
        });
    }
    serde_json::from_slice(body).map_err(|_| AskError::Answer(address()))
}

async fn exchange(service: &RowService, asked: &Question<'_>) -> io::Result<Vec<u8>> {
    let body = serde_json::to_vec(asked)?;
    let mut stream = TcpStream::connect(&service.address).await?;
    // By address: to a name, which a web page could have moved, the service does not answer.
    let host = stream.peer_addr()?;
    // HTTP/1.0, so that the answer ends with the connection and is never chunked.
    let head = format!(
        "POST /reconciliation/rows HTTP/1.0\r\nHost: {host}\r\nAccept: application/json\r\n\
         Content-Type: application/json\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes()).await?;
    stream.write_all(&body).await?;
    let mut answer = Vec::new();
    stream.take(LONGEST).read_to_end(&mut answer).await?;
    Ok(answer)
}

fn read(answer: &[u8]) -> Option<(u16, &[u8])> {
    let end = answer.windows(4).position(|four| four == b"\r\n\r\n")?;
    let (head, body) = answer.split_at_checked(end.checked_add(4)?)?;
    let line = std::str::from_utf8(head).ok()?.lines().next()?;
    let status = line.strip_prefix("HTTP/1.")?.split(' ').nth(1)?;
    Some((status.parse().ok()?, body))
}

/// What a refusal says, in the shape that the services have, or its beginning.
fn refusal(body: &[u8]) -> String {
    let json: Option<serde_json::Value> = serde_json::from_slice(body).ok();
    let detail = json
        .as_ref()
        .and_then(|json| json.pointer("/errors/0/detail")?.as_str());
    let text = String::from_utf8_lossy(body);
    let said = detail.unwrap_or(&text).chars().filter(|c| !c.is_control());
    said.take(SHOWN).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_answer_is_none() {
        for answer in [
            "",
            "\r\n\r\n",
            "HTTP/2 200\r\n\r\n{}",
            "HTTP/1.1 \r\n\r\n",
            "HTTP/1.1 abc\r\n\r\n",
            "200 OK\r\n\r\n{}",
        ] {
            assert_eq!(read(answer.as_bytes()), None, "{answer:?}");
        }
        let read = read(b"HTTP/1.1 200 OK\r\na: b\r\n\r\n{}");
        assert_eq!(read, Some((200, &b"{}"[..])));
    }

    #[test]
    fn a_refusal_is_told_in_short() {
        let told = refusal(br#"{"errors":[{"detail":"Entity with ID x not found"}]}"#);
        assert_eq!(told, "Entity with ID x not found");
        assert!(refusal("é\n".repeat(10_000).as_bytes()).chars().count() <= SHOWN);
    }
}
