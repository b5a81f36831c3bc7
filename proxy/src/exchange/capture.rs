//! Collecting an exchange as it passes through the data plane.
//!
//! Chunks are shared with the data plane, never copied. A capture that outgrows its limit or the
//! budget lets go of everything at once and remembers why; the request itself is not affected. Of a
//! write whose answer is too much, the request is kept: it is to be delivered all the same.

use super::budget::{Hold, cost, cost_of_head};
use super::{CapturedRequest, CapturedResponse};
use crate::lanes::{Passage, Spot};
use crate::outcome::Ending;
use crate::side::Side;
use bytes::Bytes;
use http::{HeaderMap, Method};
use std::time::{Duration, Instant};

/// What both heads cost at least: their values share the buffers that they were read into.
const HEADS: usize = 16 << 10;

/// An exchange that is being collected.
#[derive(Debug)]
pub struct Capture {
    state: State,
    /// Tells the lanes how far the exchange is; they go on when the capture has ended.
    passage: Option<Box<Passage>>,
}

#[derive(Debug)]
enum State {
    Collecting(Box<Collected>),
    Ended(Ending),
}

/// What a finished capture holds.
#[derive(Debug)]
pub struct Collected {
    /// The request as sent to the primary.
    pub request: CapturedRequest,
    /// The primary's answer.
    pub response: CapturedResponse,
    /// The bytes taken from the budget.
    pub hold: Hold,
    /// The longest body that is captured.
    pub max_body: usize,
    /// What both heads took of the budget.
    heads: usize,
    request_head: usize,
    request_bytes: usize,
    response_bytes: usize,
    request_whole: bool,
    /// Whether the answer was read to its end.
    pub response_whole: bool,
    /// Why the answer's body was let go, so that nothing can be compared.
    pub unread: Option<Ending>,
    /// The exchange's spot in its lanes, if it has any.
    pub spot: Option<Spot>,
    /// When the request was sent whole: what its client took to say it is no time of the primary's.
    sent: Instant,
    /// What the client took since then to read the answer, which is none of it either.
    read_in: Duration,
}

impl Capture {
    /// An empty capture that may hold bodies of up to `max_body` bytes.
    pub fn new(mut hold: Hold, max_body: usize, passage: Option<Passage>) -> Self {
        if !hold.grow(HEADS) {
            let state = State::Ended(Ending::Budget);
            return Self {
                state,
                passage: passage.map(Box::new),
            };
        }
        let request = CapturedRequest {
            method: Method::GET,
            target: Bytes::new(),
            headers: HeaderMap::new(),
            body: Vec::new(),
        };
        let passage = passage.map(Box::new);
        let collected = Collected {
            request,
            response: CapturedResponse::default(),
            hold,
            max_body,
            heads: HEADS,
            request_head: 0,
            request_bytes: 0,
            response_bytes: 0,
            request_whole: false,
            response_whole: false,
            unread: None,
            spot: None,
            sent: Instant::now(),
            read_in: Duration::ZERO,
        };
        let state = State::Collecting(Box::new(collected));
        Self { state, passage }
    }

    /// The request's head, as it goes to the primary now. An attempt that went before is
    /// forgotten: the data plane replays the body.
    pub fn request_head(&mut self, method: &Method, target: &[u8], headers: &HeaderMap) {
        if let State::Collecting(collected) = &mut self.state {
            let bodies = [&collected.request.body, &collected.response.body];
            let former = bodies.into_iter().flatten().map(cost).sum();
            collected.hold.shrink(former);
            collected.request = CapturedRequest {
                method: method.clone(),
                target: Bytes::copy_from_slice(target),
                headers: headers.clone(),
                body: Vec::new(),
            };
            collected.response = CapturedResponse::default();
            collected.request_bytes = 0;
            collected.response_bytes = 0;
            collected.request_whole = false;
            collected.response_whole = false;
            collected.unread = None;
            collected.all_sent();
            collected.request_head = target.len().saturating_add(cost_of_head(headers));
            if !collected.hold_heads(0) {
                self.state = State::Ended(Ending::Budget);
            }
        }
    }

    /// A chunk of the request's body, and whether it is the last.
    pub fn request_chunk(&mut self, chunk: Option<&Bytes>, last: bool) {
        let kept = self.chunk(chunk, |collected| {
            (&mut collected.request.body, &mut collected.request_bytes)
        });
        if let Err(ending) = kept {
            self.state = State::Ended(ending);
        }
        if let State::Collecting(collected) = &mut self.state {
            if last {
                collected.request_whole = true;
                collected.all_sent();
            }
            if let Some(passage) = self.passage.as_mut().filter(|_| last) {
                passage.request_whole(&collected.request.body);
            }
        }
        if let Some(passage) = self.passage.as_mut().filter(|_| last) {
            passage.sent();
        }
    }

    /// The request goes to this side now.
    pub fn asking(&mut self, side: Side) {
        if let Some(passage) = &mut self.passage {
            passage.asking(side);
        }
    }

    /// The head of the primary's answer, and whether nothing comes after it.
    pub fn response_head(&mut self, status: u16, headers: &HeaderMap, last: bool) {
        if let State::Collecting(collected) = &mut self.state {
            collected.response.status = status;
            if collected.hold_heads(cost_of_head(headers)) {
                collected.response.headers = headers.clone();
            } else {
                self.unread(Ending::Budget);
            }
        }
        if let Some(passage) = &mut self.passage {
            passage.answering(status);
        }
        if last {
            self.response_chunk(None, true);
        }
    }

    /// A chunk of the answer's body, and whether it is the last.
    pub fn response_chunk(&mut self, chunk: Option<&Bytes>, last: bool) {
        let unread = matches!(&self.state, State::Collecting(c) if c.unread.is_some());
        let kept = self.chunk(chunk.filter(|_| !unread), |collected| {
            (&mut collected.response.body, &mut collected.response_bytes)
        });
        if let Err(ending) = kept {
            self.unread(ending);
        }
        if let State::Collecting(collected) = &mut self.state
            && last
            && !collected.response_whole
        {
            collected.response_whole = true;
            collected.response.took = collected.took();
        }
        if last {
            self.answered();
        }
    }

    /// The client took this long to read a piece of the answer, and no other was read meanwhile.
    pub fn read_in(&mut self, time: Duration) {
        if let State::Collecting(collected) = &mut self.state {
            collected.read_in = collected.read_in.saturating_add(time);
        }
    }

    /// The primary has answered, and the client has not seen the end of it yet: now the exchange
    /// enters its lanes. One whose request is not whole may still become so.
    fn answered(&mut self) {
        if let Some(passage) = &mut self.passage {
            match &self.state {
                State::Ended(ending) => passage.end(Err(*ending), false),
                State::Collecting(collected) if collected.request_whole => {
                    passage.end(Ok(&collected.response), collected.unread.is_some());
                }
                State::Collecting(_) => {}
            }
        }
    }

    /// Lets go of an answer that is too much, and of the request, too, unless it is a write that can
    /// be delivered.
    fn unread(&mut self, ending: Ending) {
        match &mut self.state {
            State::Collecting(collected)
                if collected.request_whole && !collected.request.method.is_safe() =>
            {
                let body = std::mem::take(&mut collected.response.body);
                collected.hold.shrink(body.iter().map(cost).sum());
                collected.unread = Some(ending);
            }
            state => *state = State::Ended(ending),
        }
    }

    fn chunk(
        &mut self,
        chunk: Option<&Bytes>,
        into: impl Fn(&mut Collected) -> (&mut Vec<Bytes>, &mut usize),
    ) -> Result<(), Ending> {
        let (Some(chunk), State::Collecting(collected)) =
            (chunk.filter(|chunk| !chunk.is_empty()), &mut self.state)
        else {
            return Ok(());
        };
        let max_body = collected.max_body;
        let (_, total) = into(collected);
        *total = total.saturating_add(chunk.len());
        if *total > max_body {
            return Err(Ending::TooLarge);
        }
        if !collected.hold.grow(cost(chunk)) {
            return Err(Ending::Budget);
        }
        into(collected).0.push(chunk.clone());
        Ok(())
    }

    /// Nothing more comes, whatever is missing: the lanes hear of it now.
    pub fn end(&mut self) {
        self.answered();
        if let Some(passage) = &mut self.passage {
            passage.end(Err(Ending::RequestCut), false);
        }
    }

    /// The collected exchange, whole, or why there is none.
    pub fn finish(mut self) -> Result<Box<Collected>, Ending> {
        self.end();
        match self.state {
            State::Ended(ending) => Err(ending),
            State::Collecting(collected) if !collected.request_whole => Err(Ending::RequestCut),
            State::Collecting(mut collected) => {
                if let Some(passage) = self.passage {
                    collected.spot = passage.finish()?;
                }
                if !collected.response_whole {
                    collected.response.took = collected.took();
                }
                Ok(collected)
            }
        }
    }
}

impl Collected {
    /// Takes what the heads cost, the answer's so much; whether there is room for them.
    fn hold_heads(&mut self, answer: usize) -> bool {
        let heads = self.request_head.saturating_add(answer).max(HEADS);
        self.hold.shrink(self.heads.saturating_sub(heads));
        let room = self.hold.grow(heads.saturating_sub(self.heads));
        if room || heads < self.heads {
            self.heads = heads;
        }
        room
    }

    fn all_sent(&mut self) {
        self.sent = Instant::now();
        self.read_in = Duration::ZERO;
    }

    /// What the primary took. While the client reads, nobody sees what the primary does, so it is at
    /// least this.
    fn took(&self) -> Duration {
        self.sent.elapsed().saturating_sub(self.read_in)
    }
}

#[cfg(test)]
mod tests;
