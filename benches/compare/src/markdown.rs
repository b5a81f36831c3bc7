//! Tables of figures in Markdown.

/// Prints a table under its title.
pub fn table(title: &str, columns: &[&str], rows: &[Vec<String>]) {
    println!("\n## {title}\n\n| {} |", columns.join(" | "));
    println!("|{}", "---|".repeat(columns.len()));
    for row in rows {
        println!("| {} |", row.join(" | "));
    }
}

/// A cell, empty where there is nothing to say.
pub fn cell(value: Option<f64>, decimals: usize) -> String {
    value.map_or(String::new(), |value| format!("{value:.decimals$}"))
}
