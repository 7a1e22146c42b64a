//! Answers, and how to read them.

use std::fmt;

use http::{HeaderMap, StatusCode};

use crate::error::VenueError;
use crate::request::VenueRequest;

/// A whole HTTP answer.
#[derive(Clone, Copy)]
pub struct Answer<'a> {
    /// The status.
    pub status: StatusCode,
    /// Header fields.
    pub headers: &'a HeaderMap,
    /// The whole body.
    pub body: &'a [u8],
}

impl fmt::Debug for Answer<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Answer")
            .field("status", &self.status)
            .field("body_bytes", &self.body.len())
            .finish_non_exhaustive()
    }
}

/// Reads the answer to one request.
type Read<T> = Box<dyn Fn(&Answer<'_>) -> Result<T, VenueError> + Send + Sync>;

/// A request and how to read its answer, which therefore cannot be mixed up.
pub struct Call<T> {
    /// What to send.
    pub request: VenueRequest,
    read: Read<T>,
}

impl<T> Call<T> {
    /// Ties a request to the reader of its answer.
    pub(crate) fn new(
        request: VenueRequest,
        read: impl Fn(&Answer<'_>) -> Result<T, VenueError> + Send + Sync + 'static,
    ) -> Self {
        Self {
            request,
            read: Box::new(read),
        }
    }

    /// Reads the answer: a result, or an error whose class says what is proven.
    ///
    /// # Errors
    /// Fails on refusals, faults, and whatever cannot be read.
    pub fn read(&self, answer: &Answer<'_>) -> Result<T, VenueError> {
        (self.read)(answer)
    }
}

impl<T> fmt::Debug for Call<T> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_tuple("Call").field(&self.request).finish()
    }
}
