//! What a mapping may say, and what each mistake is called.

use super::{Mapping, Origin, Otherwise, Trim};

fn read(text: &str) -> Mapping {
    Mapping::parse("m.toml", text).unwrap_or_else(|problems| panic!("{problems}"))
}

fn problems(text: &str) -> Vec<String> {
    let problems = Mapping::parse("m.toml", text).expect_err("problems");
    problems.to_string().lines().map(str::to_owned).collect()
}

#[test]
fn the_sample_is_read() {
    let sample = read(include_str!("../../../../migrations/mapping.toml"));
    let names: Vec<String> = sample
        .tables
        .iter()
        .map(|table| table.to.to_string())
        .collect();
    assert_eq!(names, ["customers", "orders", "order_items", "invoices"]);
    let status = &sample.tables[1].columns[2];
    assert_eq!((status.to.as_str(), status.line), ("status", 37));
    assert_eq!(status.change.trim, Trim::End);
}

#[test]
fn a_column_says_where_its_values_come_from_in_five_ways() {
    let mapping = read(
        r#"
        [[tables]]
        from = "A"
        to = "a"
        [tables.columns]
        plain = "Plain"
        name = { from = ["First", "Last"], join = " " }
        first = { from = "Name", split = " ", part = 0 }
        origin = { value = "legacy" }
        id = { generate = "order" }
        "#,
    );
    let origins: Vec<&Origin> = mapping.tables[0]
        .columns
        .iter()
        .map(|column| &column.origin)
        .collect();
    assert!(origins.contains(&&Origin::Column("Plain".into())));
    assert!(origins.contains(&&Origin::Joined(
        vec!["First".into(), "Last".into()],
        " ".into()
    )));
    assert!(origins.contains(&&Origin::Part("Name".into(), " ".into(), 0)));
    assert!(origins.contains(&&Origin::Constant("legacy".into())));
    assert!(origins.contains(&&Origin::Generated("order".into())));
}

#[test]
fn a_table_without_columns_takes_over_those_of_one_name() {
    let mapping = read("[[tables]]\nfrom = \"s.a\"\nto = \"a\"\n");
    assert!(mapping.tables[0].same);
    let listed = read("[[tables]]\nfrom = \"a\"\nto = \"a\"\n[tables.columns]\nx = \"x\"\n");
    assert!(!listed.tables[0].same);
}

#[test]
fn a_map_says_what_becomes_of_the_others() {
    let column = |rest: &str| {
        let text = format!(
            "[[tables]]\nfrom = \"a\"\nto = \"a\"\n[tables.columns]\n\
             x = {{ from = \"x\", map = {{ a = \"A\" }}{rest} }}\n"
        );
        read(&text).tables[0].columns[0].change.otherwise.clone()
    };
    assert_eq!(column(""), Otherwise::Refuse);
    assert_eq!(column(", keep_others = true"), Otherwise::Keep);
    assert_eq!(column(", otherwise = \"?\""), Otherwise::Become("?".into()));
}

#[test]
fn every_problem_is_told_at_once_with_its_line() {
    let found = problems(
        r#"zone = "Mars/Phobos"
colour = "red"
[[tables]]
from = "a.b.c"
to = "a"
[tables.columns]
one = { from = "One", value = "x" }
two = { from = "Two", typ = "text" }
three = { from = "Three", type = "money" }
four = { from = "Four", otherwise = "x" }
five = { from = "Five", compare = { within = "much" } }
six = 6
[[tables]]
from = "b"
to = "a"
"#,
    );
    let expected = [
        ("m.toml:2:", "unknown field `colour`"),
        ("m.toml:3:", "`a.b.c` is no table's name"),
        ("m.toml:7:", "one: its values come from one of"),
        ("m.toml:8:", "unknown field `typ`"),
        ("m.toml:9:", "three: `money` is no type"),
        (
            "m.toml:10:",
            "four: `otherwise` and `keep_others` belong to a `map`",
        ),
        (
            "m.toml:11:",
            "five: `within = \"much\"` is neither a number nor a time",
        ),
        (
            "m.toml:12:",
            "six: is the name of a source column, or a table",
        ),
    ];
    for (line, message) in expected {
        assert!(
            found
                .iter()
                .any(|problem| problem.starts_with(line) && problem.contains(message)),
            "{line} {message}: {found:#?}"
        );
    }
}

#[test]
fn two_tables_that_fill_one_are_refused() {
    let found =
        problems("[[tables]]\nfrom = \"a\"\nto = \"t\"\n[[tables]]\nfrom = \"b\"\nto = \"t\"\n");
    assert_eq!(
        found,
        ["m.toml:4: `t` is filled already, by the table in line 1: two would undo each other"]
    );
}

#[test]
fn a_source_that_two_tables_read_is_refused() {
    let found =
        problems("[[tables]]\nfrom = \"a\"\nto = \"s\"\n[[tables]]\nfrom = \"a\"\nto = \"t\"\n");
    let [problem] = found.as_slice() else {
        panic!("{found:?}");
    };
    let told = "m.toml:4: `a` is read already, for the table in line 1";
    assert!(problem.starts_with(told), "{problem}");
}

#[test]
fn what_is_no_toml_is_told_by_its_line() {
    let found = problems("[[tables]]\nfrom = \"a\nto = \"t\"\n");
    assert!(found[0].starts_with("m.toml:2:"), "{found:?}");
    assert_eq!(
        problems(""),
        ["m.toml:1: there is no table: write [[tables]] with `from` and `to`"]
    );
    assert_eq!(
        problems("tables = 3"),
        ["m.toml:1: `tables` is a list: write [[tables]]"]
    );
}
