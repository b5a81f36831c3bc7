//! Orders, their lines and their invoices.

use std::collections::BTreeMap;

use jiff::civil;
use kit::{
    Money,
    requests::{InvoiceStatus, OrderStatus},
};
use rust_decimal::Decimal;

use super::{Dice, FIRST_DAY, OrderLine};
use crate::{
    clock::DateTime,
    model::{Invoice, Order},
};

const ORDERS: i64 = 120;
const DAYS: i64 = 360;
/// Shares no factor with [`DAYS`], so every order has a day of its own and ids do not follow time.
const DAY_STRIDE: i64 = 47;
/// The last customers have no orders: an empty list is an answer, too.
const CUSTOMERS_WITH_ORDERS: u32 = 36;
/// Ids of lines start where they all have four digits: they sort alike as numbers and as text.
const FIRST_LINE: i64 = 1001;
const INVOICES: usize = 40;
/// What modern's NUMERIC(10,2) can hold at most, in hundredths.
const LARGEST: i64 = 9_999_999_999;

const ORDER_STATUSES: [OrderStatus; 7] = [
    OrderStatus::Pending,
    OrderStatus::Confirmed,
    OrderStatus::Processing,
    OrderStatus::Shipped,
    OrderStatus::Delivered,
    OrderStatus::Cancelled,
    OrderStatus::Returned,
];
const INVOICE_STATUSES: [InvoiceStatus; 5] = [
    InvoiceStatus::Paid,
    InvoiceStatus::Sent,
    InvoiceStatus::Draft,
    InvoiceStatus::Overdue,
    InvoiceStatus::Cancelled,
];

/// Orders with their lines. The last one is the largest that modern can hold.
pub(super) fn orders(dice: &mut Dice) -> (Vec<Order>, Vec<OrderLine>) {
    let mut orders = Vec::new();
    let mut lines: Vec<OrderLine> = Vec::new();
    let mut next_line = FIRST_LINE;
    for id in 1..ORDERS {
        let end = next_line + dice.between(1, 4);
        let of_order: Vec<OrderLine> = (next_line..end)
            .map(|line| {
                let (quantity, price) = (dice.between(1, 5), dice.between(199, 25_000));
                line_of(dice, line, id, quantity, price)
            })
            .collect();
        next_line = end;
        let tax_rate = if dice.one_in(10) {
            Decimal::ZERO
        } else {
            Decimal::new(8, 2)
        };
        let discount_rate = if dice.one_in(4) {
            Decimal::new(5, 2)
        } else {
            Decimal::ZERO
        };
        orders.push(order_of(dice, id, &of_order, tax_rate, discount_rate));
        lines.extend(of_order);
    }
    let largest = line_of(dice, next_line, ORDERS, 1, LARGEST);
    orders.push(Order {
        status: OrderStatus::Delivered,
        ..order_of(
            dice,
            ORDERS,
            std::slice::from_ref(&largest),
            Decimal::ZERO,
            Decimal::ZERO,
        )
    });
    lines.push(largest);
    (orders, lines)
}

fn line_of(dice: &mut Dice, id: i64, order_id: i64, quantity: i64, hundredths: i64) -> OrderLine {
    let price = Decimal::new(hundredths, 2);
    OrderLine {
        id,
        order_id,
        product_id: format!("SKU-{:04}", dice.between(1, 400)),
        quantity,
        price: Money::half_up(price),
        total: Money::half_up(price * Decimal::from(quantity)),
    }
}

fn order_of(
    dice: &mut Dice,
    id: i64,
    lines: &[OrderLine],
    tax_rate: Decimal,
    discount_rate: Decimal,
) -> Order {
    let subtotal: Decimal = lines.iter().map(|line| line.total.decimal()).sum();
    let tax = (subtotal * tax_rate).trunc_with_scale(2);
    let discount = (subtotal * discount_rate).trunc_with_scale(2);
    let created_at = dice.time_on(FIRST_DAY, id * DAY_STRIDE % DAYS);
    let status = dice.pick(&ORDER_STATUSES);
    Order {
        id,
        customer_id: dice.between(1, CUSTOMERS_WITH_ORDERS),
        status,
        total: Money::half_up(subtotal + tax - discount),
        subtotal: Money::half_up(subtotal),
        tax: Money::half_up(tax),
        discount: Money::half_up(discount),
        notes: dice
            .one_in(3)
            .then(|| format!("Leave it at door {}", id % 9 + 1)),
        created_at,
        updated_at: if status == OrderStatus::Pending {
            created_at
        } else {
            dice.days_after(created_at, 1)
        },
        line_ids: lines.iter().map(|line| line.id).collect(),
    }
}

/// One invoice each for the largest order and for the first ones that were confirmed.
pub(super) fn invoices(dice: &mut Dice, orders: &[Order]) -> Vec<Invoice> {
    let confirmed = orders.iter().filter(|order| {
        let unbilled = matches!(order.status, OrderStatus::Pending | OrderStatus::Cancelled);
        order.id != ORDERS && !unbilled
    });
    let billed = confirmed.take(INVOICES - 1).chain(orders.last());
    let mut invoices: Vec<Invoice> = (1_i64..)
        .zip(billed)
        .map(|(id, order)| invoice_of(dice, id, order))
        .collect();
    number(&mut invoices);
    invoices
}

fn invoice_of(dice: &mut Dice, id: i64, order: &Order) -> Invoice {
    let created_at = dice.days_after(order.created_at, 2);
    let status = dice.pick(&INVOICE_STATUSES);
    let paid_at = (status == InvoiceStatus::Paid).then(|| dice.days_after(created_at, 9));
    let untaxed = order.tax.decimal().is_zero();
    let rate = if untaxed {
        Decimal::ZERO
    } else {
        Decimal::new(10, 2)
    };
    let tax = (order.subtotal.decimal() * rate).trunc_with_scale(2);
    Invoice {
        id,
        order_id: order.id,
        customer_id: order.customer_id,
        number: String::new(),
        status,
        subtotal: order.subtotal,
        tax: Money::half_up(tax),
        discount: order.discount,
        total: Money::half_up(order.subtotal.decimal() + tax - order.discount.decimal()),
        due_date: (id % 5 != 0).then(|| due(created_at)),
        paid_at,
        created_at,
        updated_at: paid_at.unwrap_or(created_at),
    }
}

fn due(created_at: DateTime) -> civil::Date {
    created_at.date().saturating_add(jiff::Span::new().days(30))
}

/// Numbers count within their month in the order of time, as if they had been given one by one.
fn number(invoices: &mut [Invoice]) {
    let mut by_time: Vec<&mut Invoice> = invoices.iter_mut().collect();
    by_time.sort_by_key(|invoice| invoice.created_at);
    let mut counts = BTreeMap::new();
    for invoice in by_time {
        let month = invoice.created_at.date().strftime("%Y%m").to_string();
        let count = counts
            .entry(month.clone())
            .and_modify(|count| *count += 1)
            .or_insert(1);
        invoice.number = format!("INV-{month}-{count:04}");
    }
}
