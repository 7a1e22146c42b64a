//! Resume tokens: where a stream stood, for whom, in which epoch.

use std::hash::{BuildHasher, RandomState};

use crate::error::PositionError;
use crate::hub::Filter;

/// Where a stream stood.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Place {
    /// Every change up to this one was sent or did not match.
    pub seq: u64,
    /// The last change that was sent.
    pub last_sent: u64,
}

/// Makes and reads the tokens of one epoch.
///
/// A token carries a keyed check over place and filter. It opens nothing that the caller could not
/// ask for anyway; the check tells a token of this service from a made-up one.
#[derive(Debug)]
pub(crate) struct Tokens {
    epoch: String,
    key: RandomState,
}

impl Tokens {
    pub(crate) fn new(started_nanos: i64) -> Self {
        // Two servers that start in the same nanosecond still differ.
        let chance: u32 = chimera_runtime::chance::random();
        Self {
            epoch: format!("{started_nanos:x}-{chance:08x}"),
            key: RandomState::new(),
        }
    }

    pub(crate) fn epoch(&self) -> &str {
        &self.epoch
    }

    pub(crate) fn write(&self, place: Place, filter: &Filter) -> String {
        let Place { seq, last_sent } = place;
        format!(
            "{}.{seq}.{last_sent}.{:016x}",
            self.epoch,
            self.check(place, filter)
        )
    }

    pub(crate) fn read(&self, token: &str, filter: &Filter) -> Result<Place, PositionError> {
        let mut parts = token.split('.');
        let (Some(epoch), Some(seq), Some(last_sent), Some(check), None) = (
            parts.next(),
            parts.next(),
            parts.next(),
            parts.next(),
            parts.next(),
        ) else {
            return Err(PositionError::InvalidResumeToken);
        };
        let number = |text: &str| text.parse().map_err(|_| PositionError::InvalidResumeToken);
        let place = Place {
            seq: number(seq)?,
            last_sent: number(last_sent)?,
        };
        // Another epoch's check cannot be made here: its key is gone.
        if epoch != self.epoch {
            return Err(PositionError::ResumeExpired);
        }
        if check != format!("{:016x}", self.check(place, filter)) {
            return Err(PositionError::InvalidResumeToken);
        }
        Ok(place)
    }

    fn check(&self, place: Place, filter: &Filter) -> u64 {
        self.key.hash_one((place.seq, place.last_sent, filter))
    }
}
