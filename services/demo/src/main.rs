//! The whole sample system and the proxy in one process, with traffic: what `make demo` starts.
//!
//! Every part is the real one, served on its own port, on the databases that it is given or on
//! files. Only the processes are missing; `docker-compose.yml` has those.

mod args;
mod data;
mod databases;
mod routes;
mod sample;
mod screen;

use anyhow::Context;
use args::Config;
use cutover::server::{self, Options};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

/// Worth 1.1 to 1.15 times the system's allocator in the data plane.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// How long a stop waits for what is under way; Ctrl-C promises two seconds in all.
const PATIENCE: Duration = Duration::from_secs(1);

fn main() -> ExitCode {
    let config = match kit::config::read(args::ready) {
        Ok(config) => config,
        Err(code) => return code,
    };
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build();
    let result = runtime
        .context("cannot start a runtime")
        .and_then(|runtime| {
            let result = runtime.block_on(run(&config));
            // Requests that are still under way after the stop are cut off.
            runtime.shutdown_timeout(Duration::ZERO);
            result
        });
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("demo: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn run(config: &Config) -> anyhow::Result<()> {
    let args = &config.args;
    let folder = &args.data_dir;
    std::fs::create_dir_all(folder)
        .with_context(|| format!("cannot make the data directory {}", folder.display()))?;
    let folder = folder
        .canonicalize()
        .context("cannot find the data directory")?;
    log_to(&folder)?;

    let sample = sample::start(config, &folder).await?;
    forget_writes(&folder)?;
    let routes_file = routes::copy(&folder, &sample.addresses, sample.migration)?;
    let proxy = server::start(&Options {
        routes: routes_file.clone(),
        listen: args.address(args.proxy_port),
        control: args.address(args.control_port),
        journal: folder.join("journal.db"),
        threads: 1,
    })
    .await
    .map_err(|error| {
        anyhow::anyhow!(
            error
                .to_string()
                .replace("--listen", "--proxy-port")
                .replace("--control", "--control-port")
        )
    })?;

    println!("{}", sample.migrated);
    println!(
        "drifted     {} rows of the modern database, on purpose",
        demo::drift::ROWS
    );
    println!("migration   http://{}/api/docs", sample.migration);
    println!("proxy       http://{}", proxy.address);
    println!("dashboard   http://{}", proxy.control_address);
    println!(
        "routes      {}   (edit it: traffic moves within a second)",
        routes_file.display()
    );
    println!("data        {}", folder.display());
    println!();
    let traffic =
        (!args.no_traffic).then(|| tokio::spawn(demo::traffic::run(proxy.address, args.rate)));
    tokio::select! {
        () = screen::show(&proxy) => {}
        () = kit::serve::signalled() => {}
    }
    println!("stopping");
    if let Some(traffic) = traffic {
        traffic.abort();
    }
    proxy.stop(PATIENCE).await;
    Ok(())
}

/// What an earlier demo had still to write was for databases that are made anew.
fn forget_writes(folder: &std::path::Path) -> anyhow::Result<()> {
    for file in ["outbox.db", "outbox.db-wal"] {
        match std::fs::remove_file(folder.join(file)) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                return Err(error).with_context(|| format!("cannot remove the old {file}"));
            }
            _ => {}
        }
    }
    Ok(())
}

/// Warnings go to a file: the screen belongs to the routes.
fn log_to(folder: &std::path::Path) -> anyhow::Result<()> {
    let path = folder.join("demo.log");
    let file = std::fs::File::create(&path)
        .with_context(|| format!("cannot write the log {}", path.display()))?;
    tracing_subscriber::fmt()
        .with_env_filter(
            tracing_subscriber::EnvFilter::try_from_default_env().unwrap_or_else(|_| {
                tracing_subscriber::EnvFilter::new("warn,cutover=info,tiberius=off")
            }),
        )
        .with_ansi(false)
        .with_writer(Arc::new(file))
        .init();
    Ok(())
}
