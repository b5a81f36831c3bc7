//! A server that speaks TDS up to the login, and then answers as a test tells it to.

use std::sync::Arc;

use parking_lot::Mutex;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

use super::tokens;
use crate::repository::mssql::{Address, pool::Limits};

/// What the server was sent after the login.
pub(super) struct Request {
    /// Which connection it came on, from 0.
    pub(super) connection: usize,
    /// The UTF-16 text that is in it, and noise around it.
    pub(super) text: String,
}

/// What the server does about it.
pub(super) enum Reply {
    /// A whole answer.
    Tokens(Vec<u8>),
    /// The beginning of an answer, and no more of it.
    Half(Vec<u8>),
    /// Nothing, for ever.
    Silence,
    /// The connection is closed.
    Close,
}

type Script = dyn Fn(&Request) -> Reply + Send + Sync;

/// The server, until it is dropped.
pub(super) struct Fake {
    port: u16,
    requests: Arc<Mutex<Vec<String>>>,
    connections: Arc<Mutex<usize>>,
    task: tokio::task::JoinHandle<()>,
}

impl Fake {
    /// Answers logins and the session's settings by itself, and everything else by the script.
    pub(super) async fn start(script: impl Fn(&Request) -> Reply + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let requests = Arc::new(Mutex::new(Vec::new()));
        let connections = Arc::new(Mutex::new(0));
        let (script, seen, counter) = (Arc::new(script), requests.clone(), connections.clone());
        let task = tokio::spawn(async move {
            // A login that finds no TLS comes back without; only whoever logs in is counted.
            let mut sessions = tokio::task::JoinSet::new();
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let (script, seen, counter) = (script.clone(), seen.clone(), counter.clone());
                sessions.spawn(async move {
                    // A client that hangs up is the end of a session and no fault.
                    let _ = session(stream, &*script, &seen, &counter).await;
                });
            }
        });
        Self {
            port,
            requests,
            connections,
            task,
        }
    }

    pub(super) fn url(&self) -> String {
        format!("mssql://sa:hunter2@127.0.0.1:{}/shop?trust=true", self.port)
    }

    pub(super) fn address(&self) -> Address {
        Address::parse(&self.url()).unwrap()
    }

    /// Connections that logged in.
    pub(super) fn connections(&self) -> usize {
        *self.connections.lock()
    }

    /// The texts of the requests so far.
    pub(super) fn requests(&self) -> Vec<String> {
        self.requests.lock().clone()
    }
}

impl Drop for Fake {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Limits that a test can wait for.
pub(super) fn limits() -> Limits {
    use std::time::Duration;
    Limits {
        connections: 2,
        acquire: Duration::from_millis(300),
        connect: Duration::from_secs(20),
        call: Duration::from_secs(20),
        idle: Duration::from_secs(20),
    }
}

async fn session(
    mut stream: TcpStream,
    script: &Script,
    seen: &Mutex<Vec<String>>,
    counter: &Mutex<usize>,
) -> std::io::Result<()> {
    let mut connection = 0;
    loop {
        let (kind, payload) = message(&mut stream).await?;
        let reply = match kind {
            0x12 => Reply::Tokens(tokens::prelogin_without_tls()),
            0x10 => {
                let refused = script(&Request {
                    connection: 0,
                    text: "LOGIN".to_owned(),
                });
                connection = *counter.lock();
                *counter.lock() += 1;
                match refused {
                    Reply::Tokens(tokens) if tokens.first() == Some(&0xaa) => Reply::Tokens(tokens),
                    Reply::Silence => Reply::Silence,
                    _ => Reply::Tokens(tokens::login_accepted()),
                }
            }
            _ => {
                let text = text(&payload);
                if text.contains("SET ANSI_NULLS ON; SET ANSI_PADDING") {
                    Reply::Tokens(tokens::done())
                } else {
                    seen.lock().push(text.clone());
                    script(&Request { connection, text })
                }
            }
        };
        match reply {
            Reply::Tokens(tokens) => stream.write_all(&packet(&tokens, true)).await?,
            Reply::Half(tokens) => stream.write_all(&packet(&tokens, false)).await?,
            Reply::Silence => std::future::pending().await,
            Reply::Close => return Ok(()),
        }
    }
}

/// A message of one or more packets: its kind and what it says.
async fn message(stream: &mut TcpStream) -> std::io::Result<(u8, Vec<u8>)> {
    let mut payload = Vec::new();
    loop {
        let mut header = [0; 8];
        stream.read_exact(&mut header).await?;
        let length = usize::from(u16::from_be_bytes([header[2], header[3]]));
        let mut body = vec![0; length - header.len()];
        stream.read_exact(&mut body).await?;
        payload.extend(body);
        if header[1] & 1 == 1 {
            return Ok((header[0], payload));
        }
    }
}

fn packet(tokens: &[u8], last: bool) -> Vec<u8> {
    let length = u16::try_from(tokens.len() + 8).unwrap().to_be_bytes();
    let header = [4, u8::from(last), length[0], length[1], 0, 0, 1, 0];
    [&header[..], tokens].concat()
}

/// Text may begin at an even or at an odd place.
fn text(payload: &[u8]) -> String {
    let decoded = |bytes: &[u8]| {
        let units = bytes.chunks_exact(2);
        let units = units.map(|pair| u16::from_le_bytes([pair[0], pair[1]]));
        String::from_utf16_lossy(&units.collect::<Vec<_>>())
    };
    decoded(payload) + &decoded(&payload[1..])
}
