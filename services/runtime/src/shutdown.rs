//! The operating system's word that the process must end: the first signal begins the drain, the
//! second one ends the process at once.

use std::io;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::task::JoinHandle;

use crate::drain::Drain;
use crate::tasks::Tasks;

#[cfg(test)]
mod tests;

/// Added to a signal's number to make the exit status of a process that a second one ended: 130
/// after SIGINT, 143 after SIGTERM, as shells report it.
const EXIT_BY_SIGNAL: i32 = 128;

/// Listens for SIGTERM and SIGINT. The first begins `drain`; the second exits the process at once
/// with status 130 (SIGINT) or 143 (SIGTERM), whatever is still in flight.
///
/// What a drain would have finished is then left to recovery, as after a crash.
pub fn listen(drain: Drain, tasks: &Tasks) -> io::Result<JoinHandle<()>> {
    let mut signals = Signals {
        terminate: signal(SignalKind::terminate())?,
        interrupt: signal(SignalKind::interrupt())?,
    };
    Ok(tasks.spawn("shutdown", async move {
        let first = signals.next().await;
        tracing::info!(
            signal = first.name(),
            "draining; a second signal exits at once"
        );
        drain.begin();
        let second = signals.next().await;
        tracing::warn!(signal = second.name(), "exiting at once");
        std::process::exit(second.exit_status());
    }))
}

struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    async fn next(&mut self) -> Received {
        tokio::select! {
            biased;
            Some(()) = self.terminate.recv() => Received::Terminate,
            Some(()) = self.interrupt.recv() => Received::Interrupt,
            // Both streams end with the runtime only.
            else => std::future::pending().await,
        }
    }
}

#[derive(Clone, Copy)]
enum Received {
    Terminate,
    Interrupt,
}

impl Received {
    fn name(self) -> &'static str {
        match self {
            Self::Terminate => "SIGTERM",
            Self::Interrupt => "SIGINT",
        }
    }

    fn exit_status(self) -> i32 {
        let kind = match self {
            Self::Terminate => SignalKind::terminate(),
            Self::Interrupt => SignalKind::interrupt(),
        };
        EXIT_BY_SIGNAL + kind.as_raw_value()
    }
}
