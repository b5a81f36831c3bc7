//! Server processes that are pinned to a core, watched through /proc, and gone when their handle
//! is dropped. Linux only, as `taskset` and /proc are.

use std::fs::{self, File};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use rustix::process::{Pid, Signal, kill_process};

const POLL: Duration = Duration::from_millis(5);
/// The unit of CPU time in /proc; Linux has shown 1/100 s to user space for ever.
const TICKS_PER_SECOND: f64 = 100.0;

/// A running server and where its output goes.
pub(crate) struct Server {
    child: Child,
    name: String,
    log: PathBuf,
}

/// What a server and its children have used so far.
#[derive(Clone, Copy)]
pub(crate) struct Usage {
    pub(crate) cpu_seconds: f64,
    pub(crate) resident_mb: f64,
}

impl Server {
    /// Starts `command` pinned to `core`, its output in a file of `directory`.
    pub(crate) fn spawn(
        name: &str,
        core: &str,
        command: &[String],
        directory: &Path,
    ) -> Result<Self> {
        let log = directory.join(format!("{}.log", name.replace(' ', "-")));
        let output = File::create(&log).with_context(|| format!("creating {}", log.display()))?;
        let child = pinned(core, command)
            .stdout(output.try_clone()?)
            .stderr(output)
            .spawn()
            .with_context(|| format!("starting {name}: {}", command.join(" ")))?;
        Ok(Self {
            child,
            name: name.to_owned(),
            log,
        })
    }

    /// Waits until `address` takes connections.
    pub(crate) fn accepting(&mut self, address: SocketAddr, patience: Duration) -> Result<()> {
        self.until(patience, "accepting connections", |_| {
            TcpStream::connect_timeout(&address, Duration::from_millis(200))
                .ok()
                .map(drop)
        })
    }

    /// Waits for the address that the server prints as its first line.
    pub(crate) fn printed_address(&mut self) -> Result<SocketAddr> {
        self.until(Duration::from_secs(10), "printing its address", |log| {
            fs::read_to_string(log).ok()?.lines().next()?.parse().ok()
        })
    }

    fn until<T>(
        &mut self,
        patience: Duration,
        what: &str,
        mut ready: impl FnMut(&Path) -> Option<T>,
    ) -> Result<T> {
        let deadline = Instant::now() + patience;
        loop {
            if let Some(found) = ready(&self.log) {
                return Ok(found);
            }
            if let Some(status) = self.child.try_wait()? {
                bail!(
                    "{} ended with {status} before {what}:\n{}",
                    self.name,
                    self.last_words()
                );
            }
            if Instant::now() > deadline {
                bail!(
                    "{} is not {what} after {patience:?}:\n{}",
                    self.name,
                    self.last_words()
                );
            }
            sleep(POLL);
        }
    }

    fn last_words(&self) -> String {
        let log = fs::read_to_string(&self.log).unwrap_or_default();
        let lines: Vec<&str> = log.lines().rev().take(10).collect();
        lines.into_iter().rev().collect::<Vec<_>>().join("\n")
    }

    pub(crate) fn usage(&self) -> Result<Usage> {
        let mut sum = Usage {
            cpu_seconds: 0.0,
            resident_mb: 0.0,
        };
        for id in family(self.child.id()) {
            // A child may end between being listed and being read.
            let Ok(stat) = fs::read_to_string(format!("/proc/{id}/stat")) else {
                continue;
            };
            let status = fs::read_to_string(format!("/proc/{id}/status")).unwrap_or_default();
            sum.cpu_seconds += cpu_ticks(&stat)
                .with_context(|| format!("/proc/{id}/stat: {stat}"))?
                / TICKS_PER_SECOND;
            sum.resident_mb += resident_kb(&status).unwrap_or(0.0) / 1024.0;
        }
        Ok(sum)
    }

    /// Stops the server at once and waits until its files are written.
    pub(crate) fn stop(mut self, patience: Duration) -> Result<()> {
        self.end(patience)
            .with_context(|| format!("{} did not stop within {patience:?}", self.name))?;
        Ok(())
    }

    fn end(&mut self, patience: Duration) -> Option<ExitStatus> {
        // SIGINT is the fast stop of Pingora and of nginx, whose workers outlive a killed master.
        let id = i32::try_from(self.child.id())
            .ok()
            .and_then(Pid::from_raw)?;
        if let Ok(Some(status)) = self.child.try_wait() {
            return Some(status);
        }
        let _ = kill_process(id, Signal::INT);
        wait(&mut self.child, patience)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if self.end(Duration::from_secs(5)).is_none() {
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
    }
}

/// Runs a load generator on `core` to its end, for at most `patience`, and returns its output.
pub(crate) fn run(
    core: &str,
    command: &[String],
    patience: Duration,
    directory: &Path,
) -> Result<String> {
    let shown = command.join(" ");
    let log = directory.join("generator.log");
    let output = File::create(&log)?;
    let mut child = pinned(core, command)
        .stdout(output.try_clone()?)
        .stderr(output)
        .spawn()
        .with_context(|| format!("starting {shown}"))?;
    let Some(status) = wait(&mut child, patience) else {
        let _ = child.kill();
        let _ = child.wait();
        bail!("{shown}: not done after {patience:?}");
    };
    let text = fs::read_to_string(&log)?;
    if !status.success() {
        bail!("{shown}: {status}\n{text}");
    }
    Ok(text)
}

/// A port that is free now, for servers that cannot say which one they got.
pub(crate) fn free_address() -> Result<SocketAddr> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?)
}

fn pinned(core: &str, command: &[String]) -> Command {
    let mut taskset = Command::new("taskset");
    taskset
        .args(["-c", core])
        .args(command)
        .stdin(Stdio::null());
    taskset
}

fn wait(child: &mut Child, patience: Duration) -> Option<ExitStatus> {
    let deadline = Instant::now() + patience;
    loop {
        match child.try_wait() {
            Ok(Some(status)) => return Some(status),
            Ok(None) if Instant::now() < deadline => sleep(POLL),
            _ => return None,
        }
    }
}

/// A process and everything below it.
fn family(id: u32) -> Vec<u32> {
    let mut members = vec![id];
    let mut next = 0;
    while let Some(&member) = members.get(next) {
        let children = fs::read_to_string(format!("/proc/{member}/task/{member}/children"));
        let children = children.unwrap_or_default();
        members.extend(
            children
                .split_whitespace()
                .filter_map(|child| child.parse::<u32>().ok()),
        );
        next += 1;
    }
    members
}

/// User and system time of a `/proc/PID/stat`, whose second field may hold blanks and brackets.
fn cpu_ticks(stat: &str) -> Option<f64> {
    let (_, after_name) = stat.rsplit_once(") ")?;
    let mut fields = after_name.split_whitespace().skip(11);
    let user: f64 = fields.next()?.parse().ok()?;
    let system: f64 = fields.next()?.parse().ok()?;
    Some(user + system)
}

fn resident_kb(status: &str) -> Option<f64> {
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))?;
    line.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cpu_time_is_read_past_a_name_with_brackets() {
        let stat = "7 (a) R) S 1 7 7 0 -1 4194560 1 0 0 0 250 50 0 0 20 0 1 0 5 6 7";
        assert_eq!(cpu_ticks(stat), Some(300.0));
        assert_eq!(cpu_ticks("7 (a"), None);
    }

    #[test]
    fn a_server_that_ends_early_is_reported_with_its_last_words() {
        let directory = tempfile::tempdir().unwrap();
        let command = ["sh", "-c", "echo port taken >&2; exit 3"].map(str::to_owned);
        let mut server = Server::spawn("early", "0", &command, directory.path()).unwrap();
        let error = server.printed_address().unwrap_err().to_string();
        assert!(
            error.contains("exit status: 3") && error.contains("port taken"),
            "{error}"
        );
    }

    #[test]
    fn an_endless_generator_is_cut_off() {
        let directory = tempfile::tempdir().unwrap();
        let command = ["sleep", "60"].map(str::to_owned);
        let error = run("0", &command, Duration::from_millis(50), directory.path()).unwrap_err();
        assert!(error.to_string().contains("not done after"), "{error}");
    }
}
