//! Where the walk asks the rules: about scalars that are not the same, values that are ignored, and
//! values that only one side has.

use super::document::{Id, Tag};
use super::walk::{At, Flow, Side, Stop, Walk};
use crate::Kind;
use crate::rules::{Effects, Minted, Reached, Rules, Scalar, Verb};

/// Asking a rule about two scalars costs as much as comparing so many plain values.
const RULE_UNITS: u64 = 20;

impl Walk<'_> {
    /// Whether a rule makes two scalars equal that are not the same.
    pub(super) fn allowed(&mut self, legacy: Id, modern: Id, effects: &Effects) -> Flow<bool> {
        if !Rules::judges_scalars(effects) {
            return Ok(false);
        }
        let length = self.legacy.bytes(legacy).len() + self.modern.bytes(modern).len();
        self.charge(RULE_UNITS + length as u64 / 16)?;
        let (mine, theirs) = (self.legacy.content(legacy), self.modern.content(modern));
        // What is no scalar, or has no characters, is nothing to a rule.
        let (Some((mine, mine_is_text)), Some((theirs, theirs_is_text))) = (&mine, &theirs) else {
            return Ok(false);
        };
        let scalar = |content, is_text: &bool| Scalar {
            content,
            is_text: *is_text,
        };
        let (mine, theirs) = (
            scalar(mine.as_ref(), mine_is_text),
            scalar(theirs.as_ref(), theirs_is_text),
        );
        Ok(self.rules.allow(effects, mine, theirs, self.hits))
    }

    /// Notes what the two sides minted here.
    pub(super) fn tokens(&mut self, legacy: Id, modern: Id, effects: &Effects) -> Flow {
        self.charge_token(self.legacy, legacy)?;
        self.charge_token(self.modern, modern)?;
        let (mine, theirs) = (self.legacy.content(legacy), self.modern.content(modern));
        if let (Some((_, minted)), Some((mine, _)), Some((theirs, _))) =
            (self.rules.minted(effects), mine, theirs)
            && !self.is_nothing(Side::Legacy, legacy)
            && !self.is_nothing(Side::Modern, modern)
        {
            let parameter = match minted {
                Minted::Whole => None,
                Minted::Parameter(name) => Some(name.as_str()),
            };
            self.report.add_tokens(&mine, &theirs, parameter);
        }
        Ok(())
    }

    /// Two values that are ignored: all there is to learn is whether the rule hid something.
    pub(super) fn ignored(&mut self, effects: &Effects, legacy: Id, modern: Id) -> Flow {
        self.charge(1)?;
        let Some((rule, _)) = self.rules.ruling(effects, Verb::Ignore) else {
            return Ok(());
        };
        if self.hits.has(rule) || self.legacy.bytes(legacy) == self.modern.bytes(modern) {
            return Ok(());
        }
        let before = std::mem::replace(&mut self.probing, true);
        let result = self.value(legacy, modern, 0..0);
        self.probing = before;
        match result {
            Err(Stop::Found) => {
                self.hits.add(rule);
                Ok(())
            }
            other => other,
        }
    }

    /// Reports a value that only one side has.
    pub(super) fn lone(&mut self, at: At, kind: Kind, value: Id, reached: &Reached) -> Flow {
        self.charge(1)?;
        self.enter(at, reached, |walk, reached| {
            let effects = walk.effects(&reached);
            let side = if kind == Kind::Missing {
                Side::Legacy
            } else {
                Side::Modern
            };
            let nothing = walk.is_nothing(side, value);
            for verb in [Verb::Ignore, Verb::NullIsMissing] {
                if let Some((rule, _)) = walk.rules.ruling(&effects, verb)
                    && (verb == Verb::Ignore || nothing)
                {
                    walk.hits.add(rule);
                    return Ok(());
                }
            }
            match side {
                Side::Legacy => walk.differ(kind, Some(value), None),
                Side::Modern => walk.differ(kind, None, Some(value)),
            }
        })
    }

    /// Whether a value is null, or an element with nothing in it.
    pub(super) fn is_nothing(&self, side: Side, value: Id) -> bool {
        let document = self.document(side);
        match document.tag(value) {
            Tag::Null => true,
            Tag::Object => self.elements && document.next(value) == value + 1,
            _ => false,
        }
    }
}
