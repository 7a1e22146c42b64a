//! Venues: one folder each, bytes in and bytes out.
//!
//! A [`VenueAdapter`] builds requests and reads answers and frames. It opens no socket and reads
//! no clock: time, credentials and instruments come in as values, so that every case is a plain
//! unit test. Whoever owns the sockets does this:
//!
//! ```text
//! let call = adapter.place(&context, &instrument, &order)?;           // nothing has left
//! quota.charge(&call.request.charges).await?;                         // wait for room
//! let wire = adapter.finish(&call.request, Some(&credentials), now)?; // sign late
//! let answer = http.send(wire).await?;                                // once, unless repeatable
//! let report = call.read(&answer)?;                                   // evidence or doubt
//! ```

mod account;
mod adapter;
mod answer;
mod checked;
mod client_id;
mod credentials;
mod echo;
mod error;
mod faults;
mod instruments;
mod levels;
mod limits;
mod public;
mod registry;
mod request;
mod stream;
mod wire_value;

pub mod backpack;
pub mod binance_usdm;

#[cfg(test)]
mod tests;

pub use account::{AccountContext, FillQuery, Listed, NewOrder, OrderKey, OrderKind, Page};
pub use adapter::VenueAdapter;
pub use answer::{Answer, Call};
pub use client_id::ClientIdPrefix;
pub use credentials::{Credentials, SessionKey};
pub use error::{ErrorClass, Evidence, VenueError};
pub use instruments::{Aliases, InstrumentList, InstrumentTable, Skipped};
pub use levels::RawLevels;
pub use limits::{Charge, Limit, RateLimits, Usage};
pub use public::{
    BarFrame, BarQuery, DepthFrame, DepthSnapshot, MarkPriceFrame, PublicFrame, QuoteFrame,
    TickerFrame, TradeFrame, TradeQuery,
};
pub use registry::{VenueConfig, adapter, venues};
pub use request::{
    Auth, Body, Capabilities, Endpoints, Operation, Priority, VenueRequest, WireRequest,
};
pub use stream::{
    Channel, PrivateAccess, SessionRules, StreamPlan, StreamRules, StreamUrl, SubscribeFrame, Topic,
};
