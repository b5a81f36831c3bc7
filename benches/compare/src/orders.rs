//! Lists of orders as JSON:API spells them, made up from their ids.

use std::fmt::Write;

/// How a side writes the same list of orders.
#[derive(Clone, Copy)]
pub(crate) enum Spelling {
    /// Compact, and money with two decimals.
    Legacy,
    /// With blanks, money without trailing zeros: equal by value, not by bytes.
    Blank,
    /// As `Blank`, with the keys in another order.
    Reordered,
    /// Every value another one.
    Different,
}

/// A document that lists the orders with these ids.
pub(crate) fn list(ids: impl Iterator<Item = usize>, spelling: Spelling) -> String {
    let mut text = String::from(r#"{"data":["#);
    for (at, id) in ids.enumerate() {
        let comma = if at == 0 { "" } else { "," };
        let _ = write!(text, "{comma}{}", order(id, spelling));
    }
    text.push_str("]}");
    text
}

fn order(id: usize, spelling: Spelling) -> String {
    let (cents, customer) = (id * 7, id % 97);
    let time = format!(
        "2026-11-{:02}T10:{:02}:{:02}.123Z",
        id % 28 + 1,
        id / 60 % 60,
        id % 60
    );
    match spelling {
        Spelling::Legacy => format!(
            r#"{{"type":"order","id":"{id}","attributes":{{"customerId":"{customer}","status":"PENDING","total":{id}.50,"subtotal":{cents}.00,"tax":null,"notes":"left at the door, \"thanks\"","createdAt":"{time}"}}}}"#
        ),
        Spelling::Blank => format!(
            r#"{{"type": "order", "id": "{id}", "attributes": {{"customerId": "{customer}", "status": "PENDING", "total": {id}.5, "subtotal": {cents}, "tax": null, "notes": "left at the door, \"thanks\"", "createdAt": "{time}"}}}}"#
        ),
        Spelling::Reordered => format!(
            r#"{{"attributes": {{"createdAt": "{time}", "customerId": "{customer}", "notes": "left at the door, \"thanks\"", "status": "PENDING", "subtotal": {cents}, "tax": null, "total": {id}.5}}, "id": "{id}", "type": "order"}}"#
        ),
        Spelling::Different => format!(
            r#"{{"type":"Order","id":"x{id}","attributes":{{"customerId":"y{customer}","status":"pending","total":{id}.75,"subtotal":{cents}.25,"tax":0,"notes":"left at the gate, \"thanks\"","createdAt":"{time}Z"}}}}"#
        ),
    }
}
