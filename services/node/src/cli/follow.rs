//! The way from a command to a running mesh.

use std::time::Duration;

use chimera_contracts::order::v1::{
    GetTradingStateRequest, order_service_client::OrderServiceClient,
};
use chimera_runtime::{Channel, channel::RemoteOptions};
use tonic::Code;

use super::{args::ServerArgs, exit::CliError};

/// How long a mesh on this machine may take to answer the first question.
const ANSWER_WITHIN: Duration = Duration::from_secs(5);

/// Returns the way to the mesh after making sure that one answers.
pub async fn connect(args: &ServerArgs) -> Result<Channel, CliError> {
    let channel = Channel::remote(&args.server, RemoteOptions::default())
        .map_err(|_| CliError::Server(args.server.clone()))?;
    let mut client = OrderServiceClient::new(channel.clone());
    let question = client.get_trading_state(GetTradingStateRequest {});
    let unreachable = |reason: String| CliError::Unreachable {
        server: args.server.clone(),
        reason,
    };
    match tokio::time::timeout(ANSWER_WITHIN, question).await {
        Err(_) => Err(unreachable(format!(
            "no answer within {} s",
            ANSWER_WITHIN.as_secs()
        ))),
        Ok(Err(status)) if matches!(status.code(), Code::Unavailable | Code::Unimplemented) => {
            Err(unreachable(status.message().to_owned()))
        }
        Ok(Err(status)) => Err(status.into()),
        Ok(Ok(_)) => Ok(channel),
    }
}
