//! What venues say about an account: reports, never decisions.
//!
//! A report is evidence. Whether it changes an order or a position is for their owners to
//! conclude; the same fact may be reported twice, late, or in the wrong order.

use serde::{Deserialize, Serialize};

use crate::account::{MarginMode, PositionMode, PositionSide};
use crate::decimal::Decimal;
use crate::ids::{
    Account, Asset, ClientOrderId, ClientOrderIndex, Symbol, TradeId, UnixNanos, Venue,
    VenueOrderId, VenueSymbol,
};
use crate::words::{Liquidity, OrderType, Side, TimeInForce};

/// The state of an order in the venue's words.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum ReportedStatus {
    /// It stands, nothing filled.
    New,
    /// It stands, some filled.
    PartiallyFilled,
    /// All filled.
    Filled,
    /// Ended by a cancel, perhaps after fills.
    Cancelled,
    /// Never accepted.
    Rejected,
    /// Ended by the venue, perhaps after fills; the reason says why (F31, F32).
    Expired,
    /// A cancel is on its way.
    PendingCancel,
    /// A word that is not known here (F109).
    Unknown(String),
}

/// How a report reached us.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum ReportSource {
    /// The private stream.
    Stream,
    /// An answer to a query.
    Rest,
    /// The answer to our own command.
    Ack,
}

/// Who made an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum OrderOrigin {
    /// This instance: the client id bears its prefix.
    Ours,
    /// Somebody else: a human, another program, another instance (F15, F28).
    External,
    /// The venue, to liquidate the account (F55).
    Liquidation,
    /// The venue, to deleverage the account (F55).
    AutoDeleveraging,
    /// The venue, to settle a contract that ends (F55).
    Settlement,
}

/// What a venue says about an order. What it does not say is `None`, never a default.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderReport {
    /// Where.
    pub venue: Venue,
    /// Whose.
    pub account: Account,
    /// Of what.
    pub symbol: Symbol,
    /// The client id it was placed under, also when a cancel bore another one (F16).
    pub client_order_id: Option<ClientOrderId>,
    /// Our index, when the client id is ours.
    pub client_order_index: Option<ClientOrderIndex>,
    /// The client id of the cancel request that this report answers to, if any (F16).
    pub cancel_client_order_id: Option<ClientOrderId>,
    /// The venue's id.
    pub venue_order_id: Option<VenueOrderId>,
    /// Who made it.
    pub origin: OrderOrigin,
    /// Its state.
    pub status: ReportedStatus,
    /// The venue's own word for the state.
    pub status_text: String,
    /// Which way.
    pub side: Option<Side>,
    /// Its type, where it is one of ours.
    pub order_type: Option<OrderType>,
    /// Its lifetime, where it is one of ours.
    pub time_in_force: Option<TimeInForce>,
    /// Whether it may only rest.
    pub post_only: bool,
    /// Whether it may only shrink a position.
    pub reduce_only: bool,
    /// Its limit price; `None` for market orders.
    pub price: Option<Decimal>,
    /// Its whole quantity.
    pub quantity: Option<Decimal>,
    /// What has filled in all; never falls (F40).
    pub cumulative_filled: Option<Decimal>,
    /// The average price of what has filled.
    pub average_price: Option<Decimal>,
    /// Why it is in this state, in the venue's words.
    pub reason: Option<String>,
    /// The venue's time of this state.
    pub venue_time: Option<UnixNanos>,
    /// How the report reached us.
    pub source: ReportSource,
    /// The fill that caused the report, if one did.
    pub last_fill: Option<Fill>,
}

/// What made a fill.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum FillKind {
    /// An ordinary trade.
    Trade,
    /// A liquidation (F55).
    Liquidation,
    /// Auto-deleveraging (F55).
    AutoDeleveraging,
    /// Settlement of a contract that ends (F55).
    Settlement,
}

/// A charge or a rebate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fee {
    /// In what; not converted (F43).
    pub asset: Asset,
    /// Above zero is charged, below zero is a rebate.
    pub amount: Decimal,
}

/// A fill of an order of the account. Its key is venue, account, symbol, order, side and trade id
/// (F34, F36).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fill {
    /// Where.
    pub venue: Venue,
    /// Whose.
    pub account: Account,
    /// Of what.
    pub symbol: Symbol,
    /// The venue's trade id.
    pub trade_id: TradeId,
    /// The venue's id of the order.
    pub venue_order_id: VenueOrderId,
    /// The client id of the order, where the venue says it.
    pub client_order_id: Option<ClientOrderId>,
    /// Our index, when the client id is ours.
    pub client_order_index: Option<ClientOrderIndex>,
    /// Which way.
    pub side: Side,
    /// Which position it moves.
    pub position_side: PositionSide,
    /// At what price.
    pub price: Decimal,
    /// How much, in base units; above zero.
    pub quantity: Decimal,
    /// What it cost, where the venue says it.
    pub fee: Option<Fee>,
    /// Whether it rested or took.
    pub liquidity: Option<Liquidity>,
    /// Profit realised, where the venue says it.
    pub realized_pnl: Option<Decimal>,
    /// When it matched.
    pub venue_time: UnixNanos,
    /// What made it.
    pub kind: FillKind,
    /// How it reached us.
    pub source: ReportSource,
}

/// What a venue says about a position.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PositionReport {
    /// Where.
    pub venue: Venue,
    /// Whose.
    pub account: Account,
    /// Of what.
    pub symbol: Symbol,
    /// Which position.
    pub side: PositionSide,
    /// Base units; above zero is long, below zero is short.
    pub quantity: Decimal,
    /// The average price it was entered at; `None` when flat.
    pub entry_price: Option<Decimal>,
    /// The mark price.
    pub mark_price: Option<Decimal>,
    /// Profit not yet realised.
    pub unrealized_pnl: Option<Decimal>,
    /// Where it would be liquidated.
    pub liquidation_price: Option<Decimal>,
    /// What stands behind it.
    pub margin_mode: Option<MarginMode>,
    /// What is set aside for it when isolated.
    pub isolated_margin: Option<Decimal>,
    /// Its leverage.
    pub leverage: Option<Decimal>,
    /// The venue's time.
    pub venue_time: Option<UnixNanos>,
    /// How the report reached us.
    pub source: ReportSource,
}

/// What a venue says about an asset of an account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BalanceReport {
    /// Where.
    pub venue: Venue,
    /// Whose.
    pub account: Account,
    /// Of what.
    pub asset: Asset,
    /// All there is, without unrealised profit.
    pub total: Decimal,
    /// What can be used for new orders.
    pub available: Option<Decimal>,
    /// The venue's time.
    pub venue_time: Option<UnixNanos>,
    /// How the report reached us.
    pub source: ReportSource,
}

/// What a venue says about the margin of an account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MarginReport {
    /// Where.
    pub venue: Venue,
    /// Whose.
    pub account: Account,
    /// What the numbers are in; `None` when the venue adds up several assets in US dollars.
    pub asset: Option<Asset>,
    /// Balance without unrealised profit.
    pub wallet_balance: Decimal,
    /// Balance with unrealised profit.
    pub equity: Decimal,
    /// What can be used for new orders.
    pub available: Decimal,
    /// What positions and orders hold.
    pub initial_margin: Decimal,
    /// Below this the account is liquidated.
    pub maintenance_margin: Decimal,
    /// Profit not yet realised.
    pub unrealized_pnl: Decimal,
    /// The venue's time.
    pub venue_time: Option<UnixNanos>,
}

/// Why a balance moved without a fill (F41, F49).
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum CashKind {
    /// Funding of a perpetual.
    Funding,
    /// Money came in.
    Deposit,
    /// Money went out.
    Withdrawal,
    /// Money moved between wallets or accounts of the venue.
    Transfer,
    /// The venue adjusted the balance, e.g. by its insurance fund.
    Adjustment,
    /// One asset was exchanged for another outside the book.
    Conversion,
    /// A word that is not known here (F109).
    Unknown(String),
}

/// A movement of money that is not a fill.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CashReport {
    /// Where.
    pub venue: Venue,
    /// Whose.
    pub account: Account,
    /// Of what.
    pub asset: Asset,
    /// Above zero came in, below zero went out.
    pub amount: Decimal,
    /// Why.
    pub kind: CashKind,
    /// The venue's own word for the kind, e.g. `FUNDING_FEE`.
    pub kind_text: String,
    /// The instrument it belongs to, where the venue says it.
    pub symbol: Option<Symbol>,
    /// The venue's id of the movement, where it has one.
    pub reference: Option<String>,
    /// The venue's time.
    pub venue_time: UnixNanos,
}

/// A change of how the account is set up (F50, F65).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum AccountConfig {
    /// One position an instrument, or two.
    PositionMode(PositionMode),
    /// The leverage of an instrument.
    Leverage {
        /// Of what.
        symbol: Symbol,
        /// To what.
        leverage: Decimal,
    },
    /// What stands behind the positions of an instrument.
    MarginMode {
        /// Of what.
        symbol: Symbol,
        /// To what.
        mode: MarginMode,
    },
    /// Whether several assets back all positions together.
    MultiAssetMargin(bool),
}

/// Something the venue said about an instrument that is not in the table of instruments.
///
/// It is never dropped: the table is refreshed and the message read again, or an operator looks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unmapped {
    /// The venue's name of the instrument, or of the asset.
    pub venue_symbol: VenueSymbol,
    /// What was said: `order`, `fill`, `position`, `balance`.
    pub what: String,
}

/// What a private stream says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum AccountEvent {
    /// About an order; the fill that caused it is inside.
    Order(Box<OrderReport>),
    /// About a fill alone.
    Fill(Box<Fill>),
    /// About a position.
    Position(Box<PositionReport>),
    /// About a balance.
    Balance(Box<BalanceReport>),
    /// About margin.
    Margin(Box<MarginReport>),
    /// Money moved without a fill.
    Cash(Box<CashReport>),
    /// The account's set-up changed.
    Config(AccountConfig),
    /// The venue warns that positions are close to liquidation.
    MarginCall {
        /// The positions it names.
        symbols: Vec<Symbol>,
        /// The venue's time.
        venue_time: UnixNanos,
    },
    /// The session's key or token ended: this stream says nothing more (F100).
    SessionExpired,
    /// The venue is about to close the connection (F101).
    Shutdown,
    /// Something about an instrument that is not known.
    Unmapped(Unmapped),
    /// A message of a kind that is not needed, or not known (F109); counted, never fatal.
    Ignored {
        /// The venue's name of the kind.
        kind: String,
    },
}
