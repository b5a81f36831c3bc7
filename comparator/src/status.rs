//! Statuses: the code, or its class alone.

use crate::report::Report;
use crate::rules::{Hits, Rules, Scalar, Verb};
use crate::{Discrepancy, Kind};

/// Compares two statuses; says whether they differ for all that the rules allow.
pub(crate) fn compare(
    legacy: u16,
    modern: u16,
    rules: &Rules,
    report: &mut Report,
    hits: &mut Hits,
) -> bool {
    if legacy == modern {
        return false;
    }
    let same_class = legacy / 100 == modern / 100;
    for verb in [Verb::SameClass, Verb::Ignore] {
        if let Some((rule, _)) = rules.ruling(&rules.status, verb)
            && (verb == Verb::Ignore || same_class)
        {
            hits.add(rule);
            return false;
        }
    }
    let (legacy, modern) = (legacy.to_string(), modern.to_string());
    let [mine, theirs] = [&legacy, &modern].map(|status| Scalar::text(status));
    if rules.allow(&rules.status, mine, theirs, hits) {
        return false;
    }
    report.add(|| Discrepancy {
        path: "status".to_owned(),
        kind: Kind::Status,
        legacy: Some(legacy),
        modern: Some(modern),
    });
    true
}
