//! The fault of a request that cannot be read: which fields, and what would be valid there.

use tonic::Code;

use super::{Fault, FieldViolation};

/// One field that cannot be read as it stands.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {expected}")]
pub struct FieldError {
    /// Path of the field from the request's root, e.g. `order.quantity`.
    pub field: String,
    /// What would be valid, e.g. `must be exact decimal text above zero, such as 0.015`.
    pub expected: String,
}

impl FieldError {
    /// Returns the error of `field`, for which `expected` says what would be valid.
    pub fn new(field: impl Into<String>, expected: impl Into<String>) -> Self {
        Self {
            field: field.into(),
            expected: expected.into(),
        }
    }

    /// Returns the same error seen from one level further out: `price` within `order` is
    /// `order.price`.
    pub fn within(self, outer: &str) -> Self {
        Self {
            field: format!("{outer}.{}", self.field),
            expected: self.expected,
        }
    }
}

impl Fault for FieldError {
    fn code(&self) -> Code {
        Code::InvalidArgument
    }

    fn reason(&self) -> &'static str {
        InvalidArgument::REASON
    }

    fn facts(&self) -> Vec<(&'static str, String)> {
        vec![
            ("field", self.field.clone()),
            ("expected", self.expected.clone()),
        ]
    }

    fn fields(&self) -> Vec<FieldViolation> {
        vec![FieldViolation::new(
            self.field.clone(),
            self.expected.clone(),
        )]
    }
}

/// A request with one or more fields that cannot be read, all named at once.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}", list(.errors))]
pub struct InvalidArgument {
    errors: Vec<FieldError>,
}

impl InvalidArgument {
    /// The reason of every invalid request.
    pub const REASON: &'static str = "INVALID_FIELD";

    /// Returns an error if any was found, else nothing: the end of a validation that collects.
    pub fn check(errors: Vec<FieldError>) -> Result<(), Self> {
        if errors.is_empty() {
            Ok(())
        } else {
            Err(Self { errors })
        }
    }

    /// Returns what was found, in order.
    pub fn errors(&self) -> &[FieldError] {
        &self.errors
    }
}

impl From<FieldError> for InvalidArgument {
    fn from(error: FieldError) -> Self {
        Self {
            errors: vec![error],
        }
    }
}

impl Fault for InvalidArgument {
    fn code(&self) -> Code {
        Code::InvalidArgument
    }

    fn reason(&self) -> &'static str {
        Self::REASON
    }

    fn facts(&self) -> Vec<(&'static str, String)> {
        self.errors.first().map(Fault::facts).unwrap_or_default()
    }

    fn fields(&self) -> Vec<FieldViolation> {
        self.errors.iter().flat_map(Fault::fields).collect()
    }
}

fn list(errors: &[FieldError]) -> String {
    let texts: Vec<String> = errors.iter().map(ToString::to_string).collect();
    texts.join("; ")
}
