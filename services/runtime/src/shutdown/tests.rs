//! These tests run this test binary again as a child process and send it real signals.

use std::io::{BufRead, BufReader, Lines};
use std::process::{Child, ChildStdout, Command, Stdio};

use super::*;

/// Set in the child only.
const CHILD: &str = "CHIMERA_RUNTIME_SHUTDOWN_CHILD";

/// What the child does; in any other run it does nothing.
#[test]
fn the_child_listens_drains_and_stays_until_it_is_told_twice() {
    let Ok(ending) = std::env::var(CHILD) else {
        return;
    };
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let drain = Drain::new();
        let tasks = Tasks::new();
        listen(drain.clone(), &tasks).unwrap();
        println!("listening");
        drain.signal().draining().await;
        println!("draining");
        if ending == "hang" {
            std::future::pending::<()>().await;
        }
    });
    std::process::exit(0);
}

struct Process {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Process {
    fn start(ending: &str) -> Self {
        let test = "shutdown::tests::the_child_listens_drains_and_stays_until_it_is_told_twice";
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", test, "--nocapture"])
            .env(CHILD, ending)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        Self { child, lines }
    }

    fn until(&mut self, word: &str) {
        let found = self.lines.by_ref().any(|line| line.unwrap().contains(word));
        assert!(found, "the child never said {word:?}");
    }

    fn send(&self, signal: &str) {
        let id = self.child.id().to_string();
        assert!(
            Command::new("kill")
                .args([signal, &id])
                .status()
                .unwrap()
                .success()
        );
    }

    fn status(&mut self) -> Option<i32> {
        self.child.wait().unwrap().code()
    }
}

#[test]
fn a_signal_begins_the_drain_and_the_process_ends_in_order() {
    for signal in ["-TERM", "-INT"] {
        let mut process = Process::start("end");
        process.until("listening");
        process.send(signal);
        process.until("draining");
        assert_eq!(process.status(), Some(0));
    }
}

#[test]
fn a_second_signal_exits_at_once_although_the_drain_hangs() {
    for (signal, status) in [("-TERM", 143), ("-INT", 130)] {
        let mut process = Process::start("hang");
        process.until("listening");
        process.send("-TERM");
        process.until("draining");
        process.send(signal);
        assert_eq!(process.status(), Some(status));
    }
}
