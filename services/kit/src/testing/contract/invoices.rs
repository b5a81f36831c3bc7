//! Claims on invoices.
#![expect(missing_docs, reason = "the name of a claim says what it claims")]

use jiff::ToSpan as _;
use serde_json::{Value, json};

use super::samples::{self, counter};
use crate::testing::{Answer, Target};
use crate::time::today;

/// Makes an order with this subtotal and its invoice, with more members of the request.
async fn invoiced(target: &Target, subtotal: &str, more: Value) -> Answer {
    let order = samples::some_order(target, subtotal).await.id();
    target.post("/invoices", request(&order, more)).await
}

fn request(order: &str, more: Value) -> Value {
    let mut body = more;
    body["orderId"] = order.into();
    body
}

pub async fn an_invoice_is_a_draft_with_tax_and_total(target: &Target) {
    let order = samples::some_order(target, "100.00").await;
    let body = request(&order.id(), json!({"taxRate": 0.2, "discountAmount": 5.5}));
    let made = target.post("/invoices", body).await.expect(201);
    assert_eq!(made.json["data"]["type"], "invoice");
    assert_eq!(*made.attribute("orderId"), order.id());
    assert_eq!(made.attribute("customerId"), order.attribute("customerId"));
    assert_eq!(*made.attribute("status"), "DRAFT");
    assert_eq!(*made.attribute("dueDate"), Value::Null);
    assert_eq!(*made.attribute("paidAt"), Value::Null);
    for shown in [
        r#""subtotal":100.00"#,
        r#""tax":20.00"#,
        r#""discount":5.50"#,
        r#""total":114.50"#,
    ] {
        assert!(made.text.contains(shown), "{shown} in {}", made.text);
    }
    assert_eq!(
        made.json["data"]["attributes"].as_object().unwrap().len(),
        12
    );
    counter(&made);
}

pub async fn an_invoice_has_ten_percent_tax_unless_told(target: &Target) {
    for (more, tax) in [
        (json!({}), "\"tax\":1.01,"),
        (json!({"taxRate": 0}), "\"tax\":0.00,"),
        (json!({"taxRate": 1}), "\"tax\":10.10,"),
        (json!({"taxRate": 0.0775}), "\"tax\":0.78,"),
    ] {
        let made = invoiced(target, "10.10", more).await.expect(201);
        assert!(made.text.contains(tax), "{tax} in {}", made.text);
    }
}

pub async fn an_invoice_is_read_back_as_it_was_made(target: &Target) {
    let made = invoiced(target, "12.34", json!({"dueDate": "2999-12-31"}))
        .await
        .expect(201);
    let read = target
        .get(&format!("/invoices/{}", made.id()))
        .await
        .expect(200);
    assert_eq!(read.text, made.text);
    let list = target.get("/invoices").await.expect(200);
    assert!(
        list.json["data"]
            .as_array()
            .unwrap()
            .contains(&made.json["data"])
    );
}

pub async fn a_due_date_is_shown_as_a_calendar_date(target: &Target) {
    for (sent, shown) in [
        ("2999-02-28", "2999-02-28"),
        ("2999-02-28T12:00:00Z", "2999-02-28"),
        ("2999-02-28T23:30:00.000-02:00", "2999-03-01"),
    ] {
        let made = invoiced(target, "1", json!({"dueDate": sent}))
            .await
            .expect(201);
        assert_eq!(*made.attribute("dueDate"), shown);
    }
    let made = invoiced(target, "1", json!({"dueDate": today().to_string()}))
        .await
        .expect(201);
    assert_eq!(*made.attribute("dueDate"), today().to_string());
}

pub async fn every_violated_rule_of_an_invoice_is_listed(target: &Target) {
    let body = json!({
        "taxRate": 1.5, "discountAmount": "5", "dueDate": "2999-02-30", "number": "INV-1",
    });
    target.post("/invoices", body).await.violates(&[
        "property number should not exist",
        "orderId must be a string",
        "taxRate must not be greater than 1",
        "discountAmount must be a number conforming to the specified constraints",
        "discountAmount must not be less than 0",
        "dueDate must be a valid ISO 8601 date string",
    ]);
}

pub async fn a_due_date_in_the_past_is_a_bad_request(target: &Target) {
    let yesterday = today().checked_sub(1.day()).unwrap().to_string();
    for date in [yesterday.as_str(), "1999-12-31", "1999-12-31T00:00:00Z"] {
        let answer = invoiced(target, "1", json!({"dueDate": date})).await;
        answer.refused(400, "BAD_REQUEST");
    }
}

pub async fn a_discount_above_the_subtotal_is_a_bad_request(target: &Target) {
    let answer = invoiced(target, "10", json!({"discountAmount": 10.01})).await;
    answer.refused(400, "BAD_REQUEST");
    let made = invoiced(target, "10", json!({"discountAmount": 10}))
        .await
        .expect(201);
    assert!(made.text.contains(r#""total":1.00"#), "{}", made.text);
}

pub async fn an_invoice_of_an_unknown_order_is_not_found(target: &Target) {
    for id in [
        "",
        "nothing",
        " ",
        "0",
        "../customers",
        "a/b",
        "%",
        "99999999999999999999",
        "é\u{1}",
    ] {
        let answer = target.post("/invoices", json!({"orderId": id})).await;
        let error = answer.refused(404, "NOT_FOUND");
        assert_eq!(error["detail"], format!("Order with ID {id} not found"));
    }
    let endless = json!({"orderId": "9".repeat(100_000)});
    target
        .post("/invoices", endless)
        .await
        .refused(404, "NOT_FOUND");
}

pub async fn a_second_invoice_of_an_order_is_a_conflict(target: &Target) {
    let order = samples::some_order(target, "10").await.id();
    let _ = target
        .post("/invoices", json!({"orderId": order}))
        .await
        .expect(201);
    let answer = target.post("/invoices", json!({"orderId": order})).await;
    let error = answer.refused(409, "CONFLICT");
    assert_eq!(
        error["detail"],
        format!("Invoice for order {order} already exists")
    );
}

pub async fn several_faults_are_judged_in_one_order(target: &Target) {
    let order = samples::some_order(target, "10").await.id();
    let _ = target
        .post("/invoices", json!({"orderId": order}))
        .await
        .expect(201);
    let past = json!({"orderId": "nothing", "dueDate": "1999-01-01", "discountAmount": 99});
    let error = target.post("/invoices", past).await;
    assert_eq!(
        error.refused(400, "BAD_REQUEST")["source"]["pointer"],
        "/data/attributes/dueDate"
    );
    let above = json!({"orderId": order, "discountAmount": 99});
    target
        .post("/invoices", above)
        .await
        .refused(400, "BAD_REQUEST");
    let unknown = json!({"orderId": "nothing", "discountAmount": 99});
    target
        .post("/invoices", unknown)
        .await
        .refused(404, "NOT_FOUND");
}

pub async fn of_eight_invoices_racing_for_one_order_one_is_made(target: &Target) {
    let body = json!({"orderId": samples::some_order(target, "10").await.id()});
    let answers = super::at_once(8, |_| target.post("/invoices", &body)).await;
    let made = answers.iter().filter(|answer| answer.status == 201).count();
    assert_eq!(made, 1);
    for answer in answers.iter().filter(|answer| answer.status != 201) {
        answer.refused(409, "CONFLICT");
    }
}

pub async fn twenty_invoices_at_once_have_numbers_without_a_gap(target: &Target) {
    let mut orders = Vec::new();
    for _ in 0..20 {
        orders.push(json!({"orderId": samples::some_order(target, "10").await.id()}));
    }
    let answers = super::at_once(20, |index| target.post("/invoices", &orders[index])).await;
    let mut counters: Vec<_> = answers
        .into_iter()
        .map(|answer| counter(&answer.expect(201)))
        .collect();
    counters.sort_unstable();
    let first = counters[0];
    assert_eq!(counters, (first..first + 20).collect::<Vec<_>>());
}

pub async fn a_refused_invoice_leaves_no_gap(target: &Target) {
    let order = samples::some_order(target, "10").await.id();
    let first = target
        .post("/invoices", json!({"orderId": order}))
        .await
        .expect(201);
    target
        .post("/invoices", json!({"orderId": order}))
        .await
        .refused(409, "CONFLICT");
    let second = invoiced(target, "10", json!({})).await.expect(201);
    assert_eq!(counter(&second), counter(&first) + 1);
}

pub async fn invoices_are_listed_newest_first_and_filtered(target: &Target) {
    let first = invoiced(target, "1", json!({})).await.expect(201);
    let second = invoiced(target, "2", json!({})).await.expect(201);
    let listed = async |query: &str| {
        target
            .get(&format!("/invoices{query}"))
            .await
            .expect(200)
            .ids()
    };
    let (earlier, latest) = (first.id(), second.id());
    assert_eq!(
        listed("").await.get(..2),
        Some(&[latest.clone(), earlier.clone()][..])
    );
    let customer = first.attribute("customerId").as_str().unwrap();
    let order = second.attribute("orderId").as_str().unwrap();
    assert_eq!(listed(&format!("?customerId={customer}")).await, [earlier]);
    assert_eq!(
        listed(&format!("?orderId={order}&status=DRAFT")).await,
        [latest]
    );
    assert!(
        listed(&format!("?customerId={customer}&orderId={order}"))
            .await
            .is_empty()
    );
    assert!(
        listed(&format!("?orderId={order}&status=PAID"))
            .await
            .is_empty()
    );
}

pub async fn a_filter_that_can_match_nothing_gives_an_empty_list(target: &Target) {
    let _ = invoiced(target, "1", json!({})).await.expect(201);
    for query in [
        "status=UNHEARD",
        "status=draft",
        "status=",
        "customerId=nobody",
        "customerId=",
        "orderId=%00",
        "orderId=%FF",
        "orderId=99999999999999999999999",
    ] {
        let answer = target.get(&format!("/invoices?{query}")).await.expect(200);
        assert_eq!(
            answer.json,
            json!({"data": [], "meta": {"count": 0}}),
            "{query}"
        );
    }
}

pub async fn an_unknown_invoice_is_not_found(target: &Target) {
    for id in samples::unknown_ids() {
        target
            .get(&format!("/invoices/{id}"))
            .await
            .refused(404, "NOT_FOUND");
    }
    let answer = target.get("/invoices/nothing").await;
    assert_eq!(
        answer.json["errors"][0]["detail"],
        "Invoice with ID nothing not found"
    );
}
