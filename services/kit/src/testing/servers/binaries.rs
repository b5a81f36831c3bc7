//! Where the distribution keeps the servers' programs.

use std::path::{Path, PathBuf};

/// A program of the `PATH`, or of Debian's directory for the newest `PostgreSQL`.
///
/// A missing one fails the test with what to do about it.
pub(super) fn binary(name: &str) -> PathBuf {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found = std::env::split_paths(&path)
        .chain(newest_postgres())
        .chain(["/usr/sbin".into(), "/usr/local/sbin".into()])
        .map(|directory| directory.join(name))
        .find(|program| program.is_file());
    found.unwrap_or_else(|| panic!("`{name}` is not installed: `make test` installs it"))
}

fn newest_postgres() -> Option<PathBuf> {
    let version = |path: &Path| path.file_name()?.to_str()?.parse::<u32>().ok();
    let versions = std::fs::read_dir("/usr/lib/postgresql").ok()?;
    let newest = versions
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| version(path).is_some())
        .max_by_key(|path| version(path))?;
    Some(newest.join("bin"))
}
