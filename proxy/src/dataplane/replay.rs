//! What was read of a request's body, kept for another attempt.

use crate::exchange::budget::cost;
use bytes::Bytes;

/// The longest body that is kept. A longer one is sent once.
const LIMIT: usize = 64 << 10;

/// What an earlier attempt has read of a request's body.
#[derive(Debug, Default)]
pub(super) struct Replay {
    chunks: Vec<Bytes>,
    bytes: usize,
    outgrown: bool,
}

impl Replay {
    pub(super) fn keep(&mut self, chunk: &Bytes) {
        // A chunk costs its entry in the list, too.
        self.bytes = self.bytes.saturating_add(cost(chunk));
        if self.bytes > LIMIT {
            self.outgrown = true;
            self.chunks = Vec::new();
        } else {
            self.chunks.push(chunk.clone());
        }
    }

    /// Whether everything that was read is still here.
    pub(super) fn is_whole(&self) -> bool {
        !self.outgrown
    }

    pub(super) fn chunks(&self) -> Vec<Bytes> {
        self.chunks.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_that_outgrows_the_limit_is_let_go() {
        let mut replay = Replay::default();
        replay.keep(&Bytes::from(vec![0; LIMIT / 2]));
        assert!(replay.is_whole());
        assert_eq!(replay.chunks().len(), 1);
        replay.keep(&Bytes::from(vec![0; LIMIT / 2]));
        assert!(!replay.is_whole());
        assert!(replay.chunks().is_empty());
    }
}
