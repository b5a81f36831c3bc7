//! The monolith through its API, on each of its databases: the shared contract, its quirks, and
//! what the seed brings. Each test has a server and a seeded database of its own.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "in a test, what is not there is a failed test"
)]

mod fuzz;
mod quirks;
mod seeded;
mod sql_server;
mod sqlite;

/// Makes a test of each claim of one module here.
macro_rules! claims {
    ($module:ident { $($claim:ident)* }) => {
        mod $module {
            $(
                #[tokio::test]
                async fn $claim() {
                    if let Some(target) = super::monolith().await {
                        crate::$module::$claim(&target).await;
                    }
                }
            )*
        }
    };
}

/// Makes every test of a database, which `monolith` of the invoking module starts on.
macro_rules! suite {
    () => {
        kit::contract_tests!(monolith);
        claims!(quirks {
            timestamps_have_no_zone_at_exactly_the_listed_paths
            half_a_cent_of_tax_goes_to_the_even_cent
            an_email_in_another_case_is_taken
            a_customers_orders_come_by_id
            amounts_below_ten_to_the_sixteenth_are_accepted
            a_price_ends_where_money_ends
        });
        claims!(seeded {
            a_key_in_another_spelling_is_not_found
            seeded_invoices_come_newest_first_and_paid_ones_say_when
            the_first_row_of_the_seed_is_always_the_same
        });
    };
}

mod on_sqlite {
    use crate::sqlite::monolith;
    suite!();
}

mod on_sql_server_if_given {
    use crate::sql_server::monolith;
    suite!();
}
