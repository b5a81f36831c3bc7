//! The headers that the rules name, each as the list of its values.

use http::{HeaderMap, HeaderName, HeaderValue};

use crate::content::same_header;
use crate::report::{Report, shorten, shorten_pair};
use crate::{Discrepancy, Kind};

/// Compares the named headers and reports how they differ.
pub(crate) fn compare(
    legacy: &HeaderMap,
    modern: &HeaderMap,
    names: &[HeaderName],
    report: &mut Report,
) {
    for name in names {
        let mine: Vec<_> = legacy.get_all(name).iter().collect();
        let theirs: Vec<_> = modern.get_all(name).iter().collect();
        let mut pairs = mine.iter().zip(&theirs);
        let same = mine.len() == theirs.len() && pairs.all(|(a, b)| same_header(name, a, b));
        if !same {
            report.add(|| {
                let (legacy, modern) = match (joined(&mine), joined(&theirs)) {
                    (Some(mine), Some(theirs)) => {
                        let (mine, theirs) = shorten_pair(&mine, &theirs);
                        (Some(mine), Some(theirs))
                    }
                    (mine, theirs) => {
                        (mine.as_deref().map(shorten), theirs.as_deref().map(shorten))
                    }
                };
                Discrepancy {
                    path: format!("headers/{name}"),
                    kind: Kind::Header,
                    legacy,
                    modern,
                }
            });
        }
    }
}

/// A header's values in one line; `None` if it is not there.
fn joined(values: &[&HeaderValue]) -> Option<String> {
    let values = values
        .iter()
        .map(|value| String::from_utf8_lossy(value.as_bytes()));
    let values: Vec<_> = values.collect();
    (!values.is_empty()).then(|| values.join(", "))
}
