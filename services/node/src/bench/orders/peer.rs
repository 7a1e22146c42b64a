//! Another client in the same run: a program that places an order when it is told to, and says how
//! long the answer took by its own clock.

use std::{process::Stdio, str::FromStr, time::Duration};

use thiserror::Error;
use tokio::{
    io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader, Lines},
    process::{Child, ChildStdin, ChildStdout, Command},
};

use crate::bench::{error::BenchError, venue::Door};

/// How long the program may take until it says `ready`: interpreters load slowly.
const READY_WITHIN: Duration = Duration::from_secs(60);
/// How long it may take to say how an order went.
const ANSWER_WITHIN: Duration = Duration::from_secs(15);

/// A program to measure beside the mesh.
#[derive(Clone, Debug)]
pub struct OrdersPeer {
    /// Its name in the table.
    pub name: String,
    /// The program and its arguments.
    pub command: Vec<String>,
}

/// A peer that cannot be started.
#[derive(Clone, Debug, Error)]
#[error("{text:?} is no peer; say NAME=PROGRAM, arguments after blanks")]
pub struct OrdersPeerError {
    text: String,
}

impl FromStr for OrdersPeer {
    type Err = OrdersPeerError;

    fn from_str(text: &str) -> Result<Self, OrdersPeerError> {
        let (name, command) = text.split_once('=').unwrap_or_default();
        let command: Vec<String> = command.split_whitespace().map(str::to_owned).collect();
        if name.is_empty() || command.is_empty() {
            return Err(OrdersPeerError {
                text: text.to_owned(),
            });
        }
        Ok(Self {
            name: name.to_owned(),
            command,
        })
    }
}

/// The running program; killed when dropped.
pub struct RunningPeer {
    /// Its name in the table.
    pub name: String,
    input: ChildStdin,
    output: Lines<BufReader<ChildStdout>>,
    _child: Child,
}

impl RunningPeer {
    /// Starts a program, tells it of the venue by its environment, and waits until it is ready.
    pub async fn start(peer: &OrdersPeer, door: &Door) -> Result<Self, BenchError> {
        let refused = |cause: String| BenchError::Peer {
            name: peer.name.clone(),
            cause,
        };
        let (program, arguments) = peer.command.split_first().ok_or_else(|| {
            let words = "there is no program";
            refused(words.to_owned())
        })?;
        let mut child = Command::new(program)
            .args(arguments)
            .env("CHIMERA_BENCH_REST", &door.rest)
            .env("CHIMERA_BENCH_API_KEY", &door.api_key)
            .env("CHIMERA_BENCH_API_SECRET", &door.api_secret)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .map_err(|error| refused(error.to_string()))?;
        let (input, output) = child
            .stdin
            .take()
            .zip(child.stdout.take())
            .ok_or_else(|| refused("it has no pipes".to_owned()))?;
        let mut running = Self {
            name: peer.name.clone(),
            input,
            output: BufReader::new(output).lines(),
            _child: child,
        };
        match running.line(READY_WITHIN).await?.as_str() {
            "ready" => Ok(running),
            other => Err(refused(format!("it says {other:?} instead of \"ready\""))),
        }
    }

    /// Has it place one order, and returns how long that took, or why it failed.
    pub async fn place(
        &mut self,
        client_id: &str,
        price: &str,
    ) -> Result<Result<Duration, String>, BenchError> {
        let order = format!("{client_id} {price}\n");
        let sent = self.input.write_all(order.as_bytes()).await;
        sent.map_err(|error| self.refused(error.to_string()))?;
        let answer = self.line(ANSWER_WITHIN).await?;
        match answer.split_once(' ') {
            Some(("ok", nanos)) => {
                let nanos = nanos.parse::<u64>();
                let nanos = nanos.map_err(|error| self.refused(error.to_string()))?;
                Ok(Ok(Duration::from_nanos(nanos)))
            }
            _ => Ok(Err(answer)),
        }
    }

    async fn line(&mut self, within: Duration) -> Result<String, BenchError> {
        let line = tokio::time::timeout(within, self.output.next_line()).await;
        let line = line.ok().and_then(Result::ok).flatten();
        line.ok_or_else(|| self.refused("it says nothing".to_owned()))
    }

    fn refused(&self, cause: String) -> BenchError {
        BenchError::Peer {
            name: self.name.clone(),
            cause,
        }
    }
}
