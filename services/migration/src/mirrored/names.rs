//! What the lanes of a write name, in the mapping's terms.

use std::collections::HashSet;

use crate::plan::Plan;

/// An entity of the mapping: its name, and the source's id.
pub(super) type Entity = (String, String);

/// What the lanes of a write, or of a taint, name.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Names {
    /// Entities that can be brought up to date by key.
    pub(super) known: Vec<Entity>,
    /// Lanes that stand for rows which nobody can name.
    pub(super) any: Vec<String>,
}

impl Names {
    pub(super) fn of<'l>(plan: &Plan, lanes: impl Iterator<Item = &'l str>) -> Self {
        let mut names = Self::default();
        for lane in lanes {
            let Some((entity, id)) = lane.split_once(':') else {
                // `*` stands for everything there is.
                names.any.push(lane.to_owned());
                continue;
            };
            let known = |table: &crate::plan::TablePlan| table.entity.as_deref() == Some(entity);
            if !plan.tables.iter().any(known) {
                continue;
            }
            // A long value is told by its hash, and `*` stands for any.
            if id == "*" || id.starts_with('#') {
                names.any.push(lane.to_owned());
            } else {
                names.known.push((entity.to_owned(), id.to_owned()));
            }
        }
        names.any.retain(|lane| {
            let entity = lane.strip_suffix(":*");
            !entity.is_some_and(|entity| comes_along(plan, entity, &names.known))
        });
        names
    }

    /// Whether the mapping knows nothing of what it names.
    pub(super) fn is_empty(&self) -> bool {
        self.known.is_empty() && self.any.is_empty()
    }
}

/// Whether rows of an entity come along with one of these.
fn comes_along(plan: &Plan, entity: &str, with: &[Entity]) -> bool {
    let parents: HashSet<&str> = with.iter().map(|(entity, _)| entity.as_str()).collect();
    let mut tables = plan
        .tables
        .iter()
        .filter(|table| table.entity.as_deref() == Some(entity));
    tables.all(|table| {
        let parent = table.parent.as_ref();
        parent.is_some_and(|(parent, _)| parents.contains(parent.as_str()))
    })
}
