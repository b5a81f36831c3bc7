//! `cutover-data sync`.

use std::process::ExitCode;

use anyhow::Context as _;
use clap::Args;
use migration_service::link::Proxy;
use migration_service::mirrored::{self, Command, begin, finish};
use migration_service::sides::Sides;
use migration_service::sync::{Synced, sync};

use super::{Both, stopping};

#[derive(Args)]
pub(super) struct Flags {
    #[command(flatten)]
    both: Both,
    /// What the entities are, as the mapping names them.
    #[arg(
        long,
        value_name = "NAME",
        required_unless_present = "tainted",
        requires = "ids"
    )]
    entity: Option<String>,
    /// The source's id of an entity; may be given several times.
    #[arg(long = "id", value_name = "ID", requires = "entity")]
    ids: Vec<String>,
    /// Bring every entity up to date whose lane the proxy calls tainted because modern lost a
    /// write of it, and clear its taint. The proxy holds its writes meanwhile.
    #[arg(long, conflicts_with = "entity", requires = "proxy")]
    tainted: bool,
    /// Take over the hold of another command: one that died elsewhere, or is to end.
    #[arg(long, requires = "tainted")]
    take_over: bool,
    /// The proxy's control API, such as <http://127.0.0.1:8081>.
    #[arg(long, value_name = "URL", env = "CUTOVER_CONTROL_URL")]
    proxy: Option<Proxy>,
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
    let done = match (&flags.entity, &flags.proxy) {
        (Some(entity), _) => named(&sides, entity, &flags.ids).await,
        (None, Some(proxy)) => tainted(&sides, proxy, flags.take_over).await,
        (None, None) => anyhow::bail!("--tainted needs --proxy"),
    };
    sides.close().await;
    Ok(if done? {
        ExitCode::SUCCESS
    } else {
        ExitCode::from(1)
    })
}

/// Brings entities up to date; whether no row was refused.
async fn named(sides: &Sides, entity: &str, ids: &[String]) -> anyhow::Result<bool> {
    let _alone = mirrored::alone(sides, &stopping()).await.context("sync")?;
    let mut refusals = 0;
    for id in ids {
        let done = sync(&sides.plan, &*sides.source, &*sides.target, entity, id).await?;
        let Synced {
            changed,
            deleted,
            refused,
        } = done;
        println!("{entity}:{id}: {changed} changed, {deleted} deleted, {refused} refused");
        refusals += refused;
    }
    Ok(refusals == 0)
}

async fn tainted(sides: &Sides, proxy: &Proxy, take_over: bool) -> anyhow::Result<bool> {
    let stop = stopping();
    let synced = async {
        let held = begin(proxy, sides, Command::Tainted, take_over, &stop).await?;
        finish(held, sides, &stop).await
    };
    let report = synced.await.context("sync --tainted")?;
    print!("{report}");
    Ok(report.is_complete())
}
