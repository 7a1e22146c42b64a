//! What a caller is told when it is not what they asked for.

use std::time::Duration;

use chimera_model::order::OrderState;
use chimera_model::{Account, ClientOrderIndex, IdError, Rule, RuleViolation, Symbol, Venue};
use chimera_runtime::fault::{Fault, FieldViolation, InvalidArgument};
use tonic::Code;

use crate::denial::Denial;

/// A pause after which a service that was busy or not ready is worth another try.
const RETRY_SOON: Duration = Duration::from_millis(250);

/// What a caller is told when it is not what they asked for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OrderError {
    /// Fields that cannot be read.
    #[error(transparent)]
    Invalid(#[from] InvalidArgument),
    /// Fields that contradict each other.
    #[error("{words}")]
    Contradictory {
        /// Which fields.
        fields: Vec<&'static str>,
        /// What is wrong with them.
        words: &'static str,
    },
    /// A number breaks a rule of the instrument.
    #[error(transparent)]
    Rule(#[from] RuleViolation),
    /// No venue of that name.
    #[error("no venue `{venue}` is configured")]
    UnknownVenue {
        /// The name.
        venue: Venue,
        /// Those there are.
        known: String,
    },
    /// No account of that name at the venue.
    #[error("no account `{account}` is configured")]
    UnknownAccount {
        /// The name.
        account: Account,
    },
    /// No such instrument or alias.
    #[error("{venue} has no instrument `{symbol}`")]
    UnknownInstrument {
        /// Where.
        venue: Venue,
        /// What was asked for.
        symbol: String,
    },
    /// The venue does not offer it; nothing was begun.
    #[error("{venue} does not offer {what} of {symbol}")]
    UnsupportedByVenue {
        /// Where.
        venue: Venue,
        /// Of what.
        symbol: Symbol,
        /// What it does not offer.
        what: &'static str,
    },
    /// The venue takes no orders for it.
    #[error("{symbol} is not trading")]
    InstrumentNotTrading {
        /// Which.
        symbol: Symbol,
    },
    /// No order of that index.
    #[error("account `{account}` has no order {index}")]
    NotFound {
        /// Whose.
        account: Account,
        /// Which.
        index: ClientOrderIndex,
    },
    /// The order has ended.
    #[error("order {index} is already {state}")]
    Closed {
        /// Which.
        index: ClientOrderIndex,
        /// How.
        state: OrderState,
    },
    /// The index was used with another payload.
    #[error("order {index} was placed with another payload: {}", fields.join(", "))]
    IndexConflict {
        /// Which.
        index: ClientOrderIndex,
        /// What differs.
        fields: Vec<&'static str>,
    },
    /// The caller's time ended before the outcome was known.
    #[error("the outcome of the order is not known yet; ask for it, never place it again")]
    OutcomeUnknown {
        /// Which, if it was claimed by then.
        index: Option<ClientOrderIndex>,
    },
    /// Every index is used.
    #[error("every index of account `{account}` is used")]
    IndexExhausted {
        /// Whose.
        account: Account,
    },
    /// Risk said no; the order is recorded as DENIED.
    #[error("order {index} is denied: {denial}")]
    Denied {
        /// Which.
        index: ClientOrderIndex,
        /// Why.
        denial: Denial,
    },
    /// Risk would say no.
    #[error("the order would be denied: {denial}")]
    WouldBeDenied {
        /// Why.
        denial: Denial,
    },
    /// Too many new orders in the window; nothing was begun.
    #[error("more than {limit} new orders a second")]
    RateLimited {
        /// How many may be.
        limit: u32,
    },
    /// No fresh price to check the order against; nothing was begun.
    #[error("no fresh price of {symbol} at {venue}")]
    NoFreshPrice {
        /// Where.
        venue: Venue,
        /// Of what.
        symbol: Symbol,
    },
    /// The session cannot take new risk now; nothing was begun.
    #[error("{venue} is not ready: {session}")]
    VenueNotReady {
        /// Where.
        venue: Venue,
        /// What it is doing.
        session: String,
    },
    /// This service is still recovering; nothing was begun.
    #[error("still recovering; cancels are accepted, new orders are not yet")]
    Recovering,
    /// A page token of another list.
    #[error("the page token was not made for this list")]
    InvalidPageToken,
    /// History that is no longer kept.
    #[error("the history after the resume token is no longer kept; begin with a snapshot")]
    ResumeExpired,
    /// A token of somebody else.
    #[error("the resume token was not made by this service for this filter")]
    InvalidResumeToken,
    /// Too many streams.
    #[error("{limit} streams are open, which is as many as may be")]
    SubscriptionLimit {
        /// How many may be.
        limit: usize,
    },
    /// Too much at once; nothing was begun.
    #[error("too much at once; nothing was begun")]
    Overloaded,
    /// The service is ending; nothing was begun.
    #[error("the service is draining; nothing was begun")]
    Draining,
    /// The journal does not store.
    #[error("the journal cannot store; order flow has stopped")]
    JournalFailed,
    /// The connector does not answer.
    #[error("the connector could not be asked: {words}")]
    PeerUnavailable {
        /// What it said.
        words: String,
    },
    /// The venue does not answer.
    #[error("{venue} could not be asked: {words}")]
    VenueUnavailable {
        /// Where.
        venue: Venue,
        /// What was said.
        words: String,
    },
    /// A defect.
    #[error("a defect: {0}")]
    Internal(&'static str),
}

impl OrderError {
    /// Returns the error of one field that cannot be read.
    pub(crate) fn field(field: &'static str, expected: impl Into<String>) -> Self {
        let error = chimera_runtime::fault::FieldError::new(field, expected);
        Self::Invalid(error.into())
    }

    /// Returns the error of a field that does not name anything.
    pub(crate) fn id(field: &'static str, error: &IdError) -> Self {
        Self::field(field, error.to_string())
    }
}

fn rule_reason(rule: Rule) -> &'static str {
    match rule {
        Rule::Positive => "INVALID_FIELD",
        Rule::TickSize => "PRICE_OFF_TICK",
        Rule::LotSize => "QUANTITY_OFF_LOT",
        Rule::MinQuantity => "QUANTITY_BELOW_MINIMUM",
        Rule::MaxQuantity => "QUANTITY_ABOVE_MAXIMUM",
        Rule::MinNotional => "NOTIONAL_BELOW_MINIMUM",
        Rule::MinPrice | Rule::MaxPrice | Rule::PriceCollar => "PRICE_OUT_OF_RANGE",
        Rule::Range => "NUMBER_OUT_OF_RANGE",
    }
}

fn rule_facts(violation: &RuleViolation) -> Vec<(&'static str, String)> {
    let mut facts = vec![
        ("field", violation.field.to_owned()),
        ("value", violation.value.to_string()),
        ("rule", violation.rule.name().to_owned()),
        ("limit", violation.limit.to_string()),
    ];
    let bound = match violation.rule {
        Rule::MinQuantity | Rule::MinNotional | Rule::MinPrice => Some("minimum"),
        Rule::MaxQuantity | Rule::MaxPrice => Some("maximum"),
        _ => None,
    };
    facts.extend(bound.map(|bound| (bound, violation.limit.to_string())));
    if let Some(below) = violation.nearest.below {
        facts.push(("nearest_below", below.to_string()));
    }
    if let Some(above) = violation.nearest.above {
        facts.push(("nearest_above", above.to_string()));
    }
    facts
}

impl Fault for OrderError {
    fn code(&self) -> Code {
        match self {
            Self::Invalid(_)
            | Self::Contradictory { .. }
            | Self::InvalidPageToken
            | Self::InvalidResumeToken => Code::InvalidArgument,
            Self::Rule(violation) if violation.rule == Rule::MinNotional => {
                Code::FailedPrecondition
            }
            Self::Rule(_) => Code::InvalidArgument,
            Self::UnknownVenue { .. }
            | Self::UnknownAccount { .. }
            | Self::UnknownInstrument { .. }
            | Self::NotFound { .. } => Code::NotFound,
            Self::UnsupportedByVenue { .. } => Code::Unimplemented,
            Self::InstrumentNotTrading { .. } | Self::Closed { .. } => Code::FailedPrecondition,
            Self::IndexConflict { .. } => Code::AlreadyExists,
            // Not UNAVAILABLE: callers retry that, and a retry under another index trades twice.
            Self::OutcomeUnknown { .. } => Code::DeadlineExceeded,
            Self::Denied { denial, .. } | Self::WouldBeDenied { denial } => match denial {
                Denial::OpenOrderLimit { .. } => Code::ResourceExhausted,
                Denial::NumberOutOfRange { .. } => Code::InvalidArgument,
                _ => Code::FailedPrecondition,
            },
            Self::IndexExhausted { .. }
            | Self::RateLimited { .. }
            | Self::SubscriptionLimit { .. }
            | Self::Overloaded => Code::ResourceExhausted,
            Self::NoFreshPrice { .. }
            | Self::VenueNotReady { .. }
            | Self::Recovering
            | Self::Draining
            | Self::PeerUnavailable { .. }
            | Self::VenueUnavailable { .. } => Code::Unavailable,
            Self::ResumeExpired => Code::OutOfRange,
            Self::JournalFailed | Self::Internal(_) => Code::Internal,
        }
    }

    fn reason(&self) -> &'static str {
        match self {
            Self::Invalid(_) => InvalidArgument::REASON,
            Self::Contradictory { .. } => "CONTRADICTORY_FIELDS",
            Self::Rule(violation) => rule_reason(violation.rule),
            Self::UnknownVenue { .. } => "UNKNOWN_VENUE",
            Self::UnknownAccount { .. } => "UNKNOWN_ACCOUNT",
            Self::UnknownInstrument { .. } => "UNKNOWN_INSTRUMENT",
            Self::UnsupportedByVenue { .. } => "UNSUPPORTED_BY_VENUE",
            Self::InstrumentNotTrading { .. } => "INSTRUMENT_NOT_TRADING",
            Self::NotFound { .. } => "ORDER_NOT_FOUND",
            Self::Closed { .. } => "ORDER_CLOSED",
            Self::IndexConflict { .. } => "ORDER_INDEX_CONFLICT",
            Self::OutcomeUnknown { .. } => "ORDER_OUTCOME_UNKNOWN",
            Self::IndexExhausted { .. } => "ORDER_INDEX_EXHAUSTED",
            Self::Denied { denial, .. } | Self::WouldBeDenied { denial } => denial.reason(),
            Self::RateLimited { .. } => "ORDER_RATE_LIMIT",
            Self::NoFreshPrice { .. } => "NO_FRESH_PRICE",
            Self::VenueNotReady { .. } => "VENUE_NOT_READY",
            Self::Recovering => "RECOVERING",
            Self::InvalidPageToken => "INVALID_PAGE_TOKEN",
            Self::ResumeExpired => "RESUME_EXPIRED",
            Self::InvalidResumeToken => "INVALID_RESUME_TOKEN",
            Self::SubscriptionLimit { .. } => "SUBSCRIPTION_LIMIT",
            Self::Overloaded => "OVERLOADED",
            Self::Draining => "DRAINING",
            Self::JournalFailed => "JOURNAL_FAILED",
            Self::PeerUnavailable { .. } => "PEER_UNAVAILABLE",
            Self::VenueUnavailable { .. } => "VENUE_UNAVAILABLE",
            Self::Internal(_) => "INTERNAL",
        }
    }

    fn facts(&self) -> Vec<(&'static str, String)> {
        match self {
            Self::Invalid(invalid) => invalid.facts(),
            Self::Contradictory { fields, .. } => vec![("fields", fields.join(","))],
            Self::Rule(violation) => rule_facts(violation),
            Self::UnknownVenue { venue, known } => {
                vec![("venue", venue.to_string()), ("known", known.clone())]
            }
            Self::UnknownAccount { account } => vec![("account", account.to_string())],
            Self::UnknownInstrument { venue, symbol } => {
                vec![("venue", venue.to_string()), ("symbol", symbol.clone())]
            }
            Self::UnsupportedByVenue {
                venue,
                symbol,
                what,
            } => vec![
                ("venue", venue.to_string()),
                ("symbol", symbol.to_string()),
                ("what", (*what).to_owned()),
            ],
            Self::InstrumentNotTrading { symbol } => vec![("symbol", symbol.to_string())],
            Self::NotFound { account, index } => vec![
                ("account", account.to_string()),
                ("client_order_index", index.to_string()),
            ],
            Self::Closed { index, state } => vec![
                ("client_order_index", index.to_string()),
                ("state", state.to_string()),
            ],
            Self::IndexConflict { index, fields } => vec![
                ("client_order_index", index.to_string()),
                ("fields", fields.join(",")),
            ],
            Self::OutcomeUnknown { index } => index
                .map(|index| ("client_order_index", index.to_string()))
                .into_iter()
                .collect(),
            Self::IndexExhausted { account } => vec![("account", account.to_string())],
            Self::Denied { index, denial } => {
                let mut facts = denial.facts();
                facts.push(("client_order_index", index.to_string()));
                facts
            }
            Self::WouldBeDenied { denial } => denial.facts(),
            Self::RateLimited { limit } => vec![("limit", limit.to_string())],
            Self::SubscriptionLimit { limit } => vec![("limit", limit.to_string())],
            Self::NoFreshPrice { venue, symbol } => {
                vec![("venue", venue.to_string()), ("symbol", symbol.to_string())]
            }
            Self::VenueNotReady { venue, session } => {
                vec![("venue", venue.to_string()), ("session", session.clone())]
            }
            Self::VenueUnavailable { venue, words } => {
                vec![("venue", venue.to_string()), ("cause", words.clone())]
            }
            Self::PeerUnavailable { words } => vec![("cause", words.clone())],
            Self::Recovering
            | Self::InvalidPageToken
            | Self::ResumeExpired
            | Self::InvalidResumeToken
            | Self::Overloaded
            | Self::Draining
            | Self::JournalFailed
            | Self::Internal(_) => Vec::new(),
        }
    }

    fn fields(&self) -> Vec<FieldViolation> {
        match self {
            Self::Invalid(invalid) => invalid.fields(),
            Self::Contradictory { fields, words } => fields
                .iter()
                .map(|field| FieldViolation::new(*field, *words))
                .collect(),
            Self::Rule(violation) => {
                let field = match violation.field {
                    "notional" => "quantity",
                    field => field,
                };
                vec![FieldViolation::new(field, violation.to_string())]
            }
            _ => Vec::new(),
        }
    }

    fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::RateLimited { .. }
            | Self::Overloaded
            | Self::Recovering
            | Self::VenueNotReady { .. }
            | Self::NoFreshPrice { .. } => Some(RETRY_SOON),
            _ => None,
        }
    }
}

/// Why the service does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// A setting cannot be obeyed.
    #[error(transparent)]
    Config(#[from] crate::config::ConfigError),
    /// The journal cannot be read.
    #[error("the journal cannot be read: {0}")]
    Journal(#[from] chimera_journal::JournalError),
    /// A record of the journal cannot be understood.
    #[error("record {seq} of the journal cannot be understood: {words}")]
    Record {
        /// Which.
        seq: u64,
        /// Why not.
        words: String,
    },
    /// The contract does not describe the service.
    #[error("the service cannot be mounted: {0}")]
    Mount(#[from] chimera_runtime::server::DescriptorError),
}
