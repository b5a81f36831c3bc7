//! Sound bodies, and rows made from them.

use serde_json::{Value, json};

use crate::testing::{Answer, Target};

/// An e-mail that no other customer has.
pub(super) fn email() -> String {
    format!("ann.{}@example.com", uuid::Uuid::new_v4().simple())
}

/// The smallest customer.
pub(super) fn customer() -> Value {
    json!({"email": email(), "firstName": "Ann", "lastName": "Lee"})
}

/// The smallest order.
pub(super) fn order(customer_id: &str) -> Value {
    json!({"customerId": customer_id, "status": "PENDING", "total": 110, "subtotal": 100})
}

/// Makes a customer; its id.
pub(super) async fn some_customer(target: &Target) -> String {
    target.post("/customers", customer()).await.expect(201).id()
}

/// Makes an order of a fresh customer with this subtotal.
pub(super) async fn some_order(target: &Target, subtotal: &str) -> Answer {
    let customer = some_customer(target).await;
    // Written as text: a number of serde_json would be a float on its way.
    let body = format!(
        r#"{{"customerId":"{customer}","status":"PENDING","total":1,"subtotal":{subtotal}}}"#
    );
    target.post("/orders", body).await.expect(201)
}

/// Ids that nobody has, as paths have them, with how many characters an error shows.
pub(super) fn unknown_ids() -> Vec<String> {
    let long = "9".repeat(3000);
    let ids = [
        "nobody", "0", "-1", "1e3", "%20", "%00", "%FF", "'", "%2F", "..%2F", "null",
    ];
    let uuid = "01890a5d-ac96-774b-bcce-b302099a8057";
    ids.into_iter()
        .chain([uuid, long.as_str()])
        .map(str::to_owned)
        .collect()
}

/// The present month's `INV-YYYYMM-` and the counter of a number.
pub(super) fn counter(answer: &Answer) -> u32 {
    let number = answer.attribute("number").as_str().unwrap_or_default();
    let (month, counter) = number.rsplit_once('-').expect("INV-YYYYMM-NNNN");
    assert!(month.len() == 10 && month.starts_with("INV-"), "{number}");
    assert!(counter.len() >= 4, "{number}");
    counter.parse().expect("a counter")
}
