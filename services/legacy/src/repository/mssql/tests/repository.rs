//! What is sent for each question, and what is made of answers and refusals.

use jiff::civil::date;
use kit::requests::{Activity, CreateOrder, InvoiceStatus};

use super::{
    asking::{answering, new_customer, new_invoice, new_order, sent},
    tokens::{
        Cell::{Cents, Date, DateTime, Int, Money, Text},
        result,
    },
};
use crate::{
    repository::{
        CustomerRepository, InvoiceFilter, InvoiceRepository, OrderRepository, Repository,
        RepositoryError, mssql::call::Call,
    },
    seed::Seed,
};

/// 2026-02-28T23:59:59.997, in days and ticks.
const LATE: super::tokens::Cell = DateTime(Some((46_079, 25_919_999)));

const CUSTOMER: &str = "Id Email FirstName LastName Phone Address City State ZipCode Country CreatedAt \
    UpdatedAt";
const ORDER: &str = "Id CustomerId Status Total Subtotal Tax Discount Notes CreatedAt UpdatedAt";
const INVOICE: &str = "Id OrderId CustomerId Number Status Subtotal Tax Discount Total DueDate PaidAt \
    CreatedAt UpdatedAt";

fn customer() -> Vec<u8> {
    let null = Text(None);
    let row = [
        Int(7),
        Text(Some("zoë@example.com")),
        Text(Some("Zoë")),
        Text(Some("李 🌿")),
        null,
        null,
        Text(Some("Łódź")),
        null,
        null,
        null,
        LATE,
        LATE,
    ];
    result(CUSTOMER, &[&row])
}

fn orders() -> Vec<u8> {
    let most = 999_999_999_999_999_999;
    let first = [
        Int(3),
        Int(7),
        Text(Some("pending")),
        Cents(most),
        Cents(-1),
        Cents(0),
        Cents(5),
        Text(None),
        LATE,
        LATE,
    ];
    let second = [
        Int(5),
        Int(7),
        Text(Some("Delivered")),
        Cents(1),
        Cents(1),
        Cents(0),
        Cents(0),
        Text(Some("ring twice")),
        LATE,
        LATE,
    ];
    let lines: [&[_]; 3] = [&[Int(5), Int(11)], &[Int(3), Int(12)], &[Int(5), Int(13)]];
    [
        result(ORDER, &[&first, &second]),
        result("OrderId Id", &lines),
    ]
    .concat()
}

fn invoice() -> Vec<u8> {
    let row = [
        Int(2),
        Int(3),
        Int(7),
        Text(Some("INV-202602-0001")),
        Text(Some("paid")),
        Cents(1025),
        Cents(102),
        Cents(0),
        Cents(1127),
        Date(Some(739_674)),
        LATE,
        LATE,
        LATE,
    ];
    result(INVOICE, &[&row])
}

#[tokio::test]
async fn a_customer_is_read_exactly_and_only_what_is_given_is_sent() {
    let (fake, repository) = answering(customer()).await;
    let made = repository.create_customer(&new_customer()).await.unwrap();
    assert_eq!(
        sent(&fake),
        "EXECUTE dbo.CreateCustomer @Email = @P1,@FirstName = @P2,@LastName = @P3,@City = @P4"
    );
    assert_eq!((made.id, made.last_name.as_str()), (7, "李 🌿"));
    assert_eq!((made.phone, made.city.as_deref()), (None, Some("Łódź")));
    assert_eq!(made.created_at.to_string(), "2026-02-28T23:59:59.997");
}

#[tokio::test]
async fn orders_come_with_their_amounts_to_the_cent_and_their_own_lines() {
    let known = result("Id", &[&[Int(7)]]);
    let (fake, repository) = answering([known, orders()].concat()).await;
    let listed = repository.orders_of(7, Some(Activity::Inactive)).await;
    assert_eq!(
        sent(&fake),
        "EXECUTE dbo.CustomerOrders @CustomerId = @P1,@IsActive = @P2"
    );
    let listed = listed.unwrap().unwrap();
    assert_eq!(listed[0].total.to_string(), "9999999999999999.99");
    assert_eq!(listed[0].subtotal.to_string(), "-0.01");
    assert_eq!(listed[1].status.name(), "DELIVERED");
    assert_eq!(listed[0].line_ids, [12]);
    assert_eq!(listed[1].line_ids, [11, 13]);
}

#[tokio::test]
async fn a_customer_who_is_not_there_has_no_list_of_orders() {
    let nobody = [
        result("Id", &[]),
        result(ORDER, &[]),
        result("OrderId Id", &[]),
    ];
    let (_fake, repository) = answering(nobody.concat()).await;
    assert_eq!(repository.orders_of(7, None).await.unwrap(), None);
}

#[tokio::test]
async fn an_order_is_sent_with_amounts_that_no_column_holds() {
    let (fake, repository) = answering(orders()).await;
    repository.create_order(&new_order()).await.unwrap();
    assert_eq!(
        sent(&fake),
        "EXECUTE dbo.CreateOrder @CustomerId = @P1,@Status = @P2,@Total = @P3,@Subtotal = @P4,\
         @Tax = @P5,@Discount = @P6,@Lines = @P7"
    );
    let request = fake.requests().concat();
    assert!(
        request.contains("@P3 numeric(29,0),@P4 numeric(3,1)"),
        "{request}"
    );
    let line = r#"{"line":0,"price":"5.25","productId":"tea                 ","quantity":2}"#;
    assert!(request.contains(line), "{request}");
}

#[tokio::test]
async fn an_invoice_is_read_exactly() {
    let (fake, repository) = answering(invoice()).await;
    let made = repository.create_invoice(&new_invoice()).await.unwrap();
    assert_eq!(
        sent(&fake),
        "EXECUTE dbo.CreateInvoice @OrderId = @P1,@TaxRate = @P2,@Discount = @P3,@DueDate = @P4"
    );
    assert_eq!(made.status, InvoiceStatus::Paid);
    assert_eq!(
        (made.tax.to_string(), made.total.to_string()),
        ("1.02".into(), "11.27".into())
    );
    assert_eq!(made.due_date, Some(date(2026, 2, 28)));
    assert_eq!(made.paid_at, Some(made.created_at));
}

#[test]
fn a_date_is_sent_in_days_and_one_before_the_first_is_refused() {
    let sent = Call::of("dbo.Echo").date("Day", date(2026, 2, 28)).unwrap();
    assert!(format!("{sent:?}").contains("Date(739674)"), "{sent:?}");
    let refused = Call::of("dbo.Echo").date("Day", date(-1, 1, 1));
    assert_eq!(
        refused.unwrap_err().to_string(),
        "-000001-01-01 does not fit parameter Day"
    );
}

#[tokio::test]
async fn a_filter_sends_what_it_restricts() {
    let (fake, repository) = answering(result(INVOICE, &[])).await;
    let filter = InvoiceFilter {
        customer_id: Some(7),
        order_id: None,
        status: Some(InvoiceStatus::Draft),
    };
    assert_eq!(repository.invoices(filter).await.unwrap(), []);
    assert_eq!(
        sent(&fake),
        "EXECUTE dbo.FindInvoices @CustomerId = @P1,@Status = @P2"
    );
}

#[tokio::test]
async fn a_key_beyond_the_columns_range_is_nobodys_and_asks_nothing() {
    let (fake, repository) = answering(customer()).await;
    let beyond = i64::from(i32::MAX) + 1;
    assert_eq!(repository.customer(beyond).await.unwrap(), None);
    assert_eq!(repository.order(beyond).await.unwrap(), None);
    assert_eq!(repository.orders_of(beyond, None).await.unwrap(), None);
    assert_eq!(repository.invoice(-beyond - 1).await.unwrap(), None);
    let filter = InvoiceFilter {
        order_id: Some(beyond),
        ..InvoiceFilter::default()
    };
    assert_eq!(repository.invoices(filter).await.unwrap(), []);
    let order = CreateOrder {
        customer_id: beyond.to_string(),
        ..new_order()
    };
    let refused = repository.create_order(&order).await;
    assert!(matches!(refused, Err(RepositoryError::UnknownCustomer)));
    assert!(fake.requests().is_empty());
}

#[tokio::test]
async fn a_column_that_holds_something_else_is_named() {
    let wrong: [(&str, _); 4] = [
        ("Id", Text(Some("7"))),
        ("Email", Text(None)),
        ("CreatedAt", DateTime(Some((0, u32::MAX)))),
        ("UpdatedAt", DateTime(None)),
    ];
    for (column, cell) in wrong {
        let mut row = [Text(Some("x")); 12];
        (row[0], row[10], row[11]) = (Int(7), LATE, LATE);
        row[CUSTOMER.split(' ').position(|name| name == column).unwrap()] = cell;
        let (_fake, repository) = answering(result(CUSTOMER, &[&row])).await;
        let RepositoryError::Store(error) = repository.customer(7).await.unwrap_err() else {
            panic!("{column} was read");
        };
        let cause = std::error::Error::source(&error).unwrap().to_string();
        assert!(
            cause.starts_with(&format!("column {column} holds ")),
            "{cause}"
        );
    }
}

#[tokio::test]
async fn a_date_beyond_the_calendar_is_an_error() {
    let mut row = [Text(Some("draft")); 13];
    (row[0], row[1], row[2]) = (Int(1), Int(1), Int(1));
    row[5..9].fill(Cents(0));
    (row[9], row[10], row[11], row[12]) = (Date(Some(0xff_ffff)), LATE, LATE, LATE);
    let (_fake, repository) = answering(result(INVOICE, &[&row])).await;
    assert!(repository.invoice(1).await.is_err());
}

#[tokio::test]
async fn an_amount_with_a_part_of_a_cent_is_not_rounded_in_silence() {
    let row = |total| {
        let zero = Money(0);
        [
            Int(2),
            Int(3),
            Int(7),
            Text(Some("n")),
            Text(Some("paid")),
            zero,
            zero,
            zero,
            Money(total),
            Date(None),
            DateTime(None),
            LATE,
            LATE,
        ]
    };
    let (_fake, repository) = answering(result(INVOICE, &[&row(12_300)])).await;
    let read = repository.invoice(2).await.unwrap().unwrap();
    assert_eq!(read.total.to_string(), "1.23");
    let (_fake, repository) = answering(result(INVOICE, &[&row(12_301)])).await;
    assert!(repository.invoice(2).await.is_err());
}

#[tokio::test]
async fn the_whole_seed_goes_in_one_call() {
    let (fake, repository) = answering(result("Seeded", &[&[Int(0)]])).await;
    assert!(!repository.seed(&Seed::sample()).await.unwrap());
    assert_eq!(
        sent(&fake),
        "EXECUTE dbo.SeedWhenEmpty @Customers = @P1,@Orders = @P2,@Lines = @P3,@Invoices = @P4"
    );
    let request = fake.requests().concat();
    let first = r#""createdAt":"2025-09-05T13:56:57.883","email":"ada.marsh@example.com""#;
    assert!(request.contains(first));
}
