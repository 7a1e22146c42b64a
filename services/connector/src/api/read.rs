//! Requests as commands: every field at fault is named at once, nothing is defaulted.

use chimera_contracts::common::v1 as common;
use chimera_contracts::connector::v1 as pb;
use chimera_model::{
    ClientOrderIndex, IdError, PriceTicks, QuantityLots, Side, TimeInForce, TradeId, UnixNanos,
    VenueOrderId,
};
use chimera_runtime::fault::{FieldError, InvalidArgument};

use crate::command::{
    ListFills, OrderAt, OrderKey, Submit, SubmitKind, Target, WatchMarket, Withdraw,
};
use crate::error::ConnectorError;

/// Symbols of one market stream; the contract's own bound.
const SYMBOLS_MAX: usize = 200;

const MILLIS_PER_SECOND: i64 = 1_000;
const NANOS_PER_MILLI: i32 = 1_000_000;

/// Collects what is wrong with a request.
#[derive(Default)]
struct Fields {
    errors: Vec<FieldError>,
}

impl Fields {
    fn refuse(&mut self, field: &str, expected: impl Into<String>) {
        self.errors.push(FieldError::new(field, expected));
    }

    fn id<T>(&mut self, field: &str, result: Result<T, IdError>) -> Option<T> {
        result
            .map_err(|error| self.refuse(field, error.to_string()))
            .ok()
    }

    fn time(&mut self, field: &str, time: Option<&prost_types::Timestamp>) -> Option<UnixNanos> {
        let time = time?;
        let seconds = time.seconds.checked_mul(MILLIS_PER_SECOND);
        let millis = seconds.map(|millis| millis + i64::from(time.nanos / NANOS_PER_MILLI));
        self.id(field, UnixNanos::from_millis(millis.unwrap_or(i64::MAX)))
    }

    fn positive(&mut self, field: &str, value: i64) -> i64 {
        if value <= 0 {
            self.refuse(field, "must be above zero");
        }
        value
    }

    fn side(&mut self, value: i32) -> Option<Side> {
        let side = match common::Side::try_from(value) {
            Ok(common::Side::Buy) => Some(Side::Buy),
            Ok(common::Side::Sell) => Some(Side::Sell),
            _ => None,
        };
        if side.is_none() {
            self.refuse("side", "must be SIDE_BUY or SIDE_SELL");
        }
        side
    }

    fn time_in_force(&mut self, value: i32) -> Option<TimeInForce> {
        let time_in_force = match common::TimeInForce::try_from(value) {
            Ok(common::TimeInForce::Gtc) => Some(TimeInForce::Gtc),
            Ok(common::TimeInForce::Ioc) => Some(TimeInForce::Ioc),
            Ok(common::TimeInForce::Fok) => Some(TimeInForce::Fok),
            _ => None,
        };
        if time_in_force.is_none() {
            self.refuse("time_in_force", "must be GTC, IOC or FOK");
        }
        time_in_force
    }

    /// Reads which order is meant; `0` and an empty text mean "not given".
    fn order_key(&mut self, index: i64, venue_order_id: &str) -> Option<OrderKey> {
        if !venue_order_id.is_empty() {
            let id = self.id("venue_order_id", VenueOrderId::new(venue_order_id));
            return id.map(OrderKey::Venues);
        }
        if index == 0 {
            self.refuse(
                "client_order_index",
                "is required unless venue_order_id is given",
            );
            return None;
        }
        self.id("client_order_index", ClientOrderIndex::new(index))
            .map(OrderKey::Ours)
    }

    /// Ends the reading: the value, or everything that was wrong.
    fn finish<T>(self, value: Option<T>) -> Result<T, ConnectorError> {
        InvalidArgument::check(self.errors)?;
        // A value is absent only where an error was noted.
        value.ok_or(ConnectorError::Internal {
            what: "a request was read without a value",
        })
    }
}

pub(super) fn withdraw(
    request: pb::WithdrawSubmissionsRequest,
) -> Result<Withdraw, ConnectorError> {
    let mut fields = Fields::default();
    if request.before_seq == 0 {
        fields.refuse("before_seq", "must be above zero");
    }
    fields.finish(Some(Withdraw {
        before_seq: request.before_seq,
        spare_lowering: request.spare_lowering,
    }))
}

pub(super) fn limit_order(request: &pb::SubmitLimitOrderRequest) -> Result<Submit, ConnectorError> {
    let mut fields = Fields::default();
    let index = fields.id(
        "client_order_index",
        ClientOrderIndex::new(request.client_order_index),
    );
    let side = fields.side(request.side);
    let quantity = QuantityLots(fields.positive("quantity_lots", request.quantity_lots));
    let price = PriceTicks(fields.positive("price_ticks", request.price_ticks));
    let time_in_force = fields.time_in_force(request.time_in_force);
    if request.post_only && matches!(time_in_force, Some(TimeInForce::Ioc | TimeInForce::Fok)) {
        fields.refuse(
            "post_only",
            "must be false with a time in force that takes at once",
        );
    }
    let order = index
        .zip(side)
        .zip(time_in_force)
        .map(|((index, side), time_in_force)| Submit {
            target: target(&request.venue, &request.account),
            symbol: request.symbol.clone(),
            index,
            side,
            quantity,
            kind: SubmitKind::Limit {
                price,
                time_in_force,
                post_only: request.post_only,
            },
            instrument_version: request.instrument_version,
            reduce_only: request.reduce_only,
            seq: request.submission_seq,
            lowers_exposure: request.lowers_exposure,
        });
    fields.finish(order)
}

pub(super) fn market_order(
    request: &pb::SubmitMarketOrderRequest,
) -> Result<Submit, ConnectorError> {
    let mut fields = Fields::default();
    let index = fields.id(
        "client_order_index",
        ClientOrderIndex::new(request.client_order_index),
    );
    let side = fields.side(request.side);
    let quantity = QuantityLots(fields.positive("quantity_lots", request.quantity_lots));
    let order = index.zip(side).map(|(index, side)| Submit {
        target: target(&request.venue, &request.account),
        symbol: request.symbol.clone(),
        index,
        side,
        quantity,
        kind: SubmitKind::Market,
        instrument_version: request.instrument_version,
        reduce_only: request.reduce_only,
        seq: request.submission_seq,
        lowers_exposure: request.lowers_exposure,
    });
    fields.finish(order)
}

pub(super) fn cancel(request: &pb::CancelOrderRequest) -> Result<OrderAt, ConnectorError> {
    let mut fields = Fields::default();
    let key = fields.order_key(request.client_order_index, &request.venue_order_id);
    let order = key.map(|key| OrderAt {
        target: target(&request.venue, &request.account),
        symbol: request.symbol.clone(),
        key,
        created: None,
    });
    fields.finish(order)
}

pub(super) fn get_order(request: &pb::GetOrderRequest) -> Result<OrderAt, ConnectorError> {
    let mut fields = Fields::default();
    let key = fields.order_key(request.client_order_index, &request.venue_order_id);
    let created = fields.time("created_time", request.created_time.as_ref());
    let order = key.map(|key| OrderAt {
        target: target(&request.venue, &request.account),
        symbol: request.symbol.clone(),
        key,
        created,
    });
    fields.finish(order)
}

pub(super) fn list_fills(request: &pb::ListFillsRequest) -> Result<ListFills, ConnectorError> {
    let mut fields = Fields::default();
    let given = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    let after = given(&request.after_trade_id)
        .and_then(|id| fields.id("after_trade_id", TradeId::new(&id)));
    let order = given(&request.venue_order_id)
        .and_then(|id| fields.id("venue_order_id", VenueOrderId::new(&id)));
    let start = fields.time("start_time", request.start_time.as_ref());
    let query = ListFills {
        target: target(&request.venue, &request.account),
        symbol: request.symbol.clone(),
        after,
        start,
        order,
    };
    fields.finish(Some(query))
}

pub(super) fn watch_market(
    request: &pb::WatchMarketRequest,
) -> Result<WatchMarket, ConnectorError> {
    let mut fields = Fields::default();
    if !(1..=SYMBOLS_MAX).contains(&request.symbols.len()) {
        fields.refuse(
            "symbols",
            format!("must name 1 to {SYMBOLS_MAX} instruments"),
        );
    }
    let wanted = WatchMarket {
        venue: request.venue.clone(),
        symbols: request.symbols.clone(),
    };
    fields.finish(Some(wanted))
}

fn target(venue: &str, account: &str) -> Target {
    Target {
        venue: venue.to_owned(),
        account: account.to_owned(),
    }
}
