//! `chimera kill` and `resume`: the kill switch.

use chimera_contracts::order::v1::{
    SetTradingStateRequest, SetTradingStateResponse, TradingState,
    order_service_client::OrderServiceClient,
};

use super::{
    args::{KillArgs, ResumeArgs, ServerArgs},
    exit::{CliError, Exit},
    follow,
};

/// Stops trading.
pub async fn kill(args: KillArgs) -> Result<Exit, CliError> {
    let state = if args.reduce_only {
        TradingState::Reducing
    } else {
        TradingState::Halted
    };
    set(&args.server, state, args.reason).await
}

/// Lets orders through again.
pub async fn resume(args: ResumeArgs) -> Result<Exit, CliError> {
    set(&args.server, TradingState::Active, args.reason).await
}

async fn set(server: &ServerArgs, state: TradingState, reason: String) -> Result<Exit, CliError> {
    let channel = follow::connect(server).await?;
    let request = SetTradingStateRequest {
        state: state.into(),
        reason,
    };
    let answer = OrderServiceClient::new(channel)
        .set_trading_state(request)
        .await?
        .into_inner();
    println!(
        "trading is {}; {} cancels asked for",
        answer
            .state()
            .as_str_name()
            .trim_start_matches("TRADING_STATE_"),
        answer.cancels_asked
    );
    Ok(proven(&answer))
}

/// Says what a kill could not prove; it is in force all the same.
fn proven(answer: &SetTradingStateResponse) -> Exit {
    let proven = answer.none_open || answer.state() != TradingState::Halted;
    if proven && answer.settled {
        return Exit::Ok;
    }
    for left in &answer.leftovers {
        println!(
            "may still be open: {} {} {} {} {}",
            left.account, left.venue, left.symbol, left.client_order_index, left.venue_order_id
        );
    }
    for account in &answer.unverified {
        println!(
            "not verified: {} {}: {}",
            account.account, account.venue, account.message
        );
    }
    if !answer.settled {
        println!("an order that was on its way may still arrive; it is cancelled when it does");
    }
    Exit::Unknown
}
