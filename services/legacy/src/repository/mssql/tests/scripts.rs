//! What can be said about the scripts without running them.

use std::collections::BTreeSet;

use kit::Money;
use rust_decimal::Decimal;

use crate::repository::mssql::scripts::{SCRIPTS, batches, quoted};

/// A batch without its comments.
fn code(batch: &str) -> String {
    let lines = batch.lines().map(|line| line.split("--").next().unwrap());
    lines.collect::<Vec<_>>().join("\n")
}

fn words(batch: &str) -> BTreeSet<String> {
    let words = code(batch).to_uppercase();
    let words = words.split(|letter: char| !letter.is_alphanumeric() && letter != '_');
    words.map(str::to_owned).collect()
}

fn all() -> Vec<String> {
    SCRIPTS.iter().flat_map(|(_, text)| batches(text)).collect()
}

#[test]
fn a_line_that_says_go_and_nothing_else_ends_a_batch() {
    let script = "SELECT 1\nGO\n\n go \nSELECT 'GO'\nGO -- on\nSELECT GO\r\nGo\r\nSELECT 2";
    let expected = [
        "SELECT 1\n",
        "SELECT 'GO'\nGO -- on\nSELECT GO\n",
        "SELECT 2\n",
    ];
    assert_eq!(batches(script), expected);
    assert!(batches("\nGO\nGO\n").is_empty());
}

#[test]
fn a_quoted_name_cannot_end_early() {
    assert_eq!(quoted("a]; DROP TABLE b; --"), "[a]]; DROP TABLE b; --]");
}

#[test]
fn no_batch_uses_what_is_forbidden_or_inexact() {
    let forbidden = [
        "MERGE",
        "WAITFOR",
        "CHECKSUM_AGG",
        "FLOAT",
        "REAL",
        "USE",
        "DROP",
        "NOLOCK",
        "FORMAT",
    ];
    for batch in all() {
        for word in forbidden {
            assert!(!words(&batch).contains(word), "{word} in\n{batch}");
        }
    }
}

#[test]
fn a_module_begins_its_batch_and_replaces_itself() {
    for batch in all() {
        let code = code(&batch);
        if words(&batch).contains("PROCEDURE") || words(&batch).contains("FUNCTION") {
            assert!(code.trim_start().starts_with("CREATE OR ALTER "), "{code}");
            assert!(code.trim_end().ends_with("END;"), "{code}");
        }
    }
}

#[test]
fn a_throw_is_never_the_first_statement_of_a_block() {
    // What precedes THROW has to be ended, or Microsoft's own parser takes `BEGIN` for the
    // beginning of something else.
    for batch in all() {
        let code = code(&batch);
        let words: Vec<&str> = code.split_whitespace().collect();
        assert!(
            !words.windows(2).any(|pair| pair == ["BEGIN", "THROW"]),
            "{code}"
        );
    }
}

#[test]
fn a_table_that_is_there_is_left_alone() {
    let tables = all()
        .into_iter()
        .filter(|batch| batch.contains("CREATE TABLE"));
    for batch in tables {
        assert!(
            code(&batch).trim_start().starts_with("IF OBJECT_ID(N'dbo."),
            "{batch}"
        );
    }
}

#[test]
fn a_transaction_is_rolled_back_by_every_error() {
    let mut transactions = 0;
    for batch in all()
        .into_iter()
        .filter(|batch| words(batch).contains("TRANSACTION"))
    {
        transactions += 1;
        for needed in [
            "SET XACT_ABORT ON;",
            "BEGIN TRANSACTION;",
            "COMMIT TRANSACTION;\n    END TRY",
            "IF @@TRANCOUNT > 0\n            ROLLBACK TRANSACTION;\n        THROW;",
        ] {
            assert_eq!(batch.matches(needed).count(), 1, "{needed} in\n{batch}");
        }
    }
    assert_eq!(transactions, 4);
}

#[test]
fn every_procedure_that_is_called_is_there_and_has_the_parameters() {
    let calls = [
        include_str!("../customers.rs"),
        include_str!("../orders.rs"),
        include_str!("../invoices.rs"),
        include_str!("../seeding.rs"),
    ];
    let mut called = 0;
    for source in calls {
        for call in source.split("Call::of(\"").skip(1) {
            let procedure = call.split('"').next().unwrap();
            let call = call.split("pool").next().unwrap();
            let batch = all()
                .into_iter()
                .find(|batch| batch.contains(&format!("PROCEDURE {procedure}\n")));
            let batch = batch.unwrap_or_else(|| panic!("{procedure} is not in the scripts"));
            let parameters = batch.split("\nAS\n").next().unwrap();
            for parameter in call.split('"').skip(2).step_by(2) {
                assert!(
                    parameters.contains(&format!("@{parameter} ")),
                    "{procedure} has no @{parameter}"
                );
            }
            called += 1;
        }
    }
    assert_eq!(called, 9);
}

#[test]
fn the_way_of_round_half_even_is_the_rounding_of_the_other_database() {
    // dbo.RoundHalfEven, step by step.
    let rounded = |exact: Decimal| {
        let rounded = Money::half_up(exact).decimal();
        let cents = (rounded * Decimal::ONE_HUNDRED).trunc();
        let odd = cents % Decimal::TWO == Decimal::ONE;
        if rounded - exact == Decimal::new(5, 3) && odd {
            rounded - Decimal::new(1, 2)
        } else {
            rounded
        }
    };
    for thousandths in 0..4000 {
        let exact = Decimal::new(thousandths, 3);
        assert_eq!(rounded(exact), Money::half_even(exact).decimal(), "{exact}");
    }
}
