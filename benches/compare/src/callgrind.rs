//! How a program's user-space instructions are counted. Start-up cancels out of the difference
//! between two runs, and a busy machine changes nothing.

use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result};

/// What stands before a command so that each of its processes writes a profile into `directory`;
/// nginx, for one, works in a child of the process that is started.
pub fn wrapper(directory: &Path) -> [String; 4] {
    [
        "valgrind".to_owned(),
        "--tool=callgrind".to_owned(),
        "--trace-children=yes".to_owned(),
        format!("--callgrind-out-file={}/%p", directory.display()),
    ]
}

/// The instructions of all profiles in `directory`.
pub fn instructions(directory: &Path) -> Result<f64> {
    let mut total = 0.0;
    for profile in fs::read_dir(directory)? {
        let path = profile?.path();
        let text =
            fs::read_to_string(&path).with_context(|| format!("reading {}", path.display()))?;
        total += totals(&text).with_context(|| format!("{} has no totals", path.display()))?;
    }
    Ok(total)
}

fn totals(profile: &str) -> Option<f64> {
    let line = profile
        .lines()
        .rev()
        .find_map(|line| line.strip_prefix("totals:"))?;
    line.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_total_of_a_profile_is_its_last_line() {
        assert_eq!(
            totals("fn=(1) main\n5 100\n\ntotals: 1234567\n"),
            Some(1_234_567.0)
        );
        assert_eq!(totals("fn=(1) main\n"), None);
    }
}
