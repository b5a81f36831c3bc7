//! The way back: which row of the source a row of the target came from.

use super::Plan;
use crate::mapping::Change;
use crate::store::Naming;
use crate::transform::convert;
use crate::value::{Key, Value};

impl Naming for Plan {
    fn source_key(&self, source: &str, key: &[(String, String)]) -> Option<String> {
        let table = self.tables.iter().find(|table| table.source == source)?;
        let value = |position: &usize| {
            let column = table.destination.columns.get(*position)?;
            let (_, text) = key.iter().find(|(name, _)| *name == column.name)?;
            convert(&Value::text(text), &column.kind, &Change::default()).ok()
        };
        let values: Option<Box<[Value]>> = table.destination.key.iter().map(value).collect();
        Some(table.source_key(&Key(values?))?.id())
    }

    fn entity(&self, source: &str) -> Option<String> {
        let table = self.tables.iter().find(|table| table.source == source)?;
        let (entity, _) = table.generates.as_ref()?;
        Some(entity.clone())
    }
}
