//! A command, timed, with the memory that it had at most.

use std::io::Read as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};

/// What running a command took, and what it said.
pub(crate) struct Ran {
    pub(crate) seconds: f64,
    /// The most memory that it had at any time.
    pub(crate) megabytes: f64,
    pub(crate) code: Option<i32>,
    pub(crate) said: String,
}

/// Runs a command to its end.
pub(crate) fn run(command: &mut Command) -> Result<Ran> {
    let started = Instant::now();
    let shown = format!("{command:?}");
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .with_context(|| format!("cannot start {shown}"))?;
    // Both pipes are emptied beside each other: a full one would stop the command.
    let mut errors = child.stderr.take().context("no pipe")?;
    let errors = std::thread::spawn(move || {
        let mut text = String::new();
        let _ = errors.read_to_string(&mut text);
        text
    });
    let mut output = child.stdout.take().context("no pipe")?;
    let output = std::thread::spawn(move || {
        let mut text = String::new();
        let _ = output.read_to_string(&mut text);
        text
    });
    let mut megabytes = 0.0_f64;
    let status = loop {
        megabytes = megabytes.max(peak(child.id()));
        if let Some(status) = child.try_wait()? {
            break status;
        }
        std::thread::sleep(Duration::from_millis(20));
    };
    let seconds = started.elapsed().as_secs_f64();
    let said = output.join().unwrap_or_default() + &errors.join().unwrap_or_default();
    Ok(Ran {
        seconds,
        megabytes,
        code: status.code(),
        said,
    })
}

/// Runs a command that must go well.
pub(crate) fn done(command: &mut Command) -> Result<Ran> {
    let ran = run(command)?;
    anyhow::ensure!(ran.code == Some(0), "{command:?}: {}", ran.said);
    Ok(ran)
}

fn peak(pid: u32) -> f64 {
    let status = std::fs::read_to_string(Path::new("/proc").join(pid.to_string()).join("status"));
    let status = status.unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kilobytes = line.and_then(|line| line.split_whitespace().next()?.parse::<f64>().ok());
    kilobytes.unwrap_or(0.0) / 1024.0
}
