//! One table, down the ladder: ranges, counts and sums, rows, what only the target has, suspects.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;

use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::book::{Lone, add, book};
use super::cause::Cause;
use super::checkpoint::{Checkpoint, RangeState, State, ranges};
use super::findings::Tally;
use super::job::{Found, Job, REFUSED};
use super::options::{Depth, Options};
use super::pages::rest;
use super::report::{Figures, Method, TableReport};
use super::{ReconcileError, Watch, lookup, merge, quick, settle};
use crate::plan::TablePlan;
use crate::store::{Counter, Range, Source, Target};
use crate::value::Key;

/// Most ranges of a table.
const RANGES: u64 = 4096;

/// One table of a run.
pub(super) struct Ladder<'r> {
    pub(super) table: &'r TablePlan,
    pub(super) source: &'r Arc<dyn Source>,
    pub(super) target: &'r Arc<dyn Target>,
    pub(super) options: &'r Options,
    pub(super) watch: &'r Arc<dyn Watch>,
    pub(super) stop: &'r CancellationToken,
    pub(super) checkpoint: &'r mut Checkpoint,
}

impl Ladder<'_> {
    /// Compares the table as far as it goes; says whether that was all of it.
    pub(super) async fn climb(&mut self) -> (TableReport, bool) {
        let began = Instant::now();
        let current = self.checkpoint.current.take();
        let kept = current.filter(|state| state.source == self.table.source);
        // A sample is looked up: its rows lie apart in either order.
        let method = if self.table.is_ordered() && self.options.sample.is_none() {
            Method::Merge
        } else {
            Method::Lookup
        };
        let mut state = kept.unwrap_or_else(|| State::begin(self.table, method));
        let before = state.seconds;
        self.watch.begins(self.table, self.table.rows);
        let mut ended = self.attempt(&mut state).await;
        if let Err(ReconcileError::Order { .. }) = ended {
            state = State::begin(self.table, Method::Lookup);
            ended = self.attempt(&mut state).await;
        }
        state.seconds = before + began.elapsed().as_secs_f64();
        let failure = ended.as_ref().err().map(said);
        let report = TableReport::of(self.table, &state, self.options, failure);
        if ended.is_err() {
            self.checkpoint.current = Some(state);
            self.watch.checkpoint(self.checkpoint);
        }
        (report, ended.is_ok())
    }

    async fn attempt(&mut self, state: &mut State) -> Result<(), ReconcileError> {
        let job = Arc::new(self.job(state).await);
        if state.ranges.is_empty() {
            let unique = self.table.names_each_row(&**self.source).await;
            unique.map_err(|cause| job.source.failed(cause))?;
            state.counters = self.count(&job, &mut state.tally).await?;
            self.cut(&job, state).await?;
        }
        if self.options.depth == Depth::Figures {
            return self.look(&job, state).await;
        }
        self.compare(&job, state).await?;
        if state.method == Method::Lookup && !state.reversed {
            let found = lookup::reverse(&job, &state.partitions).await?;
            add(state, None, found);
            state.reversed = true;
            self.keep(state);
        }
        self.settle(&job, state).await
    }

    async fn job(&self, state: &State) -> Job {
        let (watch, stop) = (Arc::clone(self.watch), self.stop.clone());
        let source = Arc::clone(self.source);
        let target: Arc<dyn Source> = Arc::<dyn Target>::clone(self.target);
        let mut job = Job::new(self.table, source, target, self.options, watch, stop);
        job.suspects.store(state.suspects.len(), Ordering::Relaxed);
        // A target that was never loaded keeps no list of what was refused. Without one, refused
        // rows are missing rows, which is the stricter verdict.
        let refused = self
            .target
            .quarantined(Some(&self.table.source), REFUSED)
            .await;
        job.quarantine(refused.unwrap_or_default());
        job
    }

    /// Cuts the source's keys into ranges.
    async fn cut(&self, job: &Arc<Job>, state: &mut State) -> Result<(), ReconcileError> {
        let (source, select) = (&job.source.store, &job.source.select);
        let rows = if let Some(rows) = self.table.rows {
            rows
        } else {
            let all = source.figures(select, &Range::default(), &[]).await;
            all.map_err(|cause| job.source.failed(cause))?.rows
        };
        let parts = rows.div_ceil(self.options.range.max(1)).clamp(1, RANGES);
        let parts = usize::try_from(parts).unwrap_or(1);
        let cuts = if parts == 1 {
            Vec::new()
        } else if let Some(cuts) = cuts_of_target(job, state.method, parts).await {
            cuts
        } else {
            let cuts = source.cuts(select, parts).await;
            cuts.map_err(|cause| job.source.failed(cause))?
        };
        // A key that the target cannot have bounds nothing there.
        let cuts = cuts
            .into_iter()
            .filter(|key| job.judge.target_key(key).is_ok());
        let untils = cuts.map(Some).chain([None]);
        state.ranges = untils
            .map(|until| RangeState {
                until,
                ..RangeState::default()
            })
            .collect();
        Ok(())
    }

    /// Looks at counts and sums.
    async fn look(&self, job: &Arc<Job>, state: &mut State) -> Result<(), ReconcileError> {
        let mut sum = Figures::default();
        // All of it is looked at again after a stop, and told once.
        let mut tally = state.tally.clone();
        // A refused row is lacking in one range, and explains no second one.
        let mut refused = job.quarantined.len() as u64;
        // The ranges of the source's keys are none of the target's where their orders differ.
        if state.method == Method::Lookup {
            sum = self
                .figures(job, &Range::default(), &mut refused, &mut tally)
                .await?;
        } else {
            for (number, range) in ranges(&state.ranges).iter().enumerate() {
                if self.stop.is_cancelled() {
                    return Err(ReconcileError::Stopped);
                }
                let figures = self.figures(job, range, &mut refused, &mut tally).await?;
                sum.add(&figures);
                if let Some(range) = state.ranges.get_mut(number) {
                    range.figures = Some(figures);
                }
            }
        }
        for range in &mut state.ranges {
            range.done = true;
        }
        state.tally = tally;
        state.figures = Some(sum);
        state.settled = true;
        Ok(())
    }

    /// Looks at a range, and again where that is not alike.
    async fn figures(
        &self,
        job: &Arc<Job>,
        range: &Range,
        refused: &mut u64,
        tally: &mut Tally,
    ) -> Result<Figures, ReconcileError> {
        let mut figures = quick::look(job, range).await?;
        for _ in 0..self.options.reads {
            if quick::explained(&figures, *refused).is_some() {
                break;
            }
            if rest(self.options.settle, self.stop).await {
                return Err(ReconcileError::Stopped);
            }
            figures = quick::look(job, range).await?;
        }
        match quick::explained(&figures, *refused) {
            Some(rows) => *refused -= rows,
            None => quick::tell(&figures, range, tally),
        }
        Ok(figures)
    }

    /// Compares the ranges that are left, some of them beside each other.
    async fn compare(&mut self, job: &Arc<Job>, state: &mut State) -> Result<(), ReconcileError> {
        let all = ranges(&state.ranges);
        let done: Vec<bool> = state.ranges.iter().map(|range| range.done).collect();
        let mut left = (0_u32..).zip(all).zip(done).filter(|(_, done)| !done);
        let mut running: JoinSet<(u32, Result<Found, ReconcileError>)> = JoinSet::new();
        let mut ended = Ok(());
        loop {
            while ended.is_ok()
                && !self.stop.is_cancelled()
                && running.len() < self.options.parallel.max(1)
                && let Some(((number, range), _)) = left.next()
            {
                let (job, method) = (Arc::clone(job), state.method);
                running.spawn(async move {
                    let found = match method {
                        Method::Merge => match job.hashes.agreed(&job, number, &range).await {
                            Some(found) => Ok(found),
                            None => merge::run(job, number, range).await,
                        },
                        Method::Lookup => lookup::forward(job, number, range).await,
                    };
                    (number, found)
                });
            }
            // Ranges that are under way come to their end even after another failed.
            match running.join_next().await {
                None => {
                    let stopped = left.next().map_or(Ok(()), |_| Err(ReconcileError::Stopped));
                    return ended.and(stopped);
                }
                Some(Ok((number, Ok(found)))) => {
                    add(state, Some(number), found);
                    self.keep(state);
                }
                Some(Ok((_, Err(error)))) => ended = ended.and(Err(error)),
                Some(Err(_)) => {
                    let table = self.table.source.clone();
                    ended = ended.and(Err(ReconcileError::Ended { table }));
                }
            }
        }
    }

    /// Decides the suspects. What was decided counts once all are: a run that is stopped here has
    /// all of them before it again.
    async fn settle(&mut self, job: &Arc<Job>, state: &mut State) -> Result<(), ReconcileError> {
        let suspects = std::mem::take(&mut state.suspects);
        let mut settled = state.clone();
        state.suspects.clone_from(&suspects);
        let mut lone = Lone::default();
        settle::settle(job, suspects, &mut |suspect, outcome| {
            book(job, &mut settled, &mut lone, suspect, outcome);
        })
        .await?;
        lone.explain(&mut settled);
        settled.settled = true;
        *state = settled;
        Ok(())
    }

    /// Looks at what the target counts by itself: a counter that is behind gives numbers that are
    /// taken, and the first insert after the move fails.
    async fn count(&self, job: &Job, tally: &mut Tally) -> Result<Vec<Counter>, ReconcileError> {
        let counters = self.target.counters(&self.table.destination).await;
        let counters = counters.map_err(|cause| job.target.failed(cause))?;
        for counter in counters.iter().filter(|counter| counter.is_behind()) {
            let next = format!("next is {}", counter.next);
            tally.row(Cause::Sequence, Some(&counter.column), &next, true);
        }
        Ok(counters)
    }

    /// Hands out how far the run has come, of which the state is a part for as long.
    fn keep(&mut self, state: &mut State) {
        self.checkpoint.current = Some(std::mem::take(state));
        self.watch.checkpoint(self.checkpoint);
        *state = self.checkpoint.current.take().unwrap_or_default();
    }
}

/// The keys that cut the target's rows, as the source has them, where these keys are as good as the
/// source's own and the source would have to walk its index for those.
async fn cuts_of_target(job: &Job, method: Method, parts: usize) -> Option<Vec<Key>> {
    let (source, target) = (&job.source.store, &job.target.store);
    if method != Method::Merge || source.samples() || !target.samples() || !job.judge.inverts() {
        return None;
    }
    let cuts = target.cuts(&job.target.select, parts).await.ok()?;
    let key = |cut: Key| {
        let cut = job.judge.found_key(cut.0.into_vec());
        job.judge.source_key(&cut)
    };
    let cuts: Vec<Key> = cuts.into_iter().map(key).collect::<Option<_>>()?;
    // A target that lacks most rows says nothing of where the source has them.
    (cuts.len() * 2 >= parts).then_some(cuts)
}

/// An error with what it rests on, for a report.
fn said(error: &ReconcileError) -> String {
    let mut said = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        said.push_str(": ");
        said.push_str(&error.to_string());
        cause = error.source();
    }
    said
}
