//! `chimera kill` and `resume`: the kill switch.

use chimera_contracts::order::v1::{
    SetTradingStateRequest, TradingState, order_service_client::OrderServiceClient,
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
    Ok(Exit::Ok)
}
