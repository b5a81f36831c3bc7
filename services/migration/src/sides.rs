//! Both databases, opened, and the plan between them.

use std::path::Path;
use std::sync::Arc;

use kit::error::Cause;

use crate::mapping::{Mapping, Problems};
use crate::plan::{Plan, PlanError};
use crate::store::{self, Source, Target};

/// Two databases and what becomes of the rows of the one in the other.
#[derive(Clone)]
pub struct Sides {
    /// Where rows come from.
    pub source: Arc<dyn Source>,
    /// Where they go.
    pub target: Arc<dyn Target>,
    /// What becomes of them.
    pub plan: Arc<Plan>,
}

/// Where both are, and the mapping between them.
#[derive(Debug, Clone)]
pub struct Addresses {
    /// The mapping's file, as problems name it.
    pub file: String,
    /// The mapping.
    pub mapping: Mapping,
    /// The source's URL.
    pub from: String,
    /// The target's URL.
    pub to: String,
}

/// Why they could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The source could not be.
    #[error("could not open the database that rows come from")]
    Source(#[source] Cause),
    /// The target could not be.
    #[error("could not open the database that rows go to")]
    Target(#[source] Cause),
    /// The mapping does not fit them.
    #[error(transparent)]
    Plan(#[from] PlanError),
}

impl Addresses {
    /// With the mapping of a file.
    pub fn of(file: &Path, from: &str, to: &str) -> Result<Self, Problems> {
        Ok(Self {
            file: file.display().to_string(),
            mapping: Mapping::load(file)?,
            from: from.to_owned(),
            to: to.to_owned(),
        })
    }
}

impl Sides {
    /// Opens both databases, and holds the mapping against them.
    pub async fn open(addresses: &Addresses) -> Result<Self, OpenError> {
        let source = store::source(&addresses.from)
            .await
            .map_err(OpenError::Source)?;
        let target = store::target(&addresses.to)
            .await
            .map_err(OpenError::Target)?;
        let (file, mapping) = (&addresses.file, &addresses.mapping);
        let plan = Plan::of(file, mapping, &*source, target.as_source()).await?;
        Ok(Self {
            source: source.into(),
            target: target.into(),
            plan: Arc::new(plan),
        })
    }

    /// What both are called, where rows come from first.
    pub fn names(&self) -> (String, String) {
        (self.source.name(), self.target.name())
    }

    /// Lets go of both.
    pub async fn close(&self) {
        self.source.close().await;
        self.target.close().await;
    }
}
