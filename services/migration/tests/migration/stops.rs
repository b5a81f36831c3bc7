//! Runs that end before their time.

use std::{
    process::Command,
    time::{Duration, Instant},
};

use migration_service::load::Options;

use crate::sides::{MAPPING, Sides};

/// Lets the modern database break over one customer, and not by refusing it.
const FAULT_OF_SQLITE: &str = "CREATE TRIGGER fault AFTER INSERT ON customers WHEN NEW.id = '1500'
     BEGIN SELECT json('no json'); END;";
const FAULT_OF_POSTGRES: &str = "CREATE FUNCTION fault() RETURNS trigger LANGUAGE plpgsql AS
     $$ BEGIN RAISE 'out of disk' USING ERRCODE = '53100'; END $$;
     CREATE TRIGGER fault AFTER INSERT ON customers FOR EACH ROW WHEN (NEW.id = '1500')
     EXECUTE FUNCTION fault();";

impl Sides {
    /// What lets the modern database break over a customer, and what mends that.
    fn fault(&self) -> (&'static str, &'static str) {
        if self.modern.starts_with("sqlite:") {
            (FAULT_OF_SQLITE, "DROP TRIGGER fault")
        } else {
            (FAULT_OF_POSTGRES, "DROP TRIGGER fault ON customers")
        }
    }
}

pub(crate) async fn a_run_that_was_cut_short_goes_on_where_it_stopped(sides: &Sides) {
    let one_part = Options {
        parallel: 1,
        ..Options::default()
    };
    sides.add_customers(2500).await;
    let (fault, mend) = sides.fault();
    sides.change_modern(fault).await;
    let error = sides.migrate_with(&one_part).await.unwrap_err();
    let error = error.to_string();
    assert!(
        error.starts_with("could not write ") && error.ends_with("customers"),
        "{error}"
    );
    sides.change_modern(mend).await;
    let report = sides.migrate_with(&one_part).await.unwrap();
    // The first page had been committed with its checkpoint; the second was undone as a whole.
    let customers = &report.tables[0];
    assert_eq!((customers.read, customers.written), (1500, 1500));
    assert_eq!(sides.differences().await, Vec::<String>::new());
}

/// What becomes of the customers in a run that follows one that was cut short after a thousand of
/// them, with these lines more in the mapping.
async fn after_a_cut(sides: &Sides, lines: &str) -> serde_json::Value {
    sides.add_customers(2500).await;
    let (fault, mend) = sides.fault();
    sides.change_modern(fault).await;
    let one_part = Options {
        parallel: 1,
        ..Options::default()
    };
    sides.migrate_with(&one_part).await.unwrap_err();
    assert!(sides.modern_number("SELECT count(*) FROM customers").await > 0);
    sides.change_modern(mend).await;
    let mapping = std::fs::read_to_string(MAPPING).unwrap();
    let with_lines = format!("to = \"customers\"\n{lines}");
    let mapping = mapping.replacen("to = \"customers\"", &with_lines, 1);
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("mapping.toml");
    std::fs::write(&file, mapping).unwrap();
    let run = Command::new(env!("CARGO_BIN_EXE_cutover-data"))
        .args(["migrate", "--json", "--mapping"])
        .arg(file)
        .args(["--from", &sides.legacy, "--to", &sides.modern])
        .output()
        .unwrap();
    let mut report: serde_json::Value = serde_json::from_slice(&run.stdout).unwrap();
    report["tables"][0].take()
}

pub(crate) async fn a_run_by_another_mapping_begins_at_the_first_row_and_says_so(sides: &Sides) {
    let customers = after_a_cut(sides, "where = \"Id > 1\"").await;
    let (read, anew) = (&customers["read"], &customers["anew"]);
    assert_eq!((read, anew), (&2499.into(), &true.into()), "{customers:#}");
}

pub(crate) async fn a_run_by_a_mapping_of_the_same_rows_goes_on_where_the_last_stopped(
    sides: &Sides,
) {
    let customers = after_a_cut(sides, "feeder = \"database\"").await;
    let (read, anew) = (&customers["read"], &customers["anew"]);
    assert_eq!((read, anew), (&1500.into(), &false.into()), "{customers:#}");
}

pub(crate) async fn a_killed_run_neither_loses_nor_doubles_a_row(sides: &Sides) {
    const ROWS: u32 = 20_000;
    sides.add_customers(ROWS).await;
    let arrived = async || sides.modern_number("SELECT count(*) FROM customers").await;
    for pause in [0, 3, 11] {
        let before = arrived().await;
        let mut run = Command::new(env!("CARGO_BIN_EXE_cutover-data"))
            .args(["migrate", "--mapping", MAPPING])
            .args(["--from", &sides.legacy, "--to", &sides.modern])
            .spawn()
            .unwrap();
        let deadline = Instant::now() + Duration::from_mins(1);
        while arrived().await == before && Instant::now() < deadline {}
        // In the middle of the next page, as often as not.
        tokio::time::sleep(Duration::from_millis(pause)).await;
        run.kill().unwrap();
        run.wait().unwrap();
        end_of_sessions(sides).await;
    }
    let left = i64::from(ROWS) - arrived().await;
    assert!(left > 0, "no run was cut short");
    let report = sides.migrate().await;
    assert_eq!(report.tables[0].written, u64::try_from(left).unwrap());
    assert_eq!(arrived().await, i64::from(ROWS));
    assert_eq!(sides.differences().await, Vec::<String>::new());
}

/// Waits until a server has noticed that its client is dead: it may be about to commit.
async fn end_of_sessions(sides: &Sides) {
    let sessions = "SELECT count(*) FROM pg_stat_activity
         WHERE application_name = 'cutover-data' AND datname = current_database()";
    while sides.modern.starts_with("postgres:") && sides.modern_number(sessions).await > 0 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}
