//! `chimera trade`: places one order and follows it to its end.

use std::time::Duration;

use chimera_contracts::{
    common::v1::{OrderType, Side},
    order::v1::{
        Order, OrderState, PlaceOrderRequest, TrackingLimit,
        order_service_client::OrderServiceClient,
    },
};

use super::{
    args::{Mode, TradeArgs, TradeSide},
    exit::{CliError, Exit},
    follow, output,
};
use crate::desk::{Desk, is_final, state_name};

/// What a tracking limit may take beyond its own timeout to prove its last child gone.
const END_ROOM: Duration = Duration::from_secs(30);

/// Places and follows the order.
pub async fn run(args: TradeArgs) -> Result<Exit, CliError> {
    if args.price.is_some() && args.mode != Mode::Limit {
        return Err(CliError::Usage(
            "`--price` goes with `--mode limit` only".to_owned(),
        ));
    }
    let channel = follow::connect(&args.server).await?;
    let request = request(&args);
    let json = args.json;
    let order = if args.no_wait {
        let answer = OrderServiceClient::new(channel)
            .place_order(request)
            .await?
            .into_inner();
        answer.order.unwrap_or_default()
    } else {
        let within = args.timeout + END_ROOM;
        let mut shown = String::new();
        let seen = |order: &Order| {
            let line = line(order);
            // Several reports may leave an order as it stood.
            if !json && line != shown {
                eprintln!("{line}");
                shown = line;
            }
        };
        Desk::new(channel)
            .place_and_follow(request, within, seen)
            .await?
    };
    if args.json {
        println!(
            "{}",
            output::json("chimera.order.v1.Order", &order).map_err(CliError::Usage)?
        );
    } else {
        println!("{}", output::orders(std::slice::from_ref(&order)));
    }
    Ok(verdict(&order))
}

fn verdict(order: &Order) -> Exit {
    match order.state() {
        OrderState::Unknown => Exit::Unknown,
        OrderState::Filled => Exit::Ok,
        state if is_final(state) => Exit::Failed,
        _ => Exit::Ok,
    }
}

fn request(args: &TradeArgs) -> PlaceOrderRequest {
    let tracking = args.mode == Mode::TrackingLimit;
    PlaceOrderRequest {
        account: args.account.clone(),
        client_order_index: args.index,
        venue: args.venue.clone(),
        symbol: args.symbol.clone(),
        side: match args.side {
            TradeSide::Buy => Side::Buy,
            TradeSide::Sell => Side::Sell,
        }
        .into(),
        r#type: match args.mode {
            Mode::Market => OrderType::Market,
            Mode::Limit => OrderType::Limit,
            Mode::TrackingLimit => OrderType::TrackingLimit,
        }
        .into(),
        quantity: args.qty.clone(),
        price: args.price.clone().unwrap_or_default(),
        post_only: args.post_only && !tracking,
        reduce_only: args.reduce_only,
        tracking_limit: tracking.then(|| TrackingLimit {
            price_offset_ticks: args.price_offset_ticks,
            interval: prost_types::Duration::try_from(args.interval).ok(),
            timeout: prost_types::Duration::try_from(args.timeout).ok(),
            post_only: args.post_only,
            ..TrackingLimit::default()
        }),
        ..PlaceOrderRequest::default()
    }
}

fn line(order: &Order) -> String {
    let child = if order.parent_client_order_index == 0 {
        ""
    } else {
        "  child "
    };
    let price = if order.price.is_empty() {
        String::new()
    } else {
        format!(" at {}", order.price)
    };
    format!(
        "{child}{} {} {} of {}{price} {}",
        order.client_order_index,
        state_name(order.state()),
        order.filled_quantity,
        order.quantity,
        order.message
    )
}
