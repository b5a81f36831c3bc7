//! The servers under load: private ones of `kit`, and the two services as their users run them.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use anyhow::{Context as _, Result, bail, ensure};
use kit::testing::servers::{Postgres, Redis};
use serde_json::Value;

/// The unit of CPU time in /proc; Linux has shown 1/100 s to user space for ever.
const TICKS_PER_SECOND: f64 = 100.0;

/// Everything that runs, until it is dropped.
pub(crate) struct Servers {
    pub(crate) orders: Service,
    pub(crate) invoices: Service,
    _postgres: Postgres,
    _redis: Redis,
}

/// A running service.
pub(crate) struct Service {
    child: Child,
    pub(crate) url: String,
}

/// Keeps this process, and whatever it starts from now on, on these cores.
pub(crate) fn pin_this_process(cores: &str) -> Result<()> {
    let mut taskset = Command::new("taskset");
    taskset.args(["-a", "-c", "-p", cores, &std::process::id().to_string()]);
    let done = taskset.output().context("taskset")?;
    let said = String::from_utf8_lossy(&done.stderr);
    ensure!(done.status.success(), "taskset -c {cores}: {said}");
    Ok(())
}

impl Servers {
    pub(crate) fn start(core: usize) -> Result<Self> {
        let (postgres, redis) = (Postgres::start_durable(), Redis::start());
        let common = [
            "--listen=127.0.0.1:0".to_owned(),
            format!("--database-url={}", postgres.database()),
            format!("--redis-url={}", redis.url()),
            "--migrate-at-start".to_owned(),
        ];
        let orders = Service::start(core, "order-service", &common)?;
        let mut of_invoices = common.to_vec();
        of_invoices.push(format!("--order-service-url={}", orders.url));
        let invoices = Service::start(core, "invoice-service", &of_invoices)?;
        Ok(Self {
            orders,
            invoices,
            _postgres: postgres,
            _redis: redis,
        })
    }

    /// CPU time of both services so far.
    pub(crate) fn cpu_seconds(&self) -> Result<f64> {
        Ok(self.orders.cpu_seconds()? + self.invoices.cpu_seconds()?)
    }
}

impl Service {
    fn start(core: usize, name: &str, arguments: &[String]) -> Result<Self> {
        let program = beside_this_process(name)?;
        let mut taskset = Command::new("taskset");
        taskset.args(["-c", &core.to_string()]).arg(&program);
        let mut child = taskset
            .args(arguments)
            .env_remove("RUST_LOG")
            .stderr(Stdio::piped())
            .spawn()
            .with_context(|| program.display().to_string())?;
        let log = child.stderr.take().context("a pipe")?;
        let mut service = Self {
            child,
            url: String::new(),
        };
        let mut lines = BufReader::new(log).lines();
        for line in lines.by_ref() {
            let line = line?;
            let said: Value = serde_json::from_str(&line).unwrap_or_default();
            if let Some(listen) = said.get("listen").and_then(Value::as_str) {
                service.url = format!("http://{listen}");
                break;
            }
            tell(name, &line);
        }
        if service.url.is_empty() {
            bail!("{name} ended before it listened");
        }
        let name = name.to_owned();
        std::thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                tell(&name, &line);
            }
        });
        Ok(service)
    }

    fn cpu_seconds(&self) -> Result<f64> {
        let path = format!("/proc/{}/stat", self.child.id());
        let stat = fs::read_to_string(&path).with_context(|| path.clone())?;
        // The name before the bracket may hold blanks.
        let (_, fields) = stat.rsplit_once(") ").with_context(|| path.clone())?;
        let ticks = |field: usize| -> Result<f64> {
            let text = fields.split(' ').nth(field).context("a short line")?;
            Ok(text.parse()?)
        };
        Ok((ticks(11)? + ticks(12)?) / TICKS_PER_SECOND)
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Shows what a service logs, unless all is as it should be.
fn tell(name: &str, line: &str) {
    if !line.contains(r#""level":"INFO""#) {
        eprintln!("{name}: {line}");
    }
}

/// Cargo puts a benchmark into `deps` below the programs.
fn beside_this_process(name: &str) -> Result<PathBuf> {
    let this = std::env::current_exe()?;
    let programs = this.ancestors().skip(1).take(2);
    let mut found = programs.map(|directory| directory.join(name));
    found
        .find(|program| program.is_file())
        .with_context(|| format!("{name} is not built: `make bench-services` builds it"))
}
