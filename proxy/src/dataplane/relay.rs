//! One attempt at a request: the client's connection on one hand, a connection to an upstream on
//! the other, and what passes between them, in both directions by turns.
//!
//! Both are listened to, and a piece is passed on as it comes; but while it is written nobody reads.
//! An upstream may answer while it still reads as long as the buffers of the sockets hold what it says
//! meanwhile. One that says more, and takes no more until that is read, gets no more of the request
//! after its `write_timeout`; a client that does likewise is cut after [`CLIENT_SILENCE`]. A tunnel ends
//! with either.
//!
//! Nothing here decides what happens when an attempt fails; an error says whose side broke.

use super::attempts::has_begun;
use super::context::Context;
use super::patience::{Late, Patience};
use super::{CLIENT_SILENCE, TUNNEL_SILENCE, hops};
use crate::routing::Failure;
use bytes::Bytes;
use http::header::CONTENT_LENGTH;
use http::{StatusCode, Version};
use pingora::ErrorType::{HTTPStatus, InvalidHTTPHeader, ReadTimedout, WriteTimedout};
use pingora::http::{RequestHeader, ResponseHeader};
use pingora::prelude::{Error, Result};
use pingora::protocols::http::HttpTask;
use pingora::protocols::http::v1::{client, server};
use std::time::{Duration, Instant};

/// What passes through one attempt.
pub(super) struct Relay<'a> {
    pub(super) client: &'a mut server::HttpSession,
    pub(super) upstream: &'a mut client::HttpSession,
    pub(super) ctx: &'a mut Context,
    pub(super) patience: &'a mut Patience,
    pub(super) limits: Limits,
    /// The request's body, where it is another than what the client sent.
    pub(super) body: Option<Bytes>,
    pub(super) progress: Progress,
}

/// How long an upstream may be silent.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    pub(super) read: Duration,
    pub(super) write: Duration,
}

/// How far an attempt has come.
#[derive(Debug, Default)]
pub(super) struct Progress {
    /// Whether nothing more of the request is to be sent.
    sent: bool,
    /// Whether the upstream stopped taking the request before its end.
    cut: bool,
    /// Whether the connections carry another protocol now.
    upgraded: bool,
}

/// What came next.
enum Piece {
    /// Of the request's body; nothing at its end.
    Request(Option<Bytes>),
    /// Of the upstream's answer.
    Answer(HttpTask),
    /// Neither side of a tunnel has said anything for long.
    Silence,
}

impl Relay<'_> {
    /// Passes the request on and the answer back. Says whether the upstream's connection may
    /// serve another request.
    pub(super) async fn run(mut self, head: Box<RequestHeader>) -> Result<bool> {
        self.begin(head).await?;
        loop {
            let done = match self.next().await? {
                Piece::Request(chunk) => self.send(chunk).await?,
                Piece::Answer(HttpTask::Header(head, end)) => self.answer(head, end).await?,
                Piece::Answer(HttpTask::Body(chunk, end) | HttpTask::UpgradedBody(chunk, end)) => {
                    self.pass_back(chunk, end).await?
                }
                Piece::Answer(HttpTask::Failed(error)) => return Err(error.into_up()),
                Piece::Answer(HttpTask::Trailer(_) | HttpTask::Done) | Piece::Silence => {
                    self.finish_answer().await?
                }
            };
            if done {
                let Progress {
                    sent,
                    cut,
                    upgraded,
                } = self.progress;
                return Ok(sent && !cut && !upgraded);
            }
        }
    }

    /// Sends the head, and what an earlier attempt has read of the body already.
    async fn begin(&mut self, head: Box<RequestHeader>) -> Result<()> {
        if let Some(capture) = &mut self.ctx.capture {
            capture.request_head(&head.method, head.raw_path(), &head.headers);
            if let Some(plan) = &self.ctx.plan {
                capture.asking(plan.primary);
            }
        }
        let writing = self.upstream.write_request_header(head);
        upstream(
            self.patience.limit(self.limits.write, writing).await,
            WriteTimedout,
        )?;
        let replay = match self.body.take() {
            Some(body) => vec![body],
            None => self.ctx.replay.chunks(),
        };
        let whole = self.client.is_body_done();
        if replay.is_empty() && whole {
            if let Some(capture) = &mut self.ctx.capture {
                capture.request_chunk(None, true);
            }
            self.progress.sent = true;
        }
        let last = replay.len().checked_sub(1);
        for (i, chunk) in replay.into_iter().enumerate() {
            self.pass_on(Some(chunk), whole && Some(i) == last).await;
            if self.progress.cut {
                break;
            }
        }
        if !self.progress.sent {
            // What came along with the head goes along with it. An upstream that answers by the head
            // alone would else leave a request that is here as one that was cut.
            let here = tokio::select! {
                biased;
                chunk = self.client.read_body_bytes() => Some(chunk.map_err(Error::into_down)?),
                () = std::future::ready(()) => None,
            };
            if let Some(chunk) = here {
                self.send(chunk).await?;
            }
        }
        Ok(())
    }

    async fn next(&mut self) -> Result<Piece> {
        let Self {
            client,
            upstream: peer,
            patience,
            limits,
            progress,
            ..
        } = self;
        if progress.sent {
            let reading = peer.read_response_task();
            let task = patience.limit(limits.read, reading).await;
            return upstream(task, ReadTimedout).map(Piece::Answer);
        }
        let either = async {
            tokio::select! {
                task = peer.read_response_task() => task.map(Piece::Answer).map_err(Error::into_up),
                chunk = client.read_body_bytes() => chunk.map(Piece::Request).map_err(Error::into_down),
            }
        };
        let silence = if progress.upgraded {
            TUNNEL_SILENCE
        } else {
            CLIENT_SILENCE
        };
        match patience.limit(silence, either).await {
            Ok(piece) => piece,
            Err(Late) if progress.upgraded => Ok(Piece::Silence),
            Err(Late) => Error::err_down(ReadTimedout),
        }
    }

    /// A piece of the request, new from the client. Says whether all is done.
    async fn send(&mut self, chunk: Option<Bytes>) -> Result<bool> {
        let last = chunk.is_none() || self.client.is_body_done();
        if let Some(chunk) = chunk.as_ref().filter(|_| !self.progress.upgraded) {
            self.ctx.replay.keep(chunk);
        }
        self.pass_on(chunk, last).await;
        // A tunnel ends with either of its sides.
        if self.progress.upgraded && self.progress.sent {
            return self.finish_answer().await;
        }
        Ok(false)
    }

    /// Passes a piece of the request on. An upstream that takes no more of it may have answered
    /// all the same, so this is no failure yet.
    async fn pass_on(&mut self, chunk: Option<Bytes>, last: bool) {
        if let Some(capture) = &mut self.ctx.capture {
            capture.request_chunk(chunk.as_ref(), last);
        }
        let Self {
            upstream: peer,
            patience,
            limits,
            ..
        } = self;
        let writing = async {
            if let Some(chunk) = chunk.filter(|chunk| !chunk.is_empty()) {
                peer.write_body(&chunk).await?;
            }
            if last {
                peer.finish_body().await?;
            }
            Ok(())
        };
        let written = upstream(patience.limit(limits.write, writing).await, WriteTimedout);
        self.progress.cut |= written.is_err();
        self.progress.sent = last || self.progress.cut;
    }

    /// The head of an answer, or of one that goes before it. Says whether all is done.
    async fn answer(&mut self, mut head: Box<ResponseHeader>, end: bool) -> Result<bool> {
        let status = head.status;
        let upgraded = status == StatusCode::SWITCHING_PROTOCOLS;
        if status.is_informational() && !upgraded {
            // Clients of HTTP/1.0 know none of these.
            if self.client.req_header().version >= Version::HTTP_11 {
                let keep = self.client.get_keepalive_timeout();
                self.tell(head).await?;
                // Pingora gives the connection up for any head before the body's end; this one
                // may be what the body waits for.
                self.client.set_server_keepalive(keep);
            }
            return Ok(false);
        }
        if upgraded && !self.upstream.was_upgraded() {
            return Error::e_explain(InvalidHTTPHeader, "an upgrade that nobody asked for")
                .map_err(Error::into_up);
        }
        let asked = self.client.req_header();
        if status.is_server_error()
            && !has_begun(self.client)
            && self.ctx.replay.is_whole()
            && let Some(plan) = &self.ctx.plan
            && plan.can_fall_back(&asked.method, Failure::ServerError)
        {
            return Error::err_up(HTTPStatus(status.as_u16()));
        }
        self.ctx.answered = Some(status);
        if let Some(capture) = &mut self.ctx.capture {
            capture.response_head(status.as_u16(), &head.headers, end);
        }
        hops::answer(&mut head, asked, end)?;
        let open_end = asked.version < Version::HTTP_11 && !end;
        if open_end && !head.headers.contains_key(CONTENT_LENGTH) {
            // The end of the connection is the end of the answer.
            self.client.set_server_keepalive(None);
        }
        self.tell(head).await?;
        if upgraded {
            self.upstream.maybe_upgrade_body_writer();
            self.progress.upgraded = true;
            self.progress.sent = false;
        }
        if end {
            self.finish_answer().await
        } else {
            Ok(false)
        }
    }

    /// Passes a piece of the answer to the client. Says whether it was the last.
    async fn pass_back(&mut self, chunk: Option<Bytes>, end: bool) -> Result<bool> {
        if let Some(capture) = &mut self.ctx.capture {
            capture.response_chunk(chunk.as_ref(), end);
        }
        if let Some(chunk) = chunk.filter(|chunk| !chunk.is_empty()) {
            let began = Instant::now();
            let writing = self.client.write_body(&chunk);
            downstream(self.patience.limit(CLIENT_SILENCE, writing).await)?;
            self.note_reading(began);
        }
        if end {
            self.finish_answer().await
        } else {
            Ok(false)
        }
    }

    /// A head, to the client.
    async fn tell(&mut self, head: Box<ResponseHeader>) -> Result<()> {
        let began = Instant::now();
        let writing = self.client.write_response_header(head);
        downstream(self.patience.limit(CLIENT_SILENCE, writing).await)?;
        self.note_reading(began);
        Ok(())
    }

    /// What the client has taken since then is no time of the primary's.
    fn note_reading(&mut self, began: Instant) {
        if let Some(capture) = &mut self.ctx.capture {
            capture.read_in(began.elapsed());
        }
    }

    async fn finish_answer(&mut self) -> Result<bool> {
        let finishing = self.client.finish_body();
        downstream(self.patience.limit(CLIENT_SILENCE, finishing).await)?;
        Ok(true)
    }
}

/// What became of work with the upstream.
fn upstream<T>(done: Result<Result<T>, Late>, late: pingora::ErrorType) -> Result<T> {
    match done {
        Ok(done) => done.map_err(Error::into_up),
        Err(Late) => Error::err_up(late),
    }
}

/// What became of writing to the client.
fn downstream<T>(done: Result<Result<T>, Late>) -> Result<T> {
    match done {
        Ok(done) => done.map_err(Error::into_down),
        Err(Late) => Error::err_down(WriteTimedout),
    }
}
