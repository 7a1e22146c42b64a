//! What the edge itself refuses, before any service hears of it.

use http::StatusCode;
use tonic::Code;

use chimera_runtime::fault::{Fault, FieldError, FieldViolation, Outcome};

/// A request that goes no further than the edge.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Refusal {
    /// A field whose value cannot be read.
    #[error(transparent)]
    Field(#[from] FieldError),
    /// A field that the contract does not know, or that cannot stand where it was given.
    #[error("{field}: {cause}{}", meant(.nearest))]
    UnknownField {
        /// Path of the field as given.
        field: String,
        /// Why it cannot stand there.
        cause: String,
        /// What was most likely meant.
        nearest: Option<String>,
    },
    /// A body that is no JSON text.
    #[error("the body is not valid JSON: {0}")]
    Syntax(String),
    /// A request that breaks HTTP's own rules, or ours of framing.
    #[error("{0}")]
    Framing(&'static str),
    /// A body where none is read.
    #[error("this method takes no body; its fields go into the query")]
    UnexpectedBody,
    /// A body larger than the edge reads.
    #[error("the body is larger than {limit} bytes")]
    BodyTooLarge {
        /// The most that is read.
        limit: usize,
    },
    /// A body that did not arrive in time.
    #[error("the body did not arrive in time; the call was not begun")]
    BodyTooSlow,
    /// A body of another type, or in another encoding, than the edge reads.
    #[error("{header} is not accepted here; {valid}")]
    Media {
        /// The header at fault.
        header: &'static str,
        /// What would be valid.
        valid: &'static str,
    },
    /// A path that names nothing.
    #[error("no method is served at this path{}", list_near(.near))]
    UnknownPath {
        /// Paths that are served and look like it.
        near: Vec<String>,
    },
    /// A path that is served, but not for this HTTP method.
    #[error("this path is served for {allow} only")]
    WrongVerb {
        /// What the `Allow` header says.
        allow: String,
    },
    /// A page of another origin may not call.
    #[error("pages of this origin may not call; list it in the gateway's `origins`")]
    ForeignOrigin {
        /// The origin, as it was sent.
        origin: String,
    },
    /// A name that is not this server's: a page whose name was pointed here, or a wrong proxy.
    #[error("the request is for another host; list its name in the gateway's `hosts`")]
    ForeignHost {
        /// The name.
        host: String,
    },
}

impl Refusal {
    /// Returns the same refusal seen from one level further out: `price` within `order` is
    /// `order.price`.
    pub(crate) fn within(self, outer: &str) -> Self {
        match self {
            Self::Field(error) if error.field.is_empty() => Self::Field(FieldError {
                field: outer.to_owned(),
                ..error
            }),
            Self::Field(error) => Self::Field(error.within(outer)),
            Self::UnknownField {
                field,
                cause,
                nearest,
            } => {
                let nearest = nearest.map(|name| format!("{outer}.{name}"));
                Self::UnknownField {
                    field: format!("{outer}.{field}"),
                    cause,
                    nearest,
                }
            }
            other => other,
        }
    }

    /// Returns the refusal of a field that cannot stand where it was given.
    pub(crate) fn misplaced(field: impl Into<String>, cause: impl Into<String>) -> Self {
        Self::UnknownField {
            field: field.into(),
            cause: cause.into(),
            nearest: None,
        }
    }

    /// Returns the HTTP status where it says more than the one of the gRPC code.
    pub(crate) fn http_status(&self) -> Option<StatusCode> {
        match self {
            Self::BodyTooLarge { .. } => Some(StatusCode::PAYLOAD_TOO_LARGE),
            Self::BodyTooSlow => Some(StatusCode::REQUEST_TIMEOUT),
            Self::Media { .. } => Some(StatusCode::UNSUPPORTED_MEDIA_TYPE),
            Self::WrongVerb { .. } => Some(StatusCode::METHOD_NOT_ALLOWED),
            _ => None,
        }
    }

    /// Returns whether the connection cannot be trusted to be in step any more (H18).
    pub(crate) fn closes_connection(&self) -> bool {
        matches!(
            self,
            Self::Framing(_)
                | Self::ForeignHost { .. }
                | Self::BodyTooLarge { .. }
                | Self::BodyTooSlow
        )
    }
}

impl Fault for Refusal {
    fn code(&self) -> Code {
        match self {
            Self::Field(error) => error.code(),
            Self::BodyTooLarge { .. } => Code::ResourceExhausted,
            Self::BodyTooSlow => Code::DeadlineExceeded,
            Self::UnknownPath { .. } => Code::NotFound,
            Self::WrongVerb { .. } => Code::Unimplemented,
            Self::ForeignOrigin { .. } | Self::ForeignHost { .. } => Code::PermissionDenied,
            Self::UnknownField { .. }
            | Self::Syntax(_)
            | Self::Framing(_)
            | Self::UnexpectedBody
            | Self::Media { .. } => Code::InvalidArgument,
        }
    }

    fn reason(&self) -> &'static str {
        match self {
            Self::Field(error) => error.reason(),
            Self::BodyTooLarge { .. } => "MESSAGE_TOO_LARGE",
            Self::BodyTooSlow => "DEADLINE_EXCEEDED",
            Self::UnknownPath { .. } | Self::WrongVerb { .. } => "UNKNOWN_METHOD",
            Self::ForeignOrigin { .. } | Self::ForeignHost { .. } => "ORIGIN_NOT_ALLOWED",
            Self::UnknownField { .. }
            | Self::Syntax(_)
            | Self::Framing(_)
            | Self::UnexpectedBody
            | Self::Media { .. } => "MALFORMED_REQUEST",
        }
    }

    fn facts(&self) -> Vec<(&'static str, String)> {
        match self {
            Self::Field(error) => error.facts(),
            Self::UnknownField { field, nearest, .. } => {
                let nearest = nearest.iter().map(|nearest| ("nearest", nearest.clone()));
                [("field", field.clone())]
                    .into_iter()
                    .chain(nearest)
                    .collect()
            }
            Self::BodyTooLarge { limit } => vec![("limit", limit.to_string())],
            // A deadline elsewhere leaves the outcome open; here it does not.
            Self::BodyTooSlow => vec![Outcome::NotBegun.fact()],
            Self::Media { header, .. } => vec![("header", (*header).to_owned())],
            Self::UnknownPath { near } if !near.is_empty() => vec![("near", near.join(", "))],
            Self::WrongVerb { allow } => vec![("allow", allow.clone())],
            Self::ForeignOrigin { origin } => vec![("origin", origin.clone())],
            Self::ForeignHost { host } => vec![("host", host.clone())],
            _ => Vec::new(),
        }
    }

    fn fields(&self) -> Vec<FieldViolation> {
        match self {
            Self::Field(error) => error.fields(),
            Self::UnknownField {
                field,
                cause,
                nearest,
            } => {
                vec![FieldViolation::new(
                    field,
                    format!("{cause}{}", meant(nearest)),
                )]
            }
            Self::Media { header, valid } => vec![FieldViolation::new(*header, *valid)],
            _ => Vec::new(),
        }
    }
}

fn meant(nearest: &Option<String>) -> String {
    nearest
        .as_ref()
        .map_or_else(String::new, |name| format!("; did you mean `{name}`?"))
}

fn list_near(near: &[String]) -> String {
    if near.is_empty() {
        String::new()
    } else {
        format!("; near it: {}", near.join(", "))
    }
}
