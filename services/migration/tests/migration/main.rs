//! Migration on real databases, and what the services answer on them afterwards.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "in a test, what is not there is a failed test"
)]

mod answers;
mod bad_rows;
mod commands;
mod quirks;
mod runs;
mod sides;
mod sql_server;
mod stops;

/// Makes a test of each claim of one module here; `seeded` of the invoking module gives the sides.
macro_rules! claims {
    ($module:ident { $($claim:ident)* }) => {
        mod $module {
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $claim() {
                    if let Some(sides) = super::seeded().await {
                        crate::$module::$claim(&sides).await;
                    }
                }
            )*
        }
    };
}

/// What holds between any two databases.
macro_rules! suite {
    () => {
        claims!(answers {
            modern_answers_as_the_monolith_does_but_for_the_quirks
        });
        claims!(quirks {
            what_the_comparator_finds_is_the_list_of_quirks_and_nothing_else
        });
        claims!(runs {
            a_second_run_changes_nothing
            a_row_that_is_gone_from_the_source_goes_only_where_that_is_asked_for
            a_source_that_is_suddenly_empty_empties_nothing
            an_order_is_brought_up_to_date_with_its_lines
            a_line_that_moved_to_another_order_is_moved_and_not_deleted
            a_changed_row_is_brought_up_to_date_and_only_that
            a_finished_table_is_left_alone_where_that_is_asked_for
            trailing_blanks_of_padded_columns_do_not_come_over
        });
        claims!(stops {
            a_run_that_was_cut_short_goes_on_where_it_stopped
            a_run_by_another_mapping_begins_at_the_first_row_and_says_so
            a_run_by_a_mapping_of_the_same_rows_goes_on_where_the_last_stopped
            a_killed_run_neither_loses_nor_doubles_a_row
        });
    };
}

/// What holds where the legacy database takes any value.
macro_rules! suite_of_bad_rows {
    () => {
        claims!(bad_rows {
            bad_rows_are_refused_with_table_key_and_reason_and_the_rest_arrives
            a_table_without_a_good_row_is_refused_to_its_last
        });
    };
}

mod sqlite_to_sqlite {
    use crate::sides::sqlite_to_sqlite as seeded;
    suite!();
    suite_of_bad_rows!();
}

mod sqlite_to_postgres {
    use crate::sides::sqlite_to_postgres as seeded;
    suite!();
    suite_of_bad_rows!();
}

mod sql_server_to_postgres_if_given {
    use crate::sides::sql_server_to_postgres as seeded;
    suite!();
}
