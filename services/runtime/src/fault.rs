//! Errors as they leave the house: one trait turns a service's error into a gRPC status with
//! `google.rpc` details, and a few functions read them back on the other side.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use tonic::{Code, Status};
use tonic_types::{ErrorDetails, StatusExt};

mod invalid;
#[cfg(test)]
mod tests;

pub use invalid::{FieldError, InvalidArgument};

/// The `domain` of every `google.rpc.ErrorInfo` that this project makes.
pub const DOMAIN: &str = "chimera";

/// Longest message put on the wire, in bytes. A status travels in HTTP/2 trailers, and peers
/// commonly refuse header lists above 8 KiB: a longer one would turn a typed error into a broken
/// stream. One byte of a message takes up to three there.
const MESSAGE_BYTES_MAX: usize = 512;

/// Longest single fact, field path or description, in bytes; same reason.
const TEXT_BYTES_MAX: usize = 256;

/// All facts and violations of one status together, in bytes; same reason, four thirds of it there.
const DETAIL_BYTES_MAX: usize = 3_072;

/// An error that a caller is told about: what to branch on, what to match, what to read.
///
/// The text comes from `Display`; it must hold no secret.
pub trait Fault: std::error::Error {
    /// Returns the gRPC code to branch on.
    fn code(&self) -> Code;

    /// Returns the machine-readable reason, `SCREAMING_SNAKE_CASE`, never renamed once published.
    fn reason(&self) -> &'static str;

    /// Returns every variable part of the message, by name.
    fn facts(&self) -> Vec<(&'static str, String)> {
        Vec::new()
    }

    /// Returns the request fields that are at fault.
    fn fields(&self) -> Vec<FieldViolation> {
        Vec::new()
    }

    /// Returns how long to wait before a repetition can succeed.
    fn retry_after(&self) -> Option<Duration> {
        None
    }

    /// Returns the quotas that are used up.
    fn quota(&self) -> Vec<QuotaViolation> {
        Vec::new()
    }

    /// Returns the status that tells a caller about this error.
    fn into_status(self) -> Status
    where
        Self: Sized,
    {
        into_status(self)
    }
}

/// A request field that is at fault, and what would be valid.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldViolation {
    /// Path of the field from the request's root, e.g. `order.quantity`.
    pub field: String,
    /// What would be valid, e.g. `a multiple of 0.01; nearest are 0.01 and 0.02`.
    pub description: String,
}

impl FieldViolation {
    /// Returns a violation of `field`, which `description` says how to mend.
    pub fn new(field: impl Into<String>, description: impl Into<String>) -> Self {
        Self {
            field: field.into(),
            description: description.into(),
        }
    }
}

/// A quota that is used up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QuotaViolation {
    /// Whose quota: e.g. `venue:binance-usdm` or `account:main`.
    pub subject: String,
    /// Which quota, and by how much it is passed.
    pub description: String,
}

impl QuotaViolation {
    /// Returns a violation of the quota of `subject`.
    pub fn new(subject: impl Into<String>, description: impl Into<String>) -> Self {
        Self {
            subject: subject.into(),
            description: description.into(),
        }
    }
}

/// Returns the status that tells a caller about `fault`: its code and text, one `ErrorInfo` with
/// its reason and facts, and `BadRequest`, `RetryInfo` and `QuotaFailure` where it has any.
///
/// Texts are cut to a bound, so that the status always fits into HTTP/2 trailers.
pub fn into_status(fault: impl Fault) -> Status {
    let mut room = Room(DETAIL_BYTES_MAX);
    let mut facts = HashMap::new();
    for (name, value) in fault.facts() {
        if let Some([name, value]) = room.take([name.to_owned(), value]) {
            facts.insert(name, value);
        }
    }
    let mut details = ErrorDetails::with_error_info(fault.reason(), DOMAIN, facts);
    if let Some(delay) = fault.retry_after() {
        details.set_retry_info(Some(delay));
    }
    for violation in fault.fields() {
        if let Some([field, description]) = room.take([violation.field, violation.description]) {
            details.add_bad_request_violation(field, description);
        }
    }
    for violation in fault.quota() {
        if let Some([subject, description]) = room.take([violation.subject, violation.description])
        {
            details.add_quota_failure_violation(subject, description);
        }
    }
    let message = cut(fault.to_string(), MESSAGE_BYTES_MAX);
    Status::with_error_details(fault.code(), message, details)
}

/// What is left of [`DETAIL_BYTES_MAX`].
struct Room(usize);

impl Room {
    /// Returns both texts, each cut to its bound, or nothing when they no longer fit.
    fn take(&mut self, texts: [String; 2]) -> Option<[String; 2]> {
        let texts = texts.map(|text| cut(text, TEXT_BYTES_MAX));
        self.0 = self.0.checked_sub(texts[0].len() + texts[1].len())?;
        Some(texts)
    }
}

fn cut(mut text: String, bytes_max: usize) -> String {
    if text.len() > bytes_max {
        text.truncate(text.floor_char_boundary(bytes_max - '…'.len_utf8()));
        text.push('…');
    }
    text
}

/// Returns the reason of a status that this project made, e.g. `ORDER_CLOSED`.
pub fn reason_of(status: &Status) -> Option<String> {
    let info = status.get_details_error_info()?;
    (info.domain == DOMAIN).then_some(info.reason)
}

/// Returns the facts of a status that this project made, by name; empty for any other.
pub fn facts_of(status: &Status) -> BTreeMap<String, String> {
    status
        .get_details_error_info()
        .filter(|info| info.domain == DOMAIN)
        .map(|info| info.metadata.into_iter().collect())
        .unwrap_or_default()
}

/// Returns the request fields that a status blames.
pub fn fields_of(status: &Status) -> Vec<FieldViolation> {
    let blamed = status
        .get_details_bad_request()
        .map(|found| found.field_violations);
    blamed
        .unwrap_or_default()
        .into_iter()
        .map(|violation| FieldViolation::new(violation.field, violation.description))
        .collect()
}

/// What a failed call says about the work it asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Nothing was begun: to repeat the call is safe whatever it asked for.
    NotBegun,
    /// Nobody knows; it may have been done.
    Unknown,
}

impl Outcome {
    /// Returns the fact that states this outcome, for [`Fault::facts`].
    pub fn fact(self) -> (&'static str, String) {
        let word = match self {
            Self::NotBegun => OUTCOME_NOT_BEGUN,
            Self::Unknown => "unknown",
        };
        (OUTCOME, word.to_owned())
    }
}

/// Name of the fact that states an [`Outcome`].
const OUTCOME: &str = "outcome";
const OUTCOME_NOT_BEGUN: &str = "not_begun";

/// Returns what a failed call says about its work. Whatever does not state that nothing was begun
/// leaves it unknown: the absence of evidence proves nothing.
pub fn outcome_of(status: &Status) -> Outcome {
    match facts_of(status)
        .get(OUTCOME)
        .is_some_and(|word| word == OUTCOME_NOT_BEGUN)
    {
        true => Outcome::NotBegun,
        false => Outcome::Unknown,
    }
}

/// Returns how long a status asks to wait before the call is repeated.
pub fn retry_after_of(status: &Status) -> Option<Duration> {
    status.get_details_retry_info()?.retry_delay
}

/// Returns the quotas that a status names as used up.
pub fn quota_of(status: &Status) -> Vec<QuotaViolation> {
    let used_up = status
        .get_details_quota_failure()
        .map(|found| found.violations);
    used_up
        .unwrap_or_default()
        .into_iter()
        .map(|violation| QuotaViolation::new(violation.subject, violation.description))
        .collect()
}
