//! Something that runs already and is measured beside the mesh.

use std::{fmt, str::FromStr};

use thiserror::Error;
use url::Url;

use super::error::BenchError;

#[cfg(test)]
mod tests;

/// Something that runs already and is measured beside the mesh.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Peer {
    /// Its name in the table.
    pub name: String,
    /// Where it is; the scheme says how to speak to it.
    pub url: Url,
}

/// A peer that cannot be spoken to.
#[derive(Clone, Debug, Error)]
#[error("{text:?} is no peer; say NAME=SCHEME://HOST:PORT/PATH")]
pub struct PeerError {
    text: String,
}

impl FromStr for Peer {
    type Err = PeerError;

    fn from_str(text: &str) -> Result<Self, PeerError> {
        let wrong = || PeerError {
            text: text.to_owned(),
        };
        let (name, url) = text.split_once('=').ok_or_else(wrong)?;
        let url: Url = url.parse().map_err(|_| wrong())?;
        if name.is_empty() || !url.has_host() || url.port_or_known_default().is_none() {
            return Err(wrong());
        }
        Ok(Self {
            name: name.to_owned(),
            url,
        })
    }
}

impl Peer {
    /// Refuses a peer that speaks none of the schemes that a measurement knows.
    pub(super) fn speaks(&self, schemes: &[&str]) -> Result<(), BenchError> {
        if schemes.contains(&self.url.scheme()) {
            return Ok(());
        }
        let wanted = schemes.join(" or ");
        let words = format!("{} is reached by {wanted} here", self.name);
        Err(BenchError::Plan(words))
    }

    /// Returns the error of a peer that does not do what is measured.
    pub(super) fn refused(&self, cause: &dyn fmt::Display) -> BenchError {
        BenchError::Peer {
            name: self.name.clone(),
            cause: cause.to_string(),
        }
    }
}
