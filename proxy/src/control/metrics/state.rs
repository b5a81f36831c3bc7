//! What the proxy has on its hands: lanes, the outbox, ids, sessions, memory and the journal. What its
//! routes do is not here.

use super::Reading;
use super::out::Out;
use std::fmt;

impl Reading {
    pub(super) fn lanes(&self, out: &mut Out<'_>) -> fmt::Result {
        let Some(lanes) = &self.lanes else {
            return Ok(());
        };
        out.gauge(
            "lanes",
            "Lanes that some exchange is in",
            lanes.lanes as u64,
        )?;
        out.gauge(
            "lanes_depth",
            "Exchanges in lanes, waiting or under way",
            lanes.depth as u64,
        )?;
        out.seconds(
            "lanes_oldest_seconds",
            "How long ago the primary answered the oldest of them",
            lanes.oldest.unwrap_or_default(),
        )?;
        out.seconds(
            "lanes_longest_wait_seconds",
            "The longest wait for a turn since the start",
            lanes.longest_wait,
        )?;
        out.gauge(
            "lanes_tainted",
            "Lanes that lost a write",
            lanes.tainted as u64,
        )?;
        out.counter("writes_lost", "Mirrored writes that were lost", lanes.lost)
    }

    pub(super) fn outbox(&self, out: &mut Out<'_>) -> fmt::Result {
        let outbox = &self.outbox;
        out.gauge(
            "outbox_writes",
            "Mirrored writes that wait for the candidate",
            outbox.writes as u64,
        )?;
        out.gauge("outbox_bytes", "Bytes that they hold", outbox.bytes as u64)?;
        out.gauge("outbox_stored", "Those of them on disk", outbox.stored)?;
        out.counter(
            "outbox_unstored",
            "Mirrored writes that could not be stored",
            outbox.unstored,
        )?;
        out.counter(
            "outbox_retries",
            "Tries that had to be repeated",
            outbox.retries,
        )?;
        out.gauge(
            "outbox_at_risk",
            "Writes under way that are not on disk",
            outbox.at_risk,
        )?;
        out.gauge(
            "outbox_unknown",
            "About how many of those at most the former run took along when it was killed",
            outbox.unknown,
        )?;
        out.gauge(
            "outbox_failing",
            "1 while the outbox can't be written",
            outbox.failing.into(),
        )?;
        let (held, bytes) = self.held.unwrap_or_default();
        out.gauge(
            "outbox_holding",
            "1 while writes to modern are held",
            self.held.is_some().into(),
        )?;
        out.gauge(
            "outbox_held",
            "Writes that wait for the end of the hold",
            held as u64,
        )?;
        out.gauge("outbox_held_bytes", "Bytes that they hold", bytes as u64)
    }

    pub(super) fn ids(&self, out: &mut Out<'_>) -> fmt::Result {
        let ids = &self.ids;
        out.gauge("id_pairs", "Pairs of ids that are known", ids.pairs as u64)?;
        out.counter(
            "ids_translated",
            "Ids of requests put in the ids of the side they were sent to",
            ids.translated,
        )?;
        out.counter(
            "ids_unknown",
            "Ids of requests of which nothing was known",
            ids.unknown,
        )?;
        out.counter(
            "id_pairs_refused",
            "Pairs one of whose ids belonged to something else",
            ids.taken,
        )?;
        out.counter(
            "id_pairs_full",
            "Pairs for which there was no room",
            ids.full,
        )
    }

    pub(super) fn sessions(&self, out: &mut Out<'_>) -> fmt::Result {
        let Some(sessions) = &self.sessions else {
            return Ok(());
        };
        out.gauge(
            "session_entries",
            "What is known of cookies, tokens and tags",
            sessions.entries as u64,
        )?;
        out.gauge(
            "session_bytes",
            "Bytes that it takes",
            sessions.bytes as u64,
        )?;
        out.gauge(
            "session_bytes_limit",
            "Bytes that it may take",
            sessions.most as u64,
        )?;
        out.counter(
            "tokens_translated",
            "Tokens and tags of requests put in those of the side they were sent to",
            sessions.translated,
        )?;
        out.counter(
            "tokens_unknown",
            "Tokens and tags of requests of which nothing was known",
            sessions.unknown,
        )
    }

    pub(super) fn house(&self, out: &mut Out<'_>) -> fmt::Result {
        out.gauge(
            "capture_bytes",
            "Bytes held by captures",
            self.budget_used as u64,
        )?;
        out.gauge(
            "capture_bytes_limit",
            "Bytes that captures may hold",
            self.budget_limit as u64,
        )?;
        out.counter(
            "journal_lost",
            "Findings whose detail was lost",
            self.journal.lost,
        )?;
        out.counter(
            "journal_errors",
            "Writes of the journal that failed",
            self.journal.errors,
        )?;
        out.gauge(
            "journal_failing",
            "1 while it can't be written",
            self.journal.failing.into(),
        )?;
        out.gauge(
            "journal_bytes",
            "Size of the journal's file",
            self.journal.size,
        )?;
        let build = [(vec![("version", env!("CARGO_PKG_VERSION"))], 1)];
        out.gauges("build_info", "The version that runs", build)
    }
}
