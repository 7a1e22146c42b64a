//! `chimera serve`: some roles in this process, the others elsewhere.

use super::{
    args::{Globals, ServeArgs},
    exit::{CliError, Exit},
    process,
};
use crate::{config::Config, mesh::Mesh};

/// Runs until a signal ends it.
pub async fn run(globals: Globals, args: ServeArgs) -> Result<Exit, CliError> {
    let mut config = Config::read(Some(&args.config))?;
    if let Some(listen) = args.listen {
        config.listen = listen;
    }
    if let Some(data_dir) = args.data_dir {
        config.data_dir = data_dir;
    }
    config.check()?;
    let around = process::begin(&globals, &mut config)?;
    let mesh = Mesh::serve(config, &args.roles, &around).await?;
    let names: Vec<_> = args.roles.iter().map(|role| role.name()).collect();
    if let Some(address) = mesh.roles_address() {
        println!("chimera serves {} on http://{address}", names.join(", "));
    }
    if let Some(address) = mesh.gateway_address() {
        println!("the gateway serves on http://{address}");
    }
    process::draining(&around).await;
    mesh.end(&around).await;
    Ok(Exit::Ok)
}
