//! Which stored findings one more rule would hide.

use super::judge::{Judged, Trial};
use super::stored::Stored;
use crate::journal::{FindingSummary, JournalError, Reader};
use crate::routing::{Route, Table};
use comparator::{RuleConfig, RuleError, Rules};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// What a rule would do.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Preview {
    /// Findings that it hides in a sample, though the rules of today do not.
    pub hides: Vec<Hidden>,
    /// Findings that it was held against.
    pub checked: usize,
    /// Of these, the ones whose samples are redacted or shortened where it matters, or gone.
    pub untold: usize,
}

/// A finding that a rule would hide.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Hidden {
    /// The fingerprint.
    pub id: String,
    /// The route.
    pub route: String,
    /// Where, array positions as `*`.
    pub path: String,
    /// One line about it.
    pub explanation: String,
    /// Exchanges in which it was seen.
    pub count: u64,
    /// Samples in which the rule hides it.
    pub samples: usize,
    /// Samples that can tell.
    pub of: usize,
}

/// Why a rule can't be previewed.
#[derive(Debug, thiserror::Error)]
pub enum PreviewError {
    /// No such route.
    #[error("no route is named {0:?}")]
    NoSuchRoute(String),
    /// The rule is wrong, or contradicts one that is there.
    #[error("the rule can't be added: {}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))]
    Rule(Vec<RuleError>),
    /// The journal can't be read.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// The comparison was abandoned by a defect; never expected.
    #[error("a comparison was abandoned: {0}")]
    Abandoned(#[from] tokio::task::JoinError),
}

/// Holds a rule against the stored findings of one route, or as one for all routes against all.
pub async fn preview(
    reader: &Reader,
    table: &Table,
    rule: &RuleConfig,
    route: Option<&str>,
) -> Result<Preview, PreviewError> {
    let mut preview = Preview::default();
    if let Some(name) = route {
        let missing = || PreviewError::NoSuchRoute(name.chars().take(80).collect());
        let route = table.route(name).ok_or_else(missing)?;
        let (global, own) = &*route.declared;
        let with = Trial::with(global, own, rule.clone(), table.day).map_err(PreviewError::Rule)?;
        try_on((table, route), with, reader, &mut preview).await?;
        return Ok(preview);
    }
    for route in &table.routes {
        let (global, own) = &*route.declared;
        let mut global = global.clone();
        global.rules.push(rule.clone());
        Rules::try_from(&global).map_err(PreviewError::Rule)?;
        let with = Trial::new(&global, own, table.day).map_err(PreviewError::Rule)?;
        try_on((table, route), with, reader, &mut preview).await?;
    }
    Ok(preview)
}

async fn try_on(
    (table, route): (&Table, &Route),
    with: Trial,
    reader: &Reader,
    preview: &mut Preview,
) -> Result<(), PreviewError> {
    let (global, own) = &*route.declared;
    let without = Trial::new(global, own, table.day).map_err(PreviewError::Rule)?;
    let trials = Arc::new((without, with));
    let mut stored = Stored::of(reader, &route.name);
    while let Some(detail) = stored.next().await? {
        let trials = Arc::clone(&trials);
        // A comparison may take a while, and other tasks want their turn.
        let judged = tokio::task::spawn_blocking(move || {
            let judge = |trial: &Trial| -> Vec<Judged> {
                let samples = detail.samples.iter();
                samples
                    .map(|sample| trial.one(&detail.finding, &sample.exchange))
                    .collect()
            };
            let judged = (judge(&trials.0), judge(&trials.1));
            (detail.finding, judged)
        });
        let (finding, (without, with)) = judged.await?;
        preview.note(finding, &without, &with);
    }
    Ok(())
}

impl Preview {
    fn note(&mut self, finding: FindingSummary, without: &[Judged], with: &[Judged]) {
        self.checked += 1;
        let of = with.iter().filter(|&&j| j != Judged::CannotTell).count();
        self.untold += usize::from(of == 0);
        let newly = without
            .iter()
            .zip(with)
            .filter(|(without, with)| (**without, **with) == (Judged::Shows, Judged::Hidden));
        let samples = newly.count();
        if samples > 0 {
            self.hides.push(Hidden {
                id: finding.id,
                route: finding.route,
                path: finding.path,
                explanation: finding.explanation,
                count: finding.count,
                samples,
                of,
            });
        }
    }
}
