//! `chimera up`: the whole mesh in one process.

use chimera_contracts::order::v1::{
    GetTradingStateRequest, order_service_client::OrderServiceClient,
};

use super::{
    args::{Globals, UpArgs},
    exit::{CliError, Exit},
    process,
};
use crate::{
    config::Config,
    mesh::{Mesh, Topology},
};

/// Runs until a signal ends it.
pub async fn run(globals: Globals, args: UpArgs) -> Result<Exit, CliError> {
    let mut config = Config::read(args.config.as_deref())?;
    if let Some(listen) = args.listen {
        config.gateway.listen = listen;
    }
    if let Some(data_dir) = args.data_dir {
        config.data_dir = data_dir;
    }
    if let Some(seed) = args.seed {
        config.simulators.seed = seed;
    }
    if args.replay.is_some() {
        config.simulators.replay = args.replay;
    }
    config.check()?;
    let around = process::begin(&globals, &mut config)?;
    let mesh = Mesh::start(config, Topology::InProcess, &around).await?;
    say_where(&mesh);
    tokio::select! {
        biased;
        () = process::draining(&around) => {}
        () = mesh.ready() => {
            say_ready(&mesh).await?;
            process::draining(&around).await;
        }
    }
    mesh.end(&around).await;
    Ok(Exit::Ok)
}

fn say_where(mesh: &Mesh) {
    if let Some(address) = mesh.gateway_address() {
        println!("chimera serves gRPC, gRPC-web and REST on http://{address}");
    }
    if let Some(simulators) = mesh.simulators() {
        let endpoints = simulators.endpoints();
        for venue in &endpoints.venues {
            println!("  simulated {} at {}", venue.venue, venue.rest);
        }
        println!("  simulator control at {}", endpoints.control);
    }
    println!("  data in {}", mesh.config().data_dir.display());
}

async fn say_ready(mesh: &Mesh) -> Result<(), CliError> {
    let mut orders = OrderServiceClient::new(mesh.doors()?.order);
    let answer = orders.get_trading_state(GetTradingStateRequest {}).await?;
    let open = answer.into_inner().open_orders;
    println!("ready; {open} open orders; Ctrl-C ends");
    Ok(())
}
