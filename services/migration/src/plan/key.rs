//! Whether the target's key names each of the source's rows by a name of its own: were two rows
//! given one, the second would overwrite the first without a word.
//!
//! What a mapping does to all values of a column is judged here, once. Where it depends on the
//! value, as with texts that become integers ("1" and "01"), the step is told to refuse a value
//! that would not come back.

use super::judge::Judge;
use crate::mapping::Trim;
use crate::schema::{ColumnSchema, Type};
use crate::store::{Destination, Select};
use crate::transform::{Reading, Step};

impl Judge<'_> {
    /// The target's key must be made of the source's, and of all of it.
    pub(super) fn target_key(
        &mut self,
        destination: &mut Destination,
        steps: &mut [Step],
        select: &Select,
    ) {
        if self.to.key.is_empty() {
            self.problem(format!(
                "`{}` has no primary key, so no row of it can be found again",
                self.to.name
            ));
        }
        let mut used = Vec::new();
        for name in &self.to.key {
            let columns = &destination.columns;
            let Some(position) = columns.iter().position(|column| column.name == *name) else {
                let column = self.to.column(name);
                if column.is_some_and(|column| column.optional || column.nullable) {
                    self.problem(format!(
                        "`{}.{name}` is the key, and nothing fills it",
                        self.to.name
                    ));
                }
                continue;
            };
            destination.key.push(position);
            if let Some(step) = steps.get_mut(position) {
                self.names_rows(name, step, select);
                used.extend_from_slice(step.reading.positions());
            }
        }
        let whole = !used.is_empty() && select.key.iter().all(|at| used.contains(at));
        let own = used.iter().all(|at| select.key.contains(at));
        let complete = !select.key.is_empty()
            && !self.to.key.is_empty()
            && destination.key.len() == self.to.key.len();
        if complete && !(whole && own) {
            let columns = select.key_columns().map(|column| column.name.as_str());
            self.problem(format!(
                "the key of `{}` ({}) is not made of the key of `{}` ({})",
                self.to.name,
                self.to.key.join(", "),
                self.from.name,
                columns.collect::<Vec<_>>().join(", "),
            ));
        }
    }

    /// A column of the key: different values stay different.
    fn names_rows(&mut self, name: &str, step: &mut Step, select: &Select) {
        let positions = step.reading.positions().iter();
        let columns: Vec<&ColumnSchema> =
            positions.filter_map(|at| select.columns.get(*at)).collect();
        let kinds: Vec<&Type> = columns.iter().map(|column| &column.kind).collect();
        let mut change = step.change.clone();
        // Blanks at the end tell no values of `char(n)` apart.
        let padded = |kind: &&Type| matches!(kind, Type::Text { padded: true, .. });
        if change.trim == Trim::End && kinds.iter().all(padded) {
            change.trim = Trim::None;
        }
        // A UUID's letters have no case: this one only says how the source writes them.
        let spelled = matches!(kinds.as_slice(), [Type::Text { .. }]) && step.kind == Type::Uuid;
        if spelled {
            change.case = None;
        }
        if change.loses() || matches!(step.reading, Reading::Part(..)) {
            self.problem(format!(
                "`{}.{name}` is the key, and different rows could be given one: it may not be trimmed, \
                 cased, mapped, rounded or split",
                self.to.name
            ));
        }
        match (&step.reading, kinds.as_slice()) {
            (Reading::Joined(_, between), _) if !comes_apart(&columns, between, &step.kind) => {
                self.problem(format!(
                    "`{}.{name}` is the key, and different rows could be given one: what is joined must \
                     come apart again at {between:?}, and may not be null",
                    self.to.name
                ));
            }
            (Reading::At(_), [from])
                if step.change.id_of.is_none() && !stays_apart(from, &step.kind) =>
            {
                step.names = Some((*from).clone());
            }
            _ => {}
        }
    }
}

/// Whether what was joined can be told again from the text: no value but the last has the
/// separator in it, and none is left out.
fn comes_apart(columns: &[&ColumnSchema], between: &str, to: &Type) -> bool {
    let Some((_, before)) = columns.split_last() else {
        return false;
    };
    let without = |column: &&ColumnSchema| match column.kind {
        Type::Int { .. } | Type::Decimal { .. } | Type::Date => {
            between.starts_with(|first: char| !first.is_ascii_digit() && !"-.".contains(first))
        }
        Type::Uuid => between.starts_with(|first: char| !first.is_ascii_hexdigit() && first != '-'),
        _ => false,
    };
    matches!(to, Type::Text { .. })
        && before.iter().all(without)
        && columns.iter().all(|column| !column.nullable)
}

/// Whether no two values of one type become one value of the other, or else are refused.
fn stays_apart(from: &Type, to: &Type) -> bool {
    use Type::{Bool, Bytes, Date, Decimal, Instant, Int, Naive, Text, Time, Uuid};
    match (from, to) {
        // "1" and "01"; "T" and "true"; capitals of a UUID; a time of several zones.
        (Text { .. }, to) => matches!(to, Text { .. } | Date),
        // An hour that comes twice.
        (Instant { .. }, Naive { .. }) => false,
        (
            Naive { digits } | Instant { digits } | Time { digits },
            Naive { digits: kept } | Instant { digits: kept } | Time { digits: kept },
        ) => digits <= kept,
        (
            Int { .. }
            | Decimal { .. }
            | Bool
            | Date
            | Bytes
            | Uuid
            | Naive { .. }
            | Instant { .. }
            | Time { .. },
            _,
        ) => true,
        _ => false,
    }
}
