//! The first look at a table: counts and sums of its ranges on both sides.
//!
//! What is alike here need not be equal: two errors can cancel each other out.

use std::sync::Arc;

use super::ReconcileError;
use super::cause::Cause;
use super::findings::Tally;
use super::job::Job;
use super::report::Figures;
use crate::store::{Range, Select};
use crate::transform::{Reading, Step};
use crate::value::Number;

/// A column that can be added up on both sides.
struct Sum {
    source: usize,
    target: usize,
    /// Units of the source's numbers.
    units: u8,
}

/// Looks at a range of the source's keys, and at the same of the target's.
pub(super) async fn look(job: &Arc<Job>, range: &Range) -> Result<Figures, ReconcileError> {
    let sums: Vec<Sum> = sums(job);
    let target_range = job.target_range(range).map_err(|bad| ReconcileError::Key {
        table: job.table.source.clone(),
        key: bad.value,
        fault: bad.fault,
    })?;
    let at_source: Vec<usize> = sums.iter().map(|sum| sum.source).collect();
    let at_target: Vec<usize> = sums.iter().map(|sum| sum.target).collect();
    let (source, target) = (&job.source, &job.target);
    let (one, two) = tokio::join!(
        source.store.figures(&source.select, range, &at_source),
        target
            .store
            .figures(&target.select, &target_range, &at_target),
    );
    let one = one.map_err(|cause| source.failed(cause))?;
    let two = two.map_err(|cause| target.failed(cause))?;
    let added = one.sums.iter().zip(&two.sums).zip(&sums);
    let differing = added.filter_map(|((one, two), sum)| {
        // A sum that left 38 digits tells nothing.
        let (one, two) = ((*one)?, (*two)?);
        let one = Number::new(one.units(), one.scale().checked_add(sum.units)?)?;
        (one != two).then(|| job.judge.step(sum.target).map(|step| step.to.clone()))?
    });
    Ok(Figures {
        source: one.rows,
        target: two.rows,
        sums: differing.collect(),
    })
}

/// How many refused rows explain the figures, which then give no reason to look again: none where they
/// are alike, and else as many as the target lacks. Nothing where there are not so many.
pub(super) fn explained(figures: &Figures, refused: u64) -> Option<u64> {
    if figures.alike() {
        return Some(0);
    }
    let lacking = figures.source.checked_sub(figures.target)?;
    (1..=refused).contains(&lacking).then_some(lacking)
}

/// Adds to the findings what is not alike.
pub(super) fn tell(figures: &Figures, range: &Range, tally: &mut Tally) {
    let until = match &range.until {
        Some(key) => format!("up to {key}"),
        None => "up to the last".to_owned(),
    };
    if figures.source != figures.target {
        tally.row(Cause::Figures, None, &until, true);
    }
    for column in &figures.sums {
        tally.row(Cause::Figures, Some(column), &until, true);
    }
}

fn sums(job: &Job) -> Vec<Sum> {
    let steps = job.table.steps.iter().enumerate();
    steps
        .filter_map(|(target, step)| {
            let source = added(&job.table.select, step)?;
            let change = &step.change;
            Some(Sum {
                source,
                target,
                units: change.units.unwrap_or(0),
            })
        })
        .collect()
}

/// The source's column that adds up to the same as the step's, where there is one.
fn added(select: &Select, step: &Step) -> Option<usize> {
    let Reading::At(source) = step.reading else {
        return None;
    };
    let (change, compare) = (&step.change, &step.compare);
    let plain = !change.touches_texts() && !change.round && change.when_null.is_none();
    let exact = !compare.ignore && compare.number.is_none();
    let column = select.columns.get(source)?;
    let adds_up = column.kind.adds_up() && step.kind.adds_up();
    (plain && exact && adds_up).then_some(source)
}
