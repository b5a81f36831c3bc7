//! What can be said of findings by their stored samples: whether today's rules hide them, which
//! rule would, and what all samples have in common; and a finding as a file that is a test.
//!
//! Samples are stored redacted and shortened. Where that is in the way nothing is concluded, and a
//! finding stays as it is. Nothing here is asked while a client waits.

mod advice;
mod file;
mod judge;
mod preview;
mod recheck;
mod replay;
mod rule;
mod stored;
mod verify;

pub use advice::{Advice, AllowingRule, advise};
pub use file::{EXTENSION, Expect, ExportError, FileError, FileRules, FindingFile, LONGEST};
pub use judge::{Judged, Trial};
pub use preview::{Hidden, Preview, PreviewError, preview};
pub use recheck::follow;
pub use replay::{Replay, ReplayResult, replay};
pub use rule::{RuleTextError, read as read_rule};
pub use verify::{Verified, verify};
