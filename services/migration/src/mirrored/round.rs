//! Rounds: what waits is looked through, and what may be in rows that were read is brought up to
//! date by key, until nothing is left of it.
//!
//! Each read has a mark. A write that began after the copy's mark and after those of all its
//! entities is in nothing that was read, and is left to be delivered. Every read makes it a duty
//! for later rounds to look at what was under way meanwhile, so rounds end when the clients give
//! an entity a moment's rest.

use std::collections::{BTreeSet, HashMap, HashSet};

use super::names::{Entity, Names};
use super::{MirroredError, Report};
use crate::link::{HeldWrite, Hold, Pair, Proxy, Tainted};
use crate::plan::Plan;
use crate::sides::Sides;
use crate::sync::{self, Gone, SyncError, Synced};

/// The side that this brings up to date.
const MODERN: &str = "modern";

pub(super) struct Rounds<'r> {
    proxy: &'r Proxy,
    hold: &'r Hold<'r>,
    sides: &'r Sides,
    /// The mark behind everything that was copied.
    copied: u64,
    /// The mark behind the last read of all.
    last: u64,
    /// The mark behind the last read of each entity.
    reads: HashMap<Entity, u64>,
    /// What cannot be brought up to date, and why.
    hopeless: HashMap<Entity, String>,
    /// Taints that were looked at.
    seen: HashSet<(String, String)>,
    /// Writes that name nothing that the mapping knows, as it was told.
    unnamed: HashSet<u64>,
    report: Report,
}

/// What became of one entity.
struct One<'r> {
    /// The entities whose rows were read for it.
    touched: Vec<Entity>,
    /// Its rows that go.
    gone: Vec<Gone<'r>>,
    /// What was done, or why nothing was.
    done: Result<Synced, String>,
}

/// What a round is about.
struct Work<'w> {
    /// Writes that may be in what was read, and what they name.
    writes: Vec<(&'w HeldWrite, Names)>,
    /// Tainted lanes, likewise.
    taints: Vec<(&'w Tainted, Names)>,
}

impl<'r> Rounds<'r> {
    pub(super) async fn begin(hold: &'r Hold<'r>, sides: &'r Sides) -> Result<Self, MirroredError> {
        let copied = hold.mark().await?;
        Ok(Self {
            proxy: hold.proxy(),
            hold,
            sides,
            copied,
            last: copied,
            reads: HashMap::new(),
            hopeless: HashMap::new(),
            seen: HashSet::new(),
            unnamed: HashSet::new(),
            report: Report::default(),
        })
    }

    pub(super) fn copied(&self) -> u64 {
        self.copied
    }

    pub(super) fn last_read(&self) -> u64 {
        self.last
    }

    pub(super) fn end(self) -> Report {
        self.report
    }

    /// One round; whether there was anything to do.
    pub(super) async fn run(&mut self) -> Result<bool, MirroredError> {
        let held = self.proxy.held().await?;
        let taints = self.proxy.taints().await?;
        let work = Work {
            writes: self.due(&held),
            taints: self.tainted(&taints),
        };
        if work.writes.is_empty() && work.taints.is_empty() {
            return Ok(false);
        }
        let names = work.writes.iter().map(|(_, names)| names);
        let names = names.chain(work.taints.iter().map(|(_, names)| names));
        let entities: BTreeSet<Entity> = names.flat_map(|names| names.known.clone()).collect();
        self.bring(entities).await?;
        self.settle(&work).await?;
        self.clear(&work).await?;
        Ok(true)
    }

    /// The writes that may be in what was read, and those that share an entity with one: it is read
    /// again now.
    fn due<'w>(&mut self, held: &'w [HeldWrite]) -> Vec<(&'w HeldWrite, Names)> {
        let named: Vec<(&HeldWrite, Names)> = held
            .iter()
            .map(|write| {
                let lanes = write.doubt.iter().map(String::as_str);
                (write, Names::of(&self.sides.plan, lanes))
            })
            .collect();
        let mut due: HashSet<u64> = HashSet::new();
        let mut read_now: HashSet<&Entity> = HashSet::new();
        loop {
            let before = due.len();
            for (write, names) in &named {
                let read_later = |entity: &Entity| {
                    read_now.contains(entity)
                        || self.reads.get(entity).is_some_and(|at| write.began <= *at)
                };
                let may_be_read = write.began <= self.copied || names.known.iter().any(read_later);
                if !may_be_read {
                    continue;
                }
                if names.is_empty() && !write.doubt.is_empty() {
                    if self.unnamed.insert(write.number) {
                        self.report.unnamed = self.report.unnamed.saturating_add(1);
                        let route = format!("route {}", write.route);
                        self.report
                            .leave(&route, "its writes name nothing that the mapping knows");
                    }
                    continue;
                }
                due.insert(write.number);
                read_now.extend(&names.known);
            }
            if due.len() == before {
                break;
            }
        }
        let writes = named.into_iter();
        writes
            .filter(|(write, _)| due.contains(&write.number))
            .collect()
    }

    /// Taints that were not looked at yet, and that can be brought up to date.
    fn tainted<'w>(&mut self, taints: &'w [Tainted]) -> Vec<(&'w Tainted, Names)> {
        let mut due = Vec::new();
        for taint in taints {
            if !self.seen.insert((taint.lane.clone(), taint.tag.clone())) {
                continue;
            }
            let names = Names::of(&self.sides.plan, std::iter::once(taint.lane.as_str()));
            let why = match (taint.lost_by.as_deref(), names.known.is_empty()) {
                (Some(MODERN), false) => {
                    due.push((taint, names));
                    continue;
                }
                (Some(MODERN), true) if names.any.is_empty() => "no table of the mapping is of it",
                (Some(MODERN), true) => "it stands for rows that it does not name: compare them",
                (Some(_), _) => "legacy lost the write, which nothing here is copied to",
                (None, _) => "either side may have lost writes: compare its rows",
            };
            self.report.leave(&taint.lane, why);
        }
        due
    }

    /// Brings entities up to date in the order of their tables, so that rows come after those that
    /// they refer to, and go before them, whosever they are.
    async fn bring(&mut self, entities: BTreeSet<Entity>) -> Result<(), MirroredError> {
        let mut entities: Vec<Entity> = entities.into_iter().collect();
        entities.sort_by_key(|(entity, _)| place(&self.sides.plan, entity));
        let mut read: HashSet<Entity> = HashSet::new();
        let mut gone: Vec<(Entity, Gone<'r>)> = Vec::new();
        for entity in entities {
            let one = self.one(&entity).await?;
            read.extend(one.touched);
            gone.extend(one.gone.into_iter().map(|gone| (entity.clone(), gone)));
            match one.done {
                Ok(synced) => {
                    self.report.entities = self.report.entities.saturating_add(1);
                    self.report.rows.add(&synced);
                    if synced.refused > 0 {
                        let why = "a row of it is refused, and kept in cutover_quarantine";
                        self.hopeless.insert(entity.clone(), why.to_owned());
                    } else {
                        self.hopeless.remove(&entity);
                    }
                }
                Err(why) => drop(self.hopeless.insert(entity.clone(), why)),
            }
            read.insert(entity);
        }
        self.delete(gone).await?;
        self.last = self.hold.mark().await?;
        let last = self.last;
        self.reads
            .extend(read.into_iter().map(|entity| (entity, last)));
        Ok(())
    }

    /// Deletes what the source has no more, the last tables first. A row that something else refers to
    /// stays, and its entity is not up to date.
    async fn delete(&mut self, mut gone: Vec<(Entity, Gone<'r>)>) -> Result<(), MirroredError> {
        let plan = &self.sides.plan;
        let position = |(table, _): &Gone<'r>| {
            let mut tables = plan.tables.iter();
            tables.position(|other| other.source == table.source)
        };
        gone.sort_by_key(|(_, gone)| std::cmp::Reverse(position(gone)));
        for (entity, gone) in gone {
            match sync::delete(&*self.sides.target, &gone).await? {
                Ok(deleted) => {
                    let rows = &mut self.report.rows;
                    rows.deleted = rows.deleted.saturating_add(deleted);
                }
                Err(why) => {
                    let why = format!(
                        "the source has a row of {} no more, and the target keeps it: {why}",
                        gone.0.source
                    );
                    self.hopeless.insert(entity, why);
                }
            }
        }
        Ok(())
    }

    /// Brings one entity up to date, but for rows that go; or says why that can't be.
    async fn one(&self, (entity, id): &Entity) -> Result<One<'r>, MirroredError> {
        let sides = self.sides;
        let (plan, source, target) = (&sides.plan, &*sides.source, &*sides.target);
        let not_done = |why: String| One {
            touched: Vec::new(),
            gone: Vec::new(),
            done: Err(why),
        };
        let reach = match sync::reach(plan, source, target, entity, id).await {
            Ok(reach) => reach,
            Err(error @ SyncError::Failed { .. }) => return Err(error.into()),
            Err(error) => return Ok(not_done(error.to_string())),
        };
        let pairs: Vec<Pair> = reach
            .touched
            .iter()
            .map(|row| Pair {
                entity: row.entity.clone(),
                legacy: row.from.clone(),
                modern: row.to.clone(),
            })
            .collect();
        if let Some(known) = self.proxy.contradictions(&pairs).await?.first() {
            // Writing it under the mapping's id would overwrite another row.
            return Ok(not_done(format!(
                "{}:{} is {} on modern's side by what the proxy has learned, and the mapping gives \
                 another id",
                known.entity, known.legacy, known.modern
            )));
        }
        let (synced, gone) = reach.apply(source, target).await?;
        let made = |entity: &str| {
            let of = |(made, _): &(String, usize)| made == entity;
            plan.tables
                .iter()
                .any(|table| table.generates.as_ref().is_some_and(of))
        };
        // Before anything is delivered that may name them.
        let pairs: Vec<Pair> = pairs
            .into_iter()
            .filter(|pair| made(&pair.entity))
            .collect();
        self.proxy.tell_pairs(&pairs).await?;
        let touched = reach.touched.into_iter().map(|row| (row.entity, row.from));
        Ok(One {
            touched: touched.collect(),
            gone,
            done: Ok(synced),
        })
    }

    /// Why what is named is not up to date, if it is not.
    fn fault(&self, names: &Names) -> Option<String> {
        let hopeless = names.known.iter().find_map(|entity| {
            let why = self.hopeless.get(entity)?;
            Some(format!("{}:{}: {why}", entity.0, entity.1))
        });
        let any = names.any.first();
        hopeless.or_else(|| any.map(|lane| format!("{lane}: its answer named no id")))
    }

    async fn settle(&mut self, work: &Work<'_>) -> Result<(), MirroredError> {
        let mut good: Vec<u64> = Vec::new();
        for (write, names) in &work.writes {
            let Some(why) = self.fault(names) else {
                good.push(write.number);
                continue;
            };
            for lane in &write.doubt {
                // It is tainted now, and looking at it again would end the same way.
                self.report.leave(lane, &why);
            }
            let lost = self.hold.settle(&[write.number], Some(&why)).await?;
            self.report.lost = self.report.lost.saturating_add(lost);
        }
        let settled = self.hold.settle(&good, None).await?;
        self.report.settled = self.report.settled.saturating_add(settled);
        Ok(())
    }

    async fn clear(&mut self, work: &Work<'_>) -> Result<(), MirroredError> {
        for (taint, names) in &work.taints {
            if let Some(why) = self.fault(names) {
                self.report.leave(&taint.lane, &why);
            } else if self.proxy.clear(&taint.lane, &taint.tag).await? {
                self.report.cleared = self.report.cleared.saturating_add(1);
                self.report.left.retain(|left| left.what != taint.lane);
            }
            // Otherwise another write was lost there, and the next round sees its tag.
        }
        Ok(())
    }
}

/// The place of an entity's table among those that are loaded.
fn place(plan: &Plan, entity: &str) -> usize {
    let of = |table: &crate::plan::TablePlan| table.entity.as_deref() == Some(entity);
    plan.tables.iter().position(of).unwrap_or(usize::MAX)
}
