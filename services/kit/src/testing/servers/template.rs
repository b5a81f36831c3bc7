//! Directories of data that take a while to make: made once for each target directory, and copied.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;

use super::binaries::binary;

/// The directory of this name beside the tests' binaries, made by whichever test comes first; a
/// half-made one is never seen.
pub(super) fn template(name: &str, make: impl FnOnce(&Path)) -> PathBuf {
    let tests = std::env::current_exe().expect("a test's path");
    let cache = tests.ancestors().nth(2).expect("a target directory");
    let cache = cache.join("test-servers");
    fs::create_dir_all(&cache).expect("a directory beside the tests");
    let template = cache.join(name);
    let lock = File::create(cache.join("lock")).expect("a lock file");
    lock.lock().expect("a lock");
    if !template.is_dir() {
        let partial = cache.join(format!("{name}.partial"));
        // One may be left by a test that was killed here.
        let _ = fs::remove_dir_all(&partial);
        make(&partial);
        fs::rename(&partial, &template).expect("a directory in its place");
    }
    template
}

/// The digits of a program's version.
pub(super) fn version(program: &str) -> String {
    let version = finished(Command::new(binary(program)).arg("--version"));
    version
        .chars()
        .filter(|c| c.is_ascii_digit() || *c == '.')
        .collect()
}

/// Copies a directory with its owners, and shares its blocks where the file system can.
pub(super) fn copy(from: &Path, to: &Path) {
    let mut cp = Command::new("cp");
    finished(cp.args(["-a", "--reflink=auto"]).arg(from).arg(to));
}

/// What a command printed, once it went well.
pub(super) fn finished(command: &mut Command) -> String {
    let output = command
        .output()
        .unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {errors}");
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

pub(super) fn text(path: &Path) -> String {
    path.to_str().expect("a path of text").to_owned()
}
