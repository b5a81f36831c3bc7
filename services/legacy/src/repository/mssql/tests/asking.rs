//! A repository on a fake server, what to ask it, and what it sent.

use kit::{
    extract::RequestBody,
    requests::{CreateCustomer, CreateInvoice, CreateOrder},
};

use super::fake::{Fake, Reply, limits};
use crate::repository::mssql::{MssqlRepository, pool::Pool};

pub(super) async fn answering(answer: Vec<u8>) -> (Fake, MssqlRepository) {
    let fake = Fake::start(move |request| match request.text.as_str() {
        "LOGIN" => Reply::Tokens(Vec::new()),
        _ => Reply::Tokens(answer.clone()),
    })
    .await;
    let pool = Pool::new(fake.address(), limits());
    (fake, MssqlRepository { pool })
}

/// The statement that the one request was.
pub(super) fn sent(fake: &Fake) -> String {
    let requests = fake.requests();
    assert_eq!(requests.len(), 1);
    let from = requests[0].find("EXECUTE").unwrap();
    // The declaration of the parameters follows, after bytes that are no text.
    let ascii = requests[0][from..].split(|letter: char| !(' '..='~').contains(&letter));
    ascii.take(1).collect()
}

fn body<T: RequestBody>(json: &str) -> T {
    T::parse(json.as_bytes()).unwrap()
}

pub(super) fn new_order() -> CreateOrder {
    body(
        r#"{"customerId":"7","status":"PENDING","total":1e300,"subtotal":20.5,
            "items":[{"productId":"tea","quantity":2,"price":5.25}]}"#,
    )
}

pub(super) fn new_customer() -> CreateCustomer {
    body(r#"{"email":"zoe@example.com","firstName":"Zoë","lastName":"李","city":"Łódź"}"#)
}

pub(super) fn new_invoice() -> CreateInvoice {
    body(r#"{"orderId":"3","taxRate":0.0775,"dueDate":"2999-12-31"}"#)
}
