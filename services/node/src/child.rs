//! A mesh that runs as a process of its own, of this same executable: so that memory and processor
//! time are its own, and so that it can be killed at any instant.

use std::{
    fs::{self, File},
    io,
    path::{Path, PathBuf},
    process::Stdio,
    time::{Duration, Instant},
};

use chimera_runtime::{Channel, channel::RemoteOptions};
use thiserror::Error;
use tokio::{
    io::{AsyncBufReadExt as _, BufReader, Lines},
    process::{Child, ChildStdout, Command},
    sync::watch,
};

/// How long a process may take from its start to the line that says where it listens: debug builds
/// on busy machines too.
const LISTENS_WITHIN: Duration = Duration::from_secs(60);

/// Why a mesh does not run.
#[derive(Debug, Error)]
pub enum ChildError {
    /// The system refused something.
    #[error("{doing}: {source}")]
    System {
        /// What was tried.
        doing: &'static str,
        /// Why not.
        source: io::Error,
    },
    /// It did not say what it says when all is well.
    #[error("the mesh did not say {awaited:?} within {} s; its own words are in {log}", .within.as_secs())]
    Silent {
        /// What it should have said.
        awaited: &'static str,
        /// How long it had.
        within: Duration,
        /// Where its own words are.
        log: String,
    },
}

fn system(doing: &'static str) -> impl Fn(io::Error) -> ChildError {
    move |source| ChildError::System { doing, source }
}

/// How a mesh is started, every time alike.
#[derive(Clone, Debug)]
pub struct Launch {
    folder: PathBuf,
}

/// A running mesh; killed when dropped.
#[derive(Debug)]
pub struct MeshProcess {
    child: Child,
    begun: Instant,
    ready: watch::Receiver<Option<Instant>>,
    log: PathBuf,
    /// Its process id.
    pub id: u32,
    /// Its gateway, e.g. `http://127.0.0.1:41234`.
    pub url: String,
}

impl Launch {
    /// Writes the configuration of a mesh that keeps everything in one folder.
    ///
    /// # Errors
    /// When the folder cannot be written.
    pub fn prepare(folder: &Path, configuration: &str) -> Result<Self, ChildError> {
        let launch = Self {
            folder: folder.to_path_buf(),
        };
        let writing = system("writing the configuration");
        fs::create_dir_all(folder).map_err(&writing)?;
        fs::write(launch.configuration(), configuration).map_err(&writing)?;
        Ok(launch)
    }

    fn configuration(&self) -> PathBuf {
        self.folder.join("mesh.yaml")
    }

    /// Returns where the mesh keeps its journal and the timelines.
    #[must_use]
    pub fn data_dir(&self) -> PathBuf {
        self.folder.join("data")
    }

    /// Returns where the mesh's own words are.
    #[must_use]
    pub fn log(&self) -> PathBuf {
        self.folder.join("mesh.log")
    }

    /// Starts the whole mesh and waits until it says where it listens; it may not be ready yet.
    ///
    /// # Errors
    /// When the system refuses, or the process says nothing in time.
    pub async fn start(&self) -> Result<MeshProcess, ChildError> {
        self.run(&["up"], "chimera serves").await
    }

    /// Starts some roles, as [`Launch::start`] does all of them.
    ///
    /// # Errors
    /// As [`Launch::start`].
    pub async fn serve(&self, roles: &[&str]) -> Result<MeshProcess, ChildError> {
        let roles = roles.iter().flat_map(|role| ["--role", *role]);
        let part: Vec<&str> = ["serve"].into_iter().chain(roles).collect();
        // A gateway beside other roles listens at a place of its own.
        let says = match part.contains(&"gateway") {
            true => "the gateway serves",
            false => "chimera serves",
        };
        self.run(&part, says).await
    }

    async fn run(&self, part: &[&str], says: &str) -> Result<MeshProcess, ChildError> {
        let starting = system("starting the mesh");
        let log = self.log();
        let words = File::options().create(true).append(true).open(&log);
        let binary = std::env::current_exe().map_err(&starting)?;
        let begun = Instant::now();
        let mut command = Command::new(binary);
        command
            .args(part)
            .args(["--listen", "127.0.0.1:0", "--log", "warn", "--config"])
            .arg(self.configuration())
            .arg("--data-dir")
            .arg(self.data_dir())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(words.map_err(&starting)?)
            .kill_on_drop(true);
        let mut child = command.spawn().map_err(&starting)?;
        let silent = || ChildError::Silent {
            awaited: "where it listens",
            within: LISTENS_WITHIN,
            log: log.display().to_string(),
        };
        let output = child.stdout.take().ok_or_else(silent)?;
        let mut lines = BufReader::new(output).lines();
        let url = tokio::time::timeout(LISTENS_WITHIN, address(&mut lines, says)).await;
        let url = url.ok().flatten().ok_or_else(silent)?;
        let (told, ready) = watch::channel(None);
        tokio::spawn(read_on(lines, told));
        Ok(MeshProcess {
            id: child.id().unwrap_or_default(),
            child,
            begun,
            ready,
            log,
            url,
        })
    }
}

/// Reads up to the line that says where the mesh listens.
async fn address(lines: &mut Lines<BufReader<ChildStdout>>, says: &str) -> Option<String> {
    while let Ok(Some(line)) = lines.next_line().await {
        if line.starts_with(says)
            && let Some((_, address)) = line.rsplit_once(" on ")
            && address.starts_with("http://")
        {
            return Some(address.to_owned());
        }
    }
    None
}

/// Reads to the end, and tells when the mesh says that it is ready. A pipe that nobody reads would
/// stop the mesh at its next word.
async fn read_on(mut lines: Lines<BufReader<ChildStdout>>, told: watch::Sender<Option<Instant>>) {
    while let Ok(Some(line)) = lines.next_line().await {
        if line.starts_with("ready") {
            told.send_replace(Some(Instant::now()));
        }
    }
}

impl MeshProcess {
    /// Waits until the mesh says that it is ready, and returns how long that took from its start.
    ///
    /// # Errors
    /// When it does not say so in time, or ends.
    pub async fn ready(&self, within: Duration) -> Result<Duration, ChildError> {
        let mut ready = self.ready.clone();
        let told = tokio::time::timeout(within, ready.wait_for(Option::is_some)).await;
        let at = told.ok().and_then(Result::ok).and_then(|at| *at);
        at.map(|at| at.duration_since(self.begun))
            .ok_or_else(|| ChildError::Silent {
                awaited: "ready",
                within,
                log: self.log.display().to_string(),
            })
    }

    /// Returns a way to the gateway over a connection of its own.
    ///
    /// # Errors
    /// When the address is none.
    pub fn channel(&self) -> Result<Channel, ChildError> {
        let options = RemoteOptions::default();
        Channel::remote(&self.url, options).map_err(|error| ChildError::System {
            doing: "reading the mesh's address",
            source: io::Error::other(error.to_string()),
        })
    }

    /// Sends SIGKILL and waits until the process is gone.
    ///
    /// # Errors
    /// When the system refuses.
    pub async fn kill(mut self) -> Result<(), ChildError> {
        self.child.kill().await.map_err(system("ending the mesh"))
    }
}
