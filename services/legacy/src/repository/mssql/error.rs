//! What goes wrong between the monolith and SQL Server, and what a number of the server's means.

use std::time::Duration;

use super::address::AddressError;
use crate::repository::RepositoryError;

/// Why the database could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The URL is wrong.
    #[error(transparent)]
    Address(#[from] AddressError),
    /// The server could not be reached, or refused the login.
    #[error(transparent)]
    Server(#[from] MssqlError),
    /// A batch of the scripts that make tables and procedures failed.
    #[error("batch {batch} of migrations/legacy/mssql/{script} failed")]
    Script {
        /// The file.
        script: &'static str,
        /// Which of its batches, from 1.
        batch: usize,
        /// What failed.
        #[source]
        source: MssqlError,
    },
}

/// Why a call has no answer.
#[derive(Debug, thiserror::Error)]
pub enum MssqlError {
    /// Every connection was in use for too long.
    #[error("no connection to SQL Server became free within {0:?}")]
    Busy(Duration),
    /// The repository was closed.
    #[error("the connections to SQL Server are closed")]
    Closed,
    /// The server cannot be reached, or refuses the login.
    #[error("could not connect to {address}")]
    Connect {
        /// The server, the user and the database.
        address: String,
        /// What the driver says.
        #[source]
        source: Box<tiberius::error::Error>,
    },
    /// The server took too long over the login.
    #[error("{address} did not accept a connection within {limit:?}")]
    ConnectTimeout {
        /// The server, the user and the database.
        address: String,
        /// How long it had.
        limit: Duration,
    },
    /// The answer took too long.
    #[error("{call} had no whole answer within {limit:?}")]
    Timeout {
        /// What was called.
        call: &'static str,
        /// How long it had.
        limit: Duration,
    },
    /// The server refused, or the connection broke off.
    #[error("{call} failed")]
    Call {
        /// What was called.
        call: &'static str,
        /// What the driver says.
        #[source]
        source: Box<tiberius::error::Error>,
    },
    /// The answer has another number of results than the procedure gives.
    #[error("{call} gave {found} results instead of {expected}")]
    Results {
        /// What was called.
        call: &'static str,
        /// How many it should give.
        expected: usize,
        /// How many it gave.
        found: usize,
    },
    /// The answer has no row where the procedure always gives one.
    #[error("{call} gave no row")]
    NoRow {
        /// What was called.
        call: &'static str,
    },
    /// A column holds what it cannot, or is not there.
    #[error("column {column} holds {found}")]
    Column {
        /// Its name.
        column: &'static str,
        /// What is there instead.
        found: String,
    },
    /// A value that no parameter of a procedure can take.
    #[error("{value} does not fit parameter {parameter}")]
    Parameter {
        /// Its name.
        parameter: &'static str,
        /// The value.
        value: String,
    },
}

/// What the monolith makes of an error's number; the procedures' own are in `0003_writes.sql`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Meaning {
    UnknownCustomer,
    UnknownOrder,
    DiscountAboveSubtotal,
    /// A unique constraint or index (2627, 2601).
    Duplicate,
    /// A foreign key or a check (547).
    Reference,
    /// A number that its column does not hold (8115, and 8114 where it came as text).
    Overflow,
    /// This transaction was rolled back so that another could go on (1205).
    Deadlock,
    /// The login cannot open its database, most likely because it is not there (4060, 911).
    NoDatabase,
    /// Somebody else made the database at the same time (1801).
    DatabaseExists,
    Other,
}

impl MssqlError {
    fn driver(&self) -> Option<&tiberius::error::Error> {
        match self {
            Self::Connect { source, .. } | Self::Call { source, .. } => Some(source),
            _ => None,
        }
    }

    pub(super) fn meaning(&self) -> Meaning {
        match self.driver().and_then(tiberius::error::Error::code) {
            Some(51001) => Meaning::UnknownCustomer,
            Some(51002) => Meaning::UnknownOrder,
            Some(51003) => Meaning::DiscountAboveSubtotal,
            Some(2627 | 2601) => Meaning::Duplicate,
            Some(547) => Meaning::Reference,
            Some(8115 | 8114) => Meaning::Overflow,
            Some(1205) => Meaning::Deadlock,
            Some(4060 | 911) => Meaning::NoDatabase,
            Some(1801) => Meaning::DatabaseExists,
            _ => Meaning::Other,
        }
    }

    /// Whether the server's message names this constraint; it does so in every language.
    pub(super) fn names(&self, constraint: &str) -> bool {
        let driver = self.driver();
        matches!(driver, Some(tiberius::error::Error::Server(token))
            if token.message().contains(constraint))
    }

    /// The rule that a procedure found broken, or a failure.
    pub(super) fn refused(self) -> RepositoryError {
        match self.meaning() {
            Meaning::UnknownCustomer => RepositoryError::UnknownCustomer,
            Meaning::UnknownOrder => RepositoryError::UnknownOrder,
            Meaning::DiscountAboveSubtotal => RepositoryError::DiscountAboveSubtotal,
            Meaning::Overflow => RepositoryError::AmountTooLarge("an amount".to_owned()),
            _ => self.into(),
        }
    }
}

impl From<MssqlError> for RepositoryError {
    fn from(error: MssqlError) -> Self {
        Self::Store(kit::store::StoreError::database(error))
    }
}
