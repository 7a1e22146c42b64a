//! Orders and klines in the words of exchanges: translated, then delegated.

use chimera_contracts::{
    api_factory::v1::{
        GetKlinesRequest, GetKlinesResponse, Kline, PlaceExchangeOrderRequest,
        PlaceExchangeOrderResponse,
    },
    common::v1::{OrderType, Side, TimeInForce},
    market_data::v1::{Bar, BarInterval, ListBarsRequest},
    order::v1::{Order, OrderState, PlaceOrderRequest},
};
use chimera_runtime::fault::FieldError;
use prost_types::Timestamp;

#[cfg(test)]
mod tests;

/// The account that trades when the caller names none.
const DEFAULT_ACCOUNT: &str = "main";

/// Returns the order that the exchange's words mean.
pub fn order(request: PlaceExchangeOrderRequest) -> Result<PlaceOrderRequest, FieldError> {
    let side = match request.side.to_ascii_uppercase().as_str() {
        "BUY" => Side::Buy,
        "SELL" => Side::Sell,
        _ => return Err(FieldError::new("side", "BUY or SELL")),
    };
    let kind = match request.r#type.to_ascii_uppercase().as_str() {
        "LIMIT" => OrderType::Limit,
        "MARKET" => OrderType::Market,
        "TRACKING_LIMIT" => OrderType::TrackingLimit,
        _ => return Err(FieldError::new("type", "LIMIT, MARKET or TRACKING_LIMIT")),
    };
    let (time_in_force, post_only) = match request.time_in_force.to_ascii_uppercase().as_str() {
        "" => (TimeInForce::Unspecified, false),
        "GTC" => (TimeInForce::Gtc, false),
        "IOC" => (TimeInForce::Ioc, false),
        "FOK" => (TimeInForce::Fok, false),
        "GTX" => (TimeInForce::Gtc, true),
        _ => return Err(FieldError::new("time_in_force", "GTC, IOC, FOK or GTX")),
    };
    let account = if request.account.is_empty() {
        DEFAULT_ACCOUNT.to_owned()
    } else {
        request.account
    };
    Ok(PlaceOrderRequest {
        account,
        client_order_index: request.client_order_index,
        venue: request.exchange_name,
        symbol: request.symbol,
        side: side.into(),
        r#type: kind.into(),
        quantity: request.quantity,
        price: request.price,
        time_in_force: time_in_force.into(),
        post_only,
        reduce_only: request.reduce_only,
        tracking_limit: None,
    })
}

/// Returns what became of an order, in the exchange's words.
pub fn placed(order: Order) -> PlaceExchangeOrderResponse {
    let status = match order.state() {
        OrderState::Unknown | OrderState::Submitting => "unknown",
        _ => "ok",
    };
    PlaceExchangeOrderResponse {
        status: status.to_owned(),
        state: order
            .state()
            .as_str_name()
            .trim_start_matches("ORDER_STATE_")
            .to_owned(),
        order_id: order.venue_order_id,
        client_order_index: order.client_order_index,
        account: order.account,
    }
}

/// Returns the bars that the exchange's words mean.
pub fn bars(request: GetKlinesRequest) -> Result<ListBarsRequest, FieldError> {
    let interval = match request.interval.as_str() {
        "1m" => BarInterval::BarInterval1m,
        "3m" => BarInterval::BarInterval3m,
        "5m" => BarInterval::BarInterval5m,
        "15m" => BarInterval::BarInterval15m,
        "30m" => BarInterval::BarInterval30m,
        "1h" => BarInterval::BarInterval1h,
        "4h" => BarInterval::BarInterval4h,
        "1d" => BarInterval::BarInterval1d,
        _ => {
            return Err(FieldError::new(
                "interval",
                "1m, 3m, 5m, 15m, 30m, 1h, 4h or 1d",
            ));
        }
    };
    Ok(ListBarsRequest {
        venue: request.exchange_name,
        symbol: request.symbol,
        interval: interval.into(),
        start_time: moment("start_time", request.start_time)?,
        end_time: moment("end_time", request.end_time)?,
        limit: request.limit,
    })
}

/// Returns bars as klines.
pub fn klines(bars: Vec<Bar>) -> GetKlinesResponse {
    let kline = |bar: Bar| Kline {
        open_time: bar.open_time.map_or(0, |time| {
            time.seconds * 1_000 + i64::from(time.nanos) / 1_000_000
        }),
        open: bar.open,
        high: bar.high,
        low: bar.low,
        close: bar.close,
        volume: bar.volume,
        closed: bar.closed,
    };
    GetKlinesResponse {
        klines: bars.into_iter().map(kline).collect(),
    }
}

fn moment(field: &str, millis: Option<i64>) -> Result<Option<Timestamp>, FieldError> {
    /// The end of the year 9999, the last that a timestamp of the contract can hold.
    const LAST_MILLIS: i64 = 253_402_300_799_999;
    match millis {
        None => Ok(None),
        Some(millis @ 0..=LAST_MILLIS) => Ok(Some(Timestamp {
            seconds: millis / 1_000,
            nanos: i32::try_from(millis % 1_000 * 1_000_000).unwrap_or(0),
        })),
        Some(_) => Err(FieldError::new(
            field,
            "milliseconds since 1970, not negative",
        )),
    }
}
