//! Pages of one side, read ahead of whoever works on them.
//!
//! A page that was begun is always read to its end, since some drivers lose their connection with
//! a query that is dropped.

use std::sync::Arc;
use std::time::{Duration, Instant};

use kit::error::Cause;
use parking_lot::Mutex;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::ReconcileError;
use super::packets::{Packet, Packing};
use crate::pace::{Pace, weight};
use crate::store::{Range, Select, Source, TooMuch};
use crate::value::{Key, Row};

/// How often a query is sent again that failed, and how long after the first time.
const RETRIES: u32 = 3;
const RETRY: Duration = Duration::from_millis(200);

/// The pages of a range, as they come.
pub(super) struct Pages<T> {
    /// Nothing is the end of the range: a channel that closes without it lost rows.
    read: mpsc::Receiver<Result<Option<T>, ReconcileError>>,
    ended: bool,
    table: String,
}

/// One side of a table.
#[derive(Clone)]
pub(super) struct Side {
    pub(super) store: Arc<dyn Source>,
    pub(super) select: Select,
    /// How its rows are read as bytes, where they can be compared so.
    pub(super) packing: Option<Arc<Packing>>,
    /// How large its pages of rows are, in whichever range.
    pub(super) pace: Arc<Mutex<Pace>>,
}

/// A page.
pub(super) enum Sent {
    Rows(Vec<Row>),
    Packet(Packet),
}

impl Sent {
    fn len(&self) -> usize {
        match self {
            Self::Rows(rows) => rows.len(),
            Self::Packet(packet) => packet.len(),
        }
    }

    /// Bytes of a row, about.
    fn mean(&self) -> usize {
        match self {
            Self::Rows(rows) => weight(rows),
            Self::Packet(packet) => packet.mean(),
        }
    }

    /// The key of the last row.
    fn end(&self, select: &Select) -> Option<Key> {
        match self {
            Self::Rows(rows) => rows.last().map(|row| select.key_of(row)),
            Self::Packet(packet) => packet.end(),
        }
    }
}

impl<T> Pages<T> {
    /// The next page; nothing behind the last.
    pub(super) async fn next(&mut self) -> Result<Option<T>, ReconcileError> {
        if self.ended {
            return Ok(None);
        }
        let page = self.read.recv().await.unwrap_or_else(|| {
            Err(ReconcileError::Ended {
                table: self.table.clone(),
            })
        })?;
        self.ended = page.is_none();
        Ok(page)
    }
}

impl Side {
    /// The same rows without what is not in their key.
    pub(super) fn keys_only(&self) -> Self {
        Self {
            store: Arc::clone(&self.store),
            select: Select {
                columns: self.select.key_columns().cloned().collect(),
                key: (0..self.select.key.len()).collect(),
                ..self.select.clone()
            },
            packing: None,
            pace: Arc::new(Mutex::new(self.pace.lock().anew())),
        }
    }

    /// Reads a range page by page; `make` is what becomes of a page, beside the others' work.
    /// Another page waits while one is worked on.
    pub(super) fn pages<T: Send + 'static>(
        self,
        range: Range,
        stop: &CancellationToken,
        make: impl Fn(Vec<Row>) -> T + Send + 'static,
    ) -> Pages<T> {
        let rows = |sent| match sent {
            Sent::Rows(rows) => rows,
            Sent::Packet(packet) => packet.rows(),
        };
        self.read(None, range, stop, move |sent| make(rows(sent)))
    }

    /// Whether pages as bytes are of use in this range, for either side.
    pub(super) fn pays(&self, range: u32) -> bool {
        self.packing
            .as_ref()
            .is_some_and(|packing| packing.pays(range))
    }

    /// The same, of pages as bytes where they are of use and there are such.
    pub(super) fn packets<T: Send + 'static>(
        self,
        as_bytes: bool,
        range: Range,
        stop: &CancellationToken,
        make: impl Fn(Sent) -> T + Send + 'static,
    ) -> Pages<T> {
        let packing = self.packing.clone();
        let packing = packing.filter(|_| as_bytes);
        self.read(packing, range, stop, make)
    }

    fn read<T: Send + 'static>(
        self,
        packing: Option<Arc<Packing>>,
        range: Range,
        stop: &CancellationToken,
        make: impl Fn(Sent) -> T + Send + 'static,
    ) -> Pages<T> {
        let (pages, read) = mpsc::channel(1);
        let stop = stop.clone();
        // Bytes of a row are fewer where it is packed.
        let pace = packing.as_ref().map_or(&self.pace, |packing| &packing.pace);
        let pace = Arc::clone(pace);
        let mut range = range;
        let table = self.select.table.to_string();
        tokio::spawn(async move {
            loop {
                if stop.is_cancelled() {
                    // Whoever does not wait any more does not need to know.
                    let _ = pages.send(Err(ReconcileError::Stopped)).await;
                    return;
                }
                let limit = pace.lock().rows();
                let began = Instant::now();
                let sent = match self.page(packing.as_ref(), &range, limit).await {
                    Ok(Ok(sent)) => sent,
                    Ok(Err(rows)) => {
                        pace.lock().cut(rows);
                        continue;
                    }
                    Err(error) => {
                        let _ = pages.send(Err(error)).await;
                        return;
                    }
                };
                let (rows, bytes) = (sent.len(), sent.mean());
                let pause = pace.lock().took(limit, rows, bytes, began.elapsed());
                let last = rows < limit as usize;
                if let Some(end) = sent.end(&self.select) {
                    // It would be read again and again.
                    if range.after.as_ref() == Some(&end) {
                        let _ = pages.send(Err(self.unordered())).await;
                        return;
                    }
                    range.after = Some(end);
                    if pages.send(Ok(Some(make(sent)))).await.is_err() {
                        return;
                    }
                }
                if last {
                    let _ = pages.send(Ok(None)).await;
                    return;
                }
                rest(pause, &stop).await;
            }
        });
        Pages {
            read,
            ended: false,
            table,
        }
    }

    /// The rows under these keys.
    pub(super) async fn at(&self, keys: &[Key]) -> Result<Vec<Row>, ReconcileError> {
        if keys.is_empty() {
            return Ok(Vec::new());
        }
        let mut tries = 0;
        loop {
            match self.store.at(&self.select, keys).await {
                Ok(rows) => return Ok(rows),
                Err(cause) => self.again(&mut tries, cause).await?,
            }
        }
    }

    /// A page; where that is too much at a time, how many rows are.
    async fn page(
        &self,
        packing: Option<&Arc<Packing>>,
        range: &Range,
        limit: u32,
    ) -> Result<Result<Sent, usize>, ReconcileError> {
        let mut tries = 0;
        loop {
            match self.sent(packing, range, limit).await {
                Ok(sent) => return Ok(Ok(sent)),
                Err(cause) => match cause.downcast_ref() {
                    Some(TooMuch { rows }) => return Ok(Err(*rows)),
                    None => self.again(&mut tries, cause).await?,
                },
            }
        }
    }

    async fn sent(
        &self,
        packing: Option<&Arc<Packing>>,
        range: &Range,
        limit: u32,
    ) -> Result<Sent, Cause> {
        if let Some(packing) = packing {
            let read = self
                .store
                .packed(&packing.select, range, limit, packing.room());
            if let Some(packed) = read.await? {
                return Ok(Sent::Packet(Packet::new(packed, packing)));
            }
            packing.is_not_to_be_had();
        }
        let rows = self.store.page(&self.select, range, limit).await?;
        Ok(Sent::Rows(rows))
    }

    /// Waits for another try, of which there are few: a connection may break in a long run.
    async fn again(&self, tries: &mut u32, cause: Cause) -> Result<(), ReconcileError> {
        *tries += 1;
        if *tries > RETRIES {
            return Err(self.failed(cause));
        }
        tokio::time::sleep(RETRY * 4_u32.pow(*tries - 1)).await;
        Ok(())
    }

    pub(super) fn failed(&self, source: Cause) -> ReconcileError {
        ReconcileError::Read {
            table: self.select.table.to_string(),
            database: self.store.name(),
            source,
        }
    }

    pub(super) fn unordered(&self) -> ReconcileError {
        ReconcileError::Order {
            table: self.select.table.to_string(),
            database: self.store.name(),
        }
    }
}

/// Waits, or until it is time to stop; says whether it is.
pub(super) async fn rest(time: Duration, stop: &CancellationToken) -> bool {
    tokio::select! {
        () = stop.cancelled() => true,
        () = tokio::time::sleep(time) => false,
    }
}
