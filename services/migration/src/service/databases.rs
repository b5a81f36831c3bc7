//! Both databases as the service holds them: opened when they are first needed, and kept open.
//!
//! The mapping is read anew for every run, so that an edit needs no restart; questions about rows,
//! which come one by one, share a plan for a minute.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use kit::ApiError;
use kit::error::Cause;
use tokio::sync::Mutex;

use crate::mapping::{Mapping, Problems};
use crate::plan::{Plan, PlanError};
use crate::sides::{OpenError, Sides};
use crate::store::{self, Source, Target};

/// How long a plan is good for questions about rows.
const FRESH: Duration = Duration::from_mins(1);

/// How long opening a database, and reading both schemas, may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// Where both databases and the mapping are.
#[derive(Debug, Clone)]
pub struct Places {
    /// The mapping's file.
    pub mapping: PathBuf,
    /// The source's URL.
    pub from: String,
    /// The target's URL.
    pub to: String,
}

/// Both databases.
pub(super) struct Databases {
    places: Places,
    open: Mutex<Option<Open>>,
    plan: Mutex<Option<(Instant, Arc<Plan>)>>,
}

#[derive(Clone)]
struct Open {
    source: Arc<dyn Source>,
    target: Arc<dyn Target>,
}

/// Why there is nothing to work with.
#[derive(Debug, thiserror::Error)]
pub(super) enum SidesError {
    #[error(transparent)]
    Mapping(#[from] Problems),
    #[error(transparent)]
    Open(#[from] OpenError),
    #[error("the databases did not answer within {PATIENCE:?}")]
    TooLate,
}

impl Databases {
    pub(super) fn new(places: Places) -> Self {
        Self {
            places,
            open: Mutex::default(),
            plan: Mutex::default(),
        }
    }

    /// Both, with a plan that was just made.
    pub(super) async fn sides(&self) -> Result<Sides, SidesError> {
        within(self.make()).await
    }

    /// Both, with a plan that is a minute old at most.
    pub(super) async fn recent(&self) -> Result<Sides, SidesError> {
        within(async {
            let mut plan = self.plan.lock().await;
            if let Some((made, plan)) = &*plan
                && made.elapsed() < FRESH
            {
                let Open { source, target } = self.open().await?;
                let plan = Arc::clone(plan);
                return Ok(Sides {
                    source,
                    target,
                    plan,
                });
            }
            let sides = self.make().await?;
            *plan = Some((Instant::now(), Arc::clone(&sides.plan)));
            Ok(sides)
        })
        .await
    }

    /// Whether both answer.
    pub(super) async fn ping(&self) -> Result<(), Cause> {
        let ask = async {
            let Open { source, target } = self.open().await?;
            source.tables().await?;
            target.tables().await?;
            Ok(())
        };
        tokio::time::timeout(PATIENCE, ask).await?
    }

    pub(super) async fn close(&self) {
        if let Some(Open { source, target }) = self.open.lock().await.take() {
            source.close().await;
            target.close().await;
        }
    }

    async fn make(&self) -> Result<Sides, SidesError> {
        let Open { source, target } = self.open().await?;
        let mapping = Mapping::load(&self.places.mapping)?;
        let file = self.places.mapping.display().to_string();
        let plan = Plan::of(&file, &mapping, &*source, target.as_source()).await;
        let plan = plan.map_err(|error| match error {
            PlanError::Mapping(problems) => SidesError::Mapping(problems),
            schema @ PlanError::Schema { .. } => SidesError::Open(schema.into()),
        })?;
        Ok(Sides {
            source,
            target,
            plan: plan.into(),
        })
    }

    async fn open(&self) -> Result<Open, OpenError> {
        let mut open = self.open.lock().await;
        if let Some(open) = &*open {
            return Ok(open.clone());
        }
        let source = store::source(&self.places.from)
            .await
            .map_err(OpenError::Source)?;
        let target = store::target(&self.places.to)
            .await
            .map_err(OpenError::Target)?;
        let opened = Open {
            source: source.into(),
            target: target.into(),
        };
        Ok(open.insert(opened).clone())
    }
}

async fn within<T>(work: impl Future<Output = Result<T, SidesError>>) -> Result<T, SidesError> {
    tokio::time::timeout(PATIENCE, work)
        .await
        .unwrap_or(Err(SidesError::TooLate))
}

/// A mapping that does not fit is the operator's to mend, and is told; what a database says is in
/// the log.
impl From<SidesError> for ApiError {
    fn from(error: SidesError) -> Self {
        match error {
            SidesError::Mapping(problems) => Self::conflict(format!(
                "The mapping does not fit the databases; GET /migration/validate tells all: {}",
                problems
                    .all
                    .first()
                    .map_or("", |problem| problem.message.as_str())
            )),
            other => Self::unavailable("databases", other),
        }
    }
}
