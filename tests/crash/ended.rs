//! SIGTERM: an ordinary end has nothing to warn of, and waits for nobody who is elsewhere.

use std::{ffi::OsStr, fs, path::Path, process::Stdio};

use chimera_contracts::order::v1::{
    GetTradingStateRequest, order_service_client::OrderServiceClient,
};
use chimera_runtime::{Channel, channel::RemoteOptions};
use chimera_tests::{PATIENCE, Process, binary, eventually};
use serde_json::Value;
use tokio::{
    io::{AsyncBufReadExt as _, AsyncReadExt as _, BufReader, Lines},
    process::{Child, ChildStderr, ChildStdout, Command},
    time::timeout,
};

use crate::scene::{VENUE, configuration};

/// A process that an operator will end.
struct Ending {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
    warnings: ChildStderr,
}

impl Ending {
    fn start<I: AsRef<OsStr>>(arguments: impl IntoIterator<Item = I>) -> Self {
        let mut child = Command::new(binary())
            .args(arguments)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        Self {
            lines: BufReader::new(child.stdout.take().unwrap()).lines(),
            warnings: child.stderr.take().unwrap(),
            child,
        }
    }

    /// Waits for a line that has a text in it.
    async fn says(&mut self, text: &str) -> String {
        let said = async {
            loop {
                let line = self.lines.next_line().await.unwrap();
                let line = line.expect("it says more before it ends");
                if line.contains(text) {
                    return line;
                }
            }
        };
        timeout(PATIENCE, said).await.expect("said in time")
    }

    /// Ends it as an operator does, and returns what it wrote of it.
    async fn end(mut self) -> String {
        let process = self.child.id().unwrap().to_string();
        let told = Command::new("kill").args(["-TERM", &process]).status();
        assert!(told.await.unwrap().success());
        let ended = timeout(PATIENCE, self.child.wait()).await;
        assert!(ended.expect("ends in time").unwrap().success());
        let mut words = String::new();
        self.warnings.read_to_string(&mut words).await.unwrap();
        words
    }
}

#[tokio::test]
async fn an_operator_ends_it_without_a_word_of_warning() {
    let data = tempfile::tempdir().unwrap();
    let folder = data.path().to_str().unwrap();
    let up = [
        "up",
        "--listen",
        "127.0.0.1:0",
        "--log",
        "warn",
        "--data-dir",
    ];
    let mut mesh = Ending::start(up.into_iter().chain([folder]));
    mesh.says("ready;").await;
    assert_eq!(mesh.end().await, "", "an ordinary end warns of nothing");
}

/// Its readers are in another process, which ends when it will: it must not wait for them.
#[tokio::test]
async fn a_connector_of_its_own_says_goodbye_to_its_readers_at_once() {
    let mut venue = Process::start(&["sim", "--venues", VENUE, "--base-port", "0", "--json"]);
    let endpoints: Value = serde_json::from_str(&venue.line()).unwrap();
    let data = tempfile::tempdir().unwrap();
    // Far beyond any patience here.
    let settings = configuration(&endpoints["venues"][0]) + "drain_within_ms: 600000\n";
    let mut connector = serve(data.path(), "connector", &settings);
    let line = connector.says("chimera serves").await;
    let peer = line.rsplit(' ').next().unwrap();
    let settings = format!("{settings}peers: {{connector: \"{peer}\"}}\n");
    let mut order = serve(data.path(), "order", &settings);
    let line = order.says("chimera serves").await;
    let address = line.rsplit(' ').next().unwrap();
    let channel = Channel::remote(address, RemoteOptions::default()).unwrap();
    let mut orders = OrderServiceClient::new(channel);
    eventually(
        "the order service reads the connector's stream",
        async || {
            let asked = GetTradingStateRequest {};
            let answer = orders.get_trading_state(asked).await.ok()?;
            answer.into_inner().ready.then_some(())
        },
    )
    .await;

    assert_eq!(connector.end().await, "");
}

fn serve(folder: &Path, role: &str, settings: &str) -> Ending {
    let file = folder.join(format!("{role}.yaml"));
    fs::write(&file, settings).unwrap();
    Ending::start([
        "serve",
        "--role",
        role,
        "--listen",
        "127.0.0.1:0",
        "--log",
        "warn",
        "--config",
        file.to_str().unwrap(),
        "--data-dir",
        folder.join(role).to_str().unwrap(),
    ])
}
