//! One connection: opened within a time, set up the same way every time, and asked one call.

use std::time::Duration;

use tiberius::{EncryptionLevel, Row, error::Error};
use tokio::{net::TcpStream, time::timeout};
use tokio_util::compat::{Compat, TokioAsyncWriteCompatExt};

use super::{address::Address, call::Call, error::MssqlError};

pub(super) type Client = tiberius::Client<Compat<TcpStream>>;

/// Options that the procedures rely on, whatever the server's defaults are. A lock is waited for
/// half as long as a call may take.
const SESSION: &str = "SET ANSI_NULLS ON; SET ANSI_PADDING ON; SET ANSI_WARNINGS ON; \
    SET ARITHABORT ON; SET CONCAT_NULL_YIELDS_NULL ON; SET NUMERIC_ROUNDABORT OFF; \
    SET QUOTED_IDENTIFIER ON; SET IMPLICIT_TRANSACTIONS OFF; SET XACT_ABORT ON; \
    SET LOCK_TIMEOUT 5000;";

/// The highest severity after which a session goes on as if nothing had happened.
const MILD: u8 = 16;

/// Connects and logs in.
pub(super) async fn open(address: &Address, limit: Duration) -> Result<Client, MssqlError> {
    match timeout(limit, attempt(address)).await {
        Ok(opened) => opened.map_err(|source| MssqlError::Connect {
            address: address.to_string(),
            source: Box::new(source),
        }),
        Err(_) => Err(MssqlError::ConnectTimeout {
            address: address.to_string(),
            limit,
        }),
    }
}

async fn attempt(address: &Address) -> Result<Client, Error> {
    let mut client = match login(address, EncryptionLevel::Required).await {
        // Whoever trusts any certificate is no worse off with none.
        Err(Error::Protocol(_)) if address.trust => {
            let client = login(address, EncryptionLevel::NotSupported).await?;
            tracing::warn!(%address, "the server has no TLS; trust=true goes on without");
            client
        }
        other => other?,
    };
    client.simple_query(SESSION).await?.into_results().await?;
    Ok(client)
}

async fn login(address: &Address, encryption: EncryptionLevel) -> Result<Client, Error> {
    let stream = TcpStream::connect((address.host.as_str(), address.port)).await?;
    stream.set_nodelay(true)?;
    let login = tiberius::Client::connect(address.config(encryption), stream.compat_write());
    // A future of 17 kB, which every caller would carry along.
    Box::pin(login).await
}

/// Sends a call and reads its answer to the end.
pub(super) async fn ask(client: &mut Client, call: &Call) -> Result<Vec<Vec<Row>>, MssqlError> {
    let answer = async { call.query().query(client).await?.into_results().await };
    answer.await.map_err(|source| MssqlError::Call {
        call: call.name,
        source: Box::new(source),
    })
}

/// Sends a batch of statements and reads what it answers to the end.
pub(super) async fn batch(client: &mut Client, sql: &str) -> Result<(), MssqlError> {
    let answer = async { client.simple_query(sql).await?.into_results().await };
    answer.await.map(drop).map_err(|source| MssqlError::Call {
        call: "a batch",
        source: Box::new(source),
    })
}

/// Whether the connection can take the next call although this one failed: the server's error came
/// with a whole answer, and was none that ends a session. After anything else, bytes of the old
/// answer may follow, and would be read as the new one.
pub(super) fn is_in_step(error: &MssqlError) -> bool {
    matches!(error, MssqlError::Call { source, .. }
        if matches!(&**source, Error::Server(token) if token.class() <= MILD))
}
