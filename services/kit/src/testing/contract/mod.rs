//! The contract as claims that any implementation is held against.
//!
//! Each claim is a function of a [`Target`](super::Target); the macros make one test of each. What
//! only the modern side promises, because it is a documented quirk of the other, is in [`modern`].

pub mod customers;
pub mod frame;
pub mod invoices;
pub mod modern;
pub mod orders;

mod samples;

use super::Answer;

/// Sends `count` requests at once and waits for every answer.
async fn at_once<'a, F: Future<Output = Answer> + 'a>(
    count: usize,
    send: impl Fn(usize) -> F,
) -> Vec<Answer> {
    futures::future::join_all((0..count).map(send)).await
}

/// Makes a test of every claim that both sides keep.
///
/// `start`, a function of the invoking module, is an `async fn() -> Target`, called once a test; it
/// gives an `Option<Target>` where the tests need a server that may not be there. The crate needs
/// tokio's `macros` and `rt-multi-thread`.
#[macro_export]
macro_rules! contract_tests {
    ($start:ident) => {
        $crate::claims!($start, customers {
            a_customer_is_made_and_read_back
            fields_that_were_left_out_are_null
            every_violated_rule_of_a_customer_is_listed
            malformed_json_is_a_violation
            an_email_already_there_is_a_duplicate
            of_eight_customers_racing_for_one_email_one_is_made
            an_unknown_customer_is_not_found
        });
        $crate::claims!($start, orders {
            an_order_is_made_and_read_back_with_relationships
            amounts_are_shown_with_two_decimals
            amounts_are_rounded_to_the_cent
            every_violated_rule_of_an_order_is_listed
            an_order_of_an_unknown_customer_is_an_invalid_reference
            an_amount_beyond_every_column_is_the_documented_500
            an_unknown_order_is_not_found
            the_orders_of_a_customer_are_filtered_by_activity
            any_other_value_of_is_active_is_no_filter
            a_customer_without_orders_has_an_empty_list
            the_orders_of_an_unknown_customer_are_not_found
        });
        $crate::claims!($start, invoices {
            an_invoice_is_a_draft_with_tax_and_total
            an_invoice_has_ten_percent_tax_unless_told
            an_invoice_is_read_back_as_it_was_made
            a_due_date_is_shown_as_a_calendar_date
            every_violated_rule_of_an_invoice_is_listed
            a_due_date_in_the_past_is_a_bad_request
            a_discount_above_the_subtotal_is_a_bad_request
            an_invoice_of_an_unknown_order_is_not_found
            a_second_invoice_of_an_order_is_a_conflict
            several_faults_are_judged_in_one_order
            of_eight_invoices_racing_for_one_order_one_is_made
            twenty_invoices_at_once_have_numbers_without_a_gap
            a_refused_invoice_leaves_no_gap
            invoices_are_listed_newest_first_and_filtered
            a_filter_that_can_match_nothing_gives_an_empty_list
            an_unknown_invoice_is_not_found
        });
        $crate::claims!($start, frame {
            health_says_ok_and_who
            readiness_says_ok
            an_unknown_path_is_not_found_in_json
            a_wrong_method_is_refused_in_json
            a_body_too_large_is_refused
            the_documentation_is_complete_and_needs_no_network
            requests_are_measured_by_route
        });
    };
}

/// Makes a test of every claim that the modern side alone keeps.
#[macro_export]
macro_rules! modern_contract_tests {
    ($start:ident) => {
        $crate::claims!($start, modern {
            timestamps_are_utc_to_the_millisecond
            tax_is_rounded_half_up
            emails_that_differ_in_case_are_two
            the_orders_of_a_customer_are_newest_first
            amounts_end_below_a_hundred_million
            a_mirrored_row_is_found_by_either_id
            references_and_filters_take_either_id
            a_row_that_has_the_id_wins_over_one_that_has_the_alias
            a_redelivered_write_answers_with_what_it_made
            a_malformed_primary_id_is_a_bad_request
            a_hundred_writes_of_both_services_at_once_all_succeed
        });
    };
}

/// Makes a test of each claim of one module here.
#[doc(hidden)]
#[macro_export]
macro_rules! claims {
    ($start:ident, $module:ident { $($claim:ident)* }) => {
        mod $module {
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $claim() {
                    let target: Option<$crate::testing::Target> = super::$start().await.into();
                    if let Some(target) = target {
                        $crate::testing::contract::$module::$claim(&target).await;
                    }
                }
            )*
        }
    };
}
