//! Why a call has no answer, and what that means for whoever asked.

use std::time::Duration;

use chimera_runtime::fault::{Fault, QuotaViolation};
use tonic::Code;

use crate::http::{HttpError, Sent};
use crate::quota::QuotaError;
use crate::websocket::WebSocketError;

/// A call that has no answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{cluster} {endpoint}: {cause}")]
pub struct CallError {
    /// The cluster.
    pub cluster: String,
    /// The endpoint.
    pub endpoint: &'static str,
    /// Why.
    pub cause: Cause,
}

/// Why a call has no answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Cause {
    /// No such cluster in the policy.
    #[error("the cluster is not configured")]
    UnknownCluster,
    /// The request leads elsewhere than its cluster's policy allows.
    #[error("the request leads outside its cluster")]
    ForeignOrigin,
    /// The caller thought better of it at the last moment.
    #[error("the caller withdrew the request before it was sent")]
    Withdrawn,
    /// The deadline passed before anything was sent.
    #[error("the deadline passed before the request was sent")]
    Expired,
    /// No room, or a ban.
    #[error(transparent)]
    Quota(#[from] QuotaError),
    /// The breaker is open.
    #[error("the breaker is open, next try in {} ms", retry_in.as_millis())]
    BreakerOpen {
        /// How long until a probe may pass.
        retry_in: Duration,
    },
    /// The request failed.
    #[error(transparent)]
    Http(#[from] HttpError),
    /// The connection could not be opened.
    #[error(transparent)]
    WebSocket(#[from] WebSocketError),
}

impl CallError {
    /// Returns whether bytes of the request may have left; `No` is certain.
    #[must_use]
    pub const fn sent(&self) -> Sent {
        match &self.cause {
            Cause::Http(error) => error.sent(),
            // A handshake places no order, but a login in its address may have been used.
            Cause::WebSocket(_) => Sent::Maybe,
            Cause::UnknownCluster
            | Cause::ForeignOrigin
            | Cause::Withdrawn
            | Cause::Expired
            | Cause::Quota(_)
            | Cause::BreakerOpen { .. } => Sent::No,
        }
    }

    /// Returns the class of the error as a stable lower-case word, for labels.
    #[must_use]
    pub const fn class(&self) -> &'static str {
        self.cause.class()
    }
}

impl Cause {
    /// Returns the class of the cause as a stable lower-case word, for labels.
    #[must_use]
    pub const fn class(&self) -> &'static str {
        match self {
            Self::UnknownCluster => "unknown_cluster",
            Self::ForeignOrigin => "foreign_origin",
            Self::Withdrawn => "withdrawn",
            Self::Expired => "expired",
            Self::Quota(QuotaError::Banned { .. }) => "banned",
            Self::Quota(_) => "quota",
            Self::BreakerOpen { .. } => "breaker_open",
            Self::Http(error) => error.class(),
            Self::WebSocket(error) => error.class(),
        }
    }
}

impl Fault for CallError {
    fn code(&self) -> Code {
        match &self.cause {
            Cause::UnknownCluster => Code::NotFound,
            Cause::ForeignOrigin
            | Cause::Quota(QuotaError::UnknownScope { .. } | QuotaError::TooCostly { .. }) => {
                Code::Internal
            }
            Cause::Withdrawn => Code::Aborted,
            Cause::Quota(_) => Code::ResourceExhausted,
            Cause::BreakerOpen { .. } => Code::Unavailable,
            Cause::Expired | Cause::Http(HttpError::Timeout { .. } | HttpError::Expired) => {
                Code::DeadlineExceeded
            }
            // UNAVAILABLE invites a retry: only where it is certain that nothing left.
            Cause::Http(error) if error.sent() == Sent::No => Code::Unavailable,
            Cause::Http(_) => Code::Internal,
            Cause::WebSocket(_) => Code::Unavailable,
        }
    }

    fn reason(&self) -> &'static str {
        match &self.cause {
            Cause::UnknownCluster => "RESOURCE_NOT_FOUND",
            Cause::ForeignOrigin
            | Cause::Quota(QuotaError::UnknownScope { .. } | QuotaError::TooCostly { .. }) => {
                "INTERNAL"
            }
            // Whoever withdrew knows why and says so; this is for whoever did not expect it.
            Cause::Withdrawn => "INTERNAL",
            Cause::Quota(_) => "VENUE_RATE_LIMIT",
            Cause::BreakerOpen { .. } => "BREAKER_OPEN",
            Cause::Expired | Cause::Http(HttpError::Timeout { .. } | HttpError::Expired) => {
                "DEADLINE_EXCEEDED"
            }
            Cause::Http(error) if error.sent() == Sent::No => "VENUE_UNAVAILABLE",
            Cause::Http(_) => "VENUE_ANSWER_UNREADABLE",
            Cause::WebSocket(_) => "VENUE_UNAVAILABLE",
        }
    }

    fn facts(&self) -> Vec<(&'static str, String)> {
        let mut facts = vec![
            ("cluster", self.cluster.clone()),
            ("endpoint", self.endpoint.to_owned()),
            ("class", self.class().to_owned()),
        ];
        if let Cause::Quota(
            QuotaError::UnknownScope { scope }
            | QuotaError::TooCostly { scope, .. }
            | QuotaError::Exhausted { scope, .. }
            | QuotaError::Banned { scope, .. },
        ) = &self.cause
        {
            facts.push(("scope", scope.clone()));
        }
        facts
    }

    fn retry_after(&self) -> Option<Duration> {
        match &self.cause {
            Cause::Quota(
                QuotaError::Exhausted { frees_in, .. } | QuotaError::Banned { frees_in, .. },
            ) => Some(*frees_in),
            Cause::BreakerOpen { retry_in } => Some(*retry_in),
            _ => None,
        }
    }

    fn quota(&self) -> Vec<QuotaViolation> {
        match &self.cause {
            Cause::Quota(error) => {
                vec![QuotaViolation::new(
                    format!("cluster:{}", self.cluster),
                    error.to_string(),
                )]
            }
            _ => Vec::new(),
        }
    }
}
