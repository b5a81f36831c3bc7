//! `cutover-data sync`.

use std::process::ExitCode;

use clap::Args;
use migration_service::sync::{Synced, sync};

use super::Both;

#[derive(Args)]
pub(super) struct Flags {
    #[command(flatten)]
    both: Both,
    /// What the entities are, as the mapping names them.
    #[arg(long, value_name = "NAME")]
    entity: String,
    /// The source's id of an entity; may be given several times.
    #[arg(long = "id", value_name = "ID", required = true)]
    ids: Vec<String>,
}

impl Flags {
    pub(super) fn both(&self) -> &Both {
        &self.both
    }
}

pub(super) async fn run(flags: Flags) -> anyhow::Result<ExitCode> {
    let sides = flags.both.open().await?;
    sides
        .target
        .prepare()
        .await
        .map_err(anyhow::Error::from_boxed)?;
    let mut refusals = 0;
    for id in &flags.ids {
        let done = sync(
            &sides.plan,
            &*sides.source,
            &*sides.target,
            &flags.entity,
            id,
        )
        .await?;
        let Synced {
            changed,
            deleted,
            refused,
        } = done;
        println!(
            "{}:{id}: {changed} changed, {deleted} deleted, {refused} refused",
            flags.entity
        );
        refusals += refused;
    }
    sides.close().await;
    Ok(if refusals == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::from(1)
    })
}
