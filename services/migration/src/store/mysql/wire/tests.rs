//! Values as servers send them, and as they do not.

use proptest::prelude::*;

use super::*;
use crate::store::gather::Rows;

fn value(wire: Wire, large: bool, bytes: &[u8]) -> Option<Value> {
    let mut rows = Rows::default();
    gather(wire, large, bytes, &mut rows)?;
    rows.end();
    rows.done.pop()?.pop()
}

#[test]
fn a_type_is_known_by_its_declaration() {
    let of = |native: &str| kind(native).0;
    assert_eq!(of("tinyint(1)"), Type::Bool);
    assert_eq!(of("tinyint(4)"), Type::int(8));
    assert_eq!(
        of("tinyint(1) unsigned"),
        Type::Int {
            least: 0,
            most: 255
        }
    );
    assert_eq!(
        of("mediumint(8) unsigned"),
        Type::Int {
            least: 0,
            most: 16_777_215
        }
    );
    assert_eq!(
        of("bigint(20) unsigned"),
        Type::Decimal {
            bounds: Some((20, 0))
        }
    );
    assert_eq!(
        of("bit(63)"),
        Type::Int {
            least: 0,
            most: i64::MAX
        }
    );
    assert_eq!(of("bit(64)"), of("bigint unsigned"));
    assert_eq!(of("decimal(65,30)"), Type::Decimal { bounds: None });
    assert_eq!(
        of("decimal(10,2) unsigned"),
        Type::Decimal {
            bounds: Some((10, 2))
        }
    );
    assert_eq!(of("datetime"), Type::Naive { digits: 0 });
    assert_eq!(of("timestamp(6)"), Type::Instant { digits: 6 });
    assert_eq!(of("geometry"), Type::Unsupported);
}

#[test]
fn only_values_and_bytes_without_padding_are_an_order() {
    for collation in ["utf8mb4_bin", "utf8mb4_general_ci", "latin1_nopad_bin"] {
        assert!(!is_ordered("varchar(9)", Some(collation)), "{collation}");
    }
    assert!(is_ordered("varchar(9)", Some("utf8mb4_nopad_bin")));
    assert!(is_ordered("varchar(9)", Some("utf8mb4_0900_bin")));
    assert!(!is_ordered("enum('a')", Some("utf8mb4_nopad_bin")));
    assert!(is_ordered("int(11)", None) && !is_ordered("uuid", None));
}

#[test]
fn dates_that_are_none_are_unreadable_and_not_null() {
    assert_eq!(
        value(Wire::Date, false, &[0]),
        Some(Value::unreadable("0000-00-00"))
    );
    let partly = [4, 0xEA, 0x07, 2, 0];
    assert_eq!(
        value(Wire::Naive, false, &partly),
        Some(Value::unreadable("2026-02-00"))
    );
    let whole = [11, 0xEA, 0x07, 2, 28, 3, 4, 5, 1, 0, 0, 0];
    let read = value(Wire::Naive, false, &whole).expect("a time");
    assert_eq!(read.to_string(), "2026-02-28 03:04:05.000001");
    assert_eq!(value(Wire::Date, false, &[4, 1]), None);
}

#[test]
fn a_duration_is_no_time_of_day() {
    let time = |bytes: &[u8]| value(Wire::Time, false, bytes).expect("a time").to_string();
    assert_eq!(time(&[0]), "00:00:00");
    assert_eq!(time(&[8, 0, 0, 0, 0, 0, 23, 59, 59]), "23:59:59");
    assert_eq!(
        time(&[8, 1, 34, 0, 0, 0, 22, 59, 59]),
        "-838:59:59, which is no time of day"
    );
}

#[test]
fn integers_without_a_sign_go_beyond_63_bits() {
    let most = u64::MAX.to_le_bytes();
    let read = value(Wire::Unsigned, true, &most).expect("a number");
    assert_eq!(read.to_string(), "18446744073709551615");
    assert_eq!(value(Wire::Unsigned, false, &[200]), Some(Value::Int(200)));
    assert_eq!(value(Wire::Truth, false, &[2]), Some(Value::Int(2)));
    assert_eq!(value(Wire::Bits, false, &[1, 0]), Some(Value::Int(256)));
}

proptest! {
    #[test]
    fn no_value_makes_it_panic(bytes: Vec<u8>, large: bool) {
        for wire in [
            Wire::Signed, Wire::Unsigned, Wire::Truth, Wire::Bits, Wire::Bit, Wire::Decimal,
            Wire::Float, Wire::Text, Wire::Bytes, Wire::Date, Wire::Time, Wire::Naive,
            Wire::Instant, Wire::Uuid,
        ] {
            value(wire, large, &bytes);
        }
    }
}
