//! What the service counts, for Prometheus.

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::registry::Registry;

use super::run::{Kind, State, TableProgress};

/// Counts since the service began.
#[derive(Debug, Clone, Default)]
pub(super) struct Metrics {
    ended: Family<Ended, Counter>,
    rows: Family<Handled, Counter>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Ended {
    kind: &'static str,
    state: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Handled {
    kind: &'static str,
    table: String,
}

impl Metrics {
    pub(super) fn register(&self, registry: &mut Registry) {
        let help = "Runs that ended, by what they did and how they ended";
        registry.register("data_runs", help, self.ended.clone());
        let help = "Rows that ended runs handled, by the source's table";
        registry.register("data_rows", help, self.rows.clone());
    }

    /// Counts a run that has ended.
    pub(super) fn ended(&self, kind: Kind, state: State, tables: &[TableProgress]) {
        let (kind, state) = (kind.as_str(), state.as_str());
        self.ended.get_or_create(&Ended { kind, state }).inc();
        for table in tables {
            let table_name = table.table.clone();
            let handled = Handled {
                kind,
                table: table_name,
            };
            self.rows.get_or_create(&handled).inc_by(table.rows);
        }
    }
}
