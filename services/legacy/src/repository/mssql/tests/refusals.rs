//! Which rule an error of the server stands for.

use super::{
    asking::{answering, new_customer, new_invoice, new_order},
    tokens::error,
};
use crate::repository::{CustomerRepository, InvoiceRepository, OrderRepository, RepositoryError};

#[tokio::test]
async fn a_number_of_the_servers_is_the_rule_that_it_stands_for() {
    use RepositoryError::{
        AmountTooLarge, DiscountAboveSubtotal, DuplicateEmail, InvoiceExists, Store,
        UnknownCustomer, UnknownOrder,
    };
    type Expected = fn(&[RepositoryError; 3]) -> bool;
    let cases: [(i32, &str, Expected); 11] = [
        (2627, "key 'UQ_Customers_Email'", |e| {
            matches!(e, [DuplicateEmail, Store(_), Store(_)])
        }),
        (2601, "index 'UQ_Customers_Email'", |e| {
            matches!(e[0], DuplicateEmail)
        }),
        (2627, "key 'UQ_Invoices_OrderId'", |e| {
            matches!(e, [Store(_), Store(_), InvoiceExists])
        }),
        (2627, "key 'UQ_Invoices_Number'", |e| {
            matches!(e[2], Store(_))
        }),
        (547, "'FK_Orders_Customers'", |e| {
            matches!(e, [Store(_), UnknownCustomer, Store(_)])
        }),
        (547, "'CK_Orders_Status'", |e| matches!(e[1], Store(_))),
        (51001, "", |e| matches!(e[1], UnknownCustomer)),
        (51002, "", |e| matches!(e[2], UnknownOrder)),
        (51003, "", |e| matches!(e[2], DiscountAboveSubtotal)),
        (8115, "numeric", |e| {
            matches!(e, [_, AmountTooLarge(_), AmountTooLarge(_)])
        }),
        (8114, "nvarchar to numeric", |e| {
            matches!(e[1], AmountTooLarge(_))
        }),
    ];
    for (number, message, expected) in cases {
        let (_fake, repository) = answering(error(number, 14, message)).await;
        let errors = [
            repository
                .create_customer(&new_customer())
                .await
                .unwrap_err(),
            repository.create_order(&new_order()).await.unwrap_err(),
            repository.create_invoice(&new_invoice()).await.unwrap_err(),
        ];
        assert!(expected(&errors), "{number} {message}: {errors:?}");
    }
}
