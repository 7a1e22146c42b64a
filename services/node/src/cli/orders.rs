//! `chimera orders`, `positions` and `explain`: what the mesh holds.

use chimera_contracts::{
    order::v1::{
        ExplainOrderRequest, ListOrdersRequest, OrderState,
        order_service_client::OrderServiceClient,
    },
    position::v1::{ListPositionsRequest, position_service_client::PositionServiceClient},
};

use super::{
    args::{ExplainArgs, OrdersArgs, PositionsArgs},
    exit::{CliError, Exit},
    follow, output,
};

const OPEN_STATES: [OrderState; 5] = [
    OrderState::Submitting,
    OrderState::Unknown,
    OrderState::Open,
    OrderState::PartiallyFilled,
    OrderState::PendingCancel,
];

/// Lists orders.
pub async fn list(args: OrdersArgs) -> Result<Exit, CliError> {
    let channel = follow::connect(&args.server).await?;
    let states = if args.open {
        OPEN_STATES.map(i32::from).to_vec()
    } else {
        Vec::new()
    };
    let request = ListOrdersRequest {
        account: args.account,
        venue: args.venue,
        states,
        page_size: args.limit,
        ..ListOrdersRequest::default()
    };
    let orders = OrderServiceClient::new(channel)
        .list_orders(request)
        .await?
        .into_inner()
        .orders;
    if args.json {
        print_lines("chimera.order.v1.Order", &orders)?;
    } else if orders.is_empty() {
        println!("no orders");
    } else {
        println!("{}", output::orders(&orders));
    }
    Ok(Exit::Ok)
}

/// Lists positions.
pub async fn positions(args: PositionsArgs) -> Result<Exit, CliError> {
    let channel = follow::connect(&args.server).await?;
    let request = ListPositionsRequest {
        account: args.account,
        venue: args.venue,
        symbol: String::new(),
    };
    let answer = PositionServiceClient::new(channel)
        .list_positions(request)
        .await?;
    let positions = answer.into_inner().positions;
    if args.json {
        print_lines("chimera.position.v1.Position", &positions)?;
    } else if positions.is_empty() {
        println!("no positions");
    } else {
        println!("{}", output::positions(&positions));
    }
    Ok(Exit::Ok)
}

/// Tells one order's story.
pub async fn explain(args: ExplainArgs) -> Result<Exit, CliError> {
    let channel = follow::connect(&args.server).await?;
    let request = ExplainOrderRequest {
        account: args.account,
        client_order_index: args.index,
    };
    let story = OrderServiceClient::new(channel)
        .explain_order(request)
        .await?
        .into_inner();
    if args.json {
        print_lines("chimera.order.v1.TimelineEntry", &story.entries)?;
        return Ok(Exit::Ok);
    }
    if let Some(order) = &story.order {
        println!("{}", output::orders(std::slice::from_ref(order)));
        if !order.message.is_empty() {
            println!("{}", order.message);
        }
    }
    println!("{}", output::timeline(&story.entries));
    Ok(Exit::Ok)
}

fn print_lines<M: prost::Message>(name: &str, messages: &[M]) -> Result<(), CliError> {
    for message in messages {
        println!("{}", output::json(name, message).map_err(CliError::Usage)?);
    }
    Ok(())
}
