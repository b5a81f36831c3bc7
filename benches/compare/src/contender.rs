//! The comparator, and what it is held against.

use std::hint::black_box;

use clap::ValueEnum;
use serde_json::Value;

use crate::Case;

/// Who works on a case.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Contender {
    /// `comparator::compare`, from bytes to verdict.
    Comparator,
    /// `serde_json`'s parse of both bodies, and nothing else: the floor.
    Parse,
    /// The same parse, and the difference of both values by the crate `json-patch`. It knows no rules,
    /// goes by position, and takes `4.00` and `4` for two numbers.
    JsonPatch,
}

impl Contender {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Comparator, Self::Parse, Self::JsonPatch];

    /// Its name, which is also what the command line calls it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Comparator => "comparator",
            Self::Parse => "parse",
            Self::JsonPatch => "json-patch",
        }
    }

    /// Works on a case once.
    pub fn run(self, case: &Case) {
        match self {
            Self::Comparator => drop(black_box(black_box(case).compare())),
            Self::Parse => drop(black_box(values(black_box(case)))),
            Self::JsonPatch => {
                if let [Some(legacy), Some(modern)] = values(black_box(case)) {
                    drop(black_box(json_patch::diff(&legacy, &modern)));
                }
            }
        }
    }
}

fn values(case: &Case) -> [Option<Value>; 2] {
    case.bodies
        .each_ref()
        .map(|[body]| serde_json::from_slice(body).ok())
}
