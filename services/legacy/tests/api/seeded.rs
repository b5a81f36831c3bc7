//! What the seed brings, and what only a monolith with integer keys has to refuse.

use kit::testing::Target;

pub(crate) async fn a_key_in_another_spelling_is_not_found(target: &Target) {
    for id in ["01", "+1", "%201", "1%20", "1.0", "%D9%A1"] {
        for path in [
            "/customers/ID",
            "/customers/ID/orders",
            "/orders/ID",
            "/invoices/ID",
        ] {
            target
                .get(&path.replace("ID", id))
                .await
                .refused(404, "NOT_FOUND");
        }
        let list = target
            .get(&format!("/invoices?customerId={id}"))
            .await
            .expect(200);
        assert!(list.ids().is_empty(), "{id}");
    }
}

pub(crate) async fn seeded_invoices_come_newest_first_and_paid_ones_say_when(target: &Target) {
    let all = target.get("/invoices").await.expect(200);
    assert_eq!(all.ids().len(), 40);
    let invoices = all.json["data"].as_array().unwrap();
    let times = invoices
        .iter()
        .map(|invoice| invoice["attributes"]["createdAt"].to_string());
    assert!(times.is_sorted_by(|one, next| one > next));
    for invoice in invoices {
        let attributes = &invoice["attributes"];
        assert_eq!(
            attributes["status"] == "PAID",
            attributes["paidAt"].is_string(),
            "{invoice}"
        );
    }
}

pub(crate) async fn the_first_row_of_the_seed_is_always_the_same(target: &Target) {
    let answer = target.get("/customers/1").await.expect(200);
    assert_eq!(
        answer.text,
        concat!(
            r#"{"data":{"type":"customer","id":"1","attributes":{"email":"ada.marsh@example.com","#,
            r#""firstName":"Ada","lastName":"Marsh","phone":"+1-555-0101","#,
            r#""address":"28 Mill Lane","city":"Halifax","state":"NS","zipCode":"B3H 4R2","#,
            r#""country":"CA","createdAt":"2025-09-05T13:56:57.883","#,
            r#""updatedAt":"2025-09-05T13:56:57.883"}}}"#
        )
    );
}
