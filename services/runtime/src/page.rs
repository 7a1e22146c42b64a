//! Lists by pages: sizes within bounds, and tokens that only this server can have issued for the
//! list at hand (H48).

use tonic::Code;

use crate::fault::{Fault, FieldError, FieldViolation};
use crate::token::TokenKey;

#[cfg(test)]
mod tests;

const PURPOSE: &str = "page";

/// Issues and reads page tokens.
#[derive(Clone, Debug)]
pub struct PageTokens {
    key: TokenKey,
}

impl PageTokens {
    /// Returns tokens under `key`.
    pub fn new(key: TokenKey) -> Self {
        Self { key }
    }

    /// Returns the token of the page that begins behind `position`, in the list that `filter`
    /// selects.
    ///
    /// `filter` is everything that must be the same in the next request, the caller's account
    /// included: for instance the encoded request without its page fields.
    pub fn issue(&self, filter: &[u8], position: &[u8]) -> String {
        self.key.seal(PURPOSE, filter, position)
    }

    /// Returns the position behind which the page begins; nothing for an empty token, the first
    /// page.
    pub fn read(&self, filter: &[u8], token: &str) -> Result<Option<Vec<u8>>, InvalidPageToken> {
        if token.is_empty() {
            return Ok(None);
        }
        self.key
            .open(PURPOSE, filter, token)
            .map(Some)
            .ok_or(InvalidPageToken)
    }
}

/// A page token that this server did not issue for this filter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("page_token was not issued by this server for this filter; begin without one")]
pub struct InvalidPageToken;

impl Fault for InvalidPageToken {
    fn code(&self) -> Code {
        Code::InvalidArgument
    }

    fn reason(&self) -> &'static str {
        "INVALID_PAGE_TOKEN"
    }

    fn fields(&self) -> Vec<FieldViolation> {
        let valid = "empty, or the next_page_token of an answer to the same filter";
        vec![FieldViolation::new("page_token", valid)]
    }
}

/// The sizes that a list allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PageSize {
    /// What a caller gets who names none.
    pub default: usize,
    /// What a caller gets who names more.
    pub max: usize,
}

impl PageSize {
    /// Returns the size of a page: the default for 0, the maximum for more, and an error for less.
    pub fn read(self, asked: i32) -> Result<usize, FieldError> {
        let refused = |_| FieldError::new("page_size", "must be 0 (the default) or more");
        match usize::try_from(asked).map_err(refused)? {
            0 => Ok(self.default),
            size => Ok(size.min(self.max)),
        }
    }
}
