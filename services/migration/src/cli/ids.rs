//! `cutover-data ids`: tells the proxy which ids a copy made.

use std::process::ExitCode;

use anyhow::Context as _;
use clap::Args;
use migration_service::link::{Proxy, tell_ids};

use super::Both;

#[derive(Args)]
pub(super) struct Flags {
    #[command(flatten)]
    both: Both,
    /// The proxy's control API, such as <http://127.0.0.1:8081>.
    #[arg(long, value_name = "URL", env = "CUTOVER_CONTROL_URL")]
    proxy: Proxy,
}

impl Flags {
    pub(super) fn both(&self) -> &Both {
        &self.both
    }
}

pub(super) async fn run(flags: Flags) -> anyhow::Result<ExitCode> {
    let sides = flags.both.open().await?;
    let prepared = sides.target.prepare().await;
    prepared.map_err(anyhow::Error::from_boxed)?;
    let told = tell_ids(&flags.proxy, &sides.plan, &*sides.target).await;
    sides.close().await;
    let told = told.context("the proxy was not told")?;
    println!("{told}");
    Ok(if told.is_complete() {
        ExitCode::SUCCESS
    } else {
        ExitCode::from(1)
    })
}
