//! The control interface: faults, ledger, counters, the market. The same for every venue.
//!
//! | method and path | what |
//! |---|---|
//! | `GET /v1/venues` | addresses and test keys |
//! | `GET /v1/venues/{venue}/ledger?account=` | accounts, positions, orders, fills, incomes |
//! | `GET /v1/venues/{venue}/counters` | requests, refusals, creates by client id, limits |
//! | `GET, POST, DELETE /v1/venues/{venue}/faults[/{id}]` | scripted faults, see [`crate::Fault`] |
//! | `GET, POST /v1/venues/{venue}/sockets` | open sockets; close, cut, freeze or thaw them |
//! | `POST /v1/venues/{venue}/sessions/expire` | `{account?}`: end listen keys and the like |
//! | `POST /v1/venues/{venue}/ban` | `{status, seconds}`: refuse everybody; 0 s lifts it |
//! | `POST /v1/venues/{venue}/clock` | `{skew_ms}`: shift the venue's clock |
//! | `GET, PATCH /v1/venues/{venue}/instruments/{symbol}` | filters, halt and resume |
//! | `POST /v1/venues/{venue}/market` | `{paused}`: stop the market, or let it go on |
//! | `POST /v1/venues/{venue}/market/{symbol}/move` | `{price}`: trade through the book to there |
//! | `POST /v1/venues/{venue}/market/{symbol}/trade` | `{side, price, quantity}`: one taker |
//! | `POST /v1/venues/{venue}/orders/{id}/fill` | `{quantity?}`: fill exactly this order |
//! | `POST /v1/venues/{venue}/accounts/{name}` | `{deposit?, hedge?}` |
//! | `POST /v1/venues/{venue}/funding` | exchange funding now |

mod command;
mod http;
mod ledger;

pub(crate) use command::{Command, ControlError, Controlled};
pub(crate) use http::service;
