//! The mesh under test: a process of this same executable, killed without warning.

use std::{
    fs::{self, File, OpenOptions},
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use chimera_runtime::{Channel, channel::RemoteOptions};
use chimera_venue_sim::VenueEndpoints;
use tokio::{
    io::{AsyncBufReadExt as _, BufReader},
    process::{Child, Command},
};

use super::{error::ChaosError, market::Market};

/// How long a process may take from its start to the line that says where it listens.
const LISTENS_WITHIN: Duration = Duration::from_secs(60);

/// How a mesh is set that is killed: a snapshot every so many records, so that kills fall around
/// snapshots too.
pub const KILLED: &str = "order: {snapshot_every_records: 2000}";
/// How one is set that is measured: as it comes.
pub const MEASURED: &str = "";
/// How one is set that lives all the while: what it keeps on purpose is small and full within a
/// minute, so that what grows later is a leak, and old orders are read back from the journal.
pub const LASTING: &str = "\
order: {snapshot_every_records: 2000, closed_orders_kept: 1000, changes_kept: 2048}
position: {changes_kept: 512, margin_history: 100}";

/// How the process is started, every time alike.
#[derive(Clone, Debug)]
pub struct Launch {
    binary: PathBuf,
    config: PathBuf,
    data_dir: PathBuf,
    log: PathBuf,
}

/// A running mesh; killed when dropped.
#[derive(Debug)]
pub struct MeshProcess {
    child: Child,
    /// The way to its gateway.
    pub channel: Channel,
    /// Its process id.
    pub id: u32,
}

impl Launch {
    /// Writes the configuration that points a mesh at the venues.
    pub fn prepare(
        folder: &Path,
        venues: &[VenueEndpoints],
        settings: &str,
    ) -> Result<Self, ChaosError> {
        let launch = Self {
            binary: std::env::current_exe()?,
            config: folder.join("chaos.yaml"),
            data_dir: folder.join("data"),
            log: folder.join("mesh.log"),
        };
        fs::create_dir_all(&launch.data_dir)?;
        fs::write(&launch.config, configuration(venues, settings))?;
        Ok(launch)
    }

    /// Returns where the journal is.
    pub fn journal(&self) -> PathBuf {
        let config = crate::Config {
            data_dir: self.data_dir.clone(),
            ..crate::Config::default()
        };
        config.journal_file()
    }

    /// Returns where the mesh's own words are.
    pub fn log(&self) -> &Path {
        &self.log
    }

    /// Starts a process and waits until it says where it listens; it may not be ready yet.
    pub async fn start(&self) -> Result<MeshProcess, ChaosError> {
        let words: File = OpenOptions::new()
            .create(true)
            .append(true)
            .open(&self.log)?;
        let mut command = Command::new(&self.binary);
        command
            .args(["up", "--listen", "127.0.0.1:0", "--log", "warn", "--config"])
            .arg(&self.config)
            .arg("--data-dir")
            .arg(&self.data_dir)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(words)
            .kill_on_drop(true);
        let mut child = command.spawn()?;
        let output = child.stdout.take();
        let output = output.ok_or_else(|| std::io::Error::other("its output is not piped"))?;
        let mut lines = BufReader::new(output).lines();
        let listens = async {
            while let Some(line) = lines.next_line().await? {
                if let Some((_, address)) = line.rsplit_once(" on ")
                    && address.starts_with("http://")
                {
                    return Ok(address.to_owned());
                }
            }
            Err(std::io::Error::other(
                "it ended before it said where it listens",
            ))
        };
        let not_there = |_| ChaosError::NotTradable {
            within: LISTENS_WITHIN,
            log: self.log.display().to_string(),
        };
        let address = tokio::time::timeout(LISTENS_WITHIN, listens).await;
        let address = address.map_err(not_there)??;
        // A pipe that nobody reads would stop the mesh at its next word.
        tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
        let channel = Channel::remote(&address, RemoteOptions::default())
            .map_err(|error| std::io::Error::other(error.to_string()))?;
        let id = child.id().unwrap_or_default();
        Ok(MeshProcess { child, channel, id })
    }
}

impl MeshProcess {
    /// Sends SIGKILL and waits until the process is gone.
    pub async fn kill(mut self) -> Result<(), ChaosError> {
        self.child.start_kill()?;
        self.child.wait().await?;
        Ok(())
    }
}

fn configuration(venues: &[VenueEndpoints], settings: &str) -> String {
    let mut places = String::new();
    let mut credentials = String::new();
    for venue in venues {
        let (name, account) = (venue.venue.name(), Market::at(venue.venue).account);
        places.push_str(&format!(
            "    {name}:\n      rest_url: {}\n      stream_url: {}\n      \
             allow_plain_http: true\n      accounts: [{account}]\n",
            venue.rest, venue.ws
        ));
        for keys in venue.accounts.iter().filter(|keys| keys.account == account) {
            let (key, secret) = (&keys.api_key, &keys.api_secret);
            credentials.push_str(&format!(
                "  {name}:\n    {account}: {{api_key: \"{key}\", api_secret: \"{secret}\"}}\n"
            ));
        }
    }
    format!("connector:\n  venues:\n{places}credentials:\n{credentials}{settings}\n")
}
