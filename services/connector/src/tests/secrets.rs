//! Secrets: in no log, no error, no `Debug`, whatever goes wrong.

use std::io;
use std::sync::{Arc, Mutex};

use chimera_contracts::connector::v1 as pb;
use pb::SessionState;
use serde_json::json;
use tracing_subscriber::fmt::MakeWriter;

use super::mesh::Mesh;
use super::steer::{lost_reply, refusal};

#[derive(Clone, Default)]
struct Captured(Arc<Mutex<Vec<u8>>>);

impl io::Write for Captured {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Captured {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

/// H61: everything is logged at the finest level that an operator can ask for while things go
/// wrong.
#[tokio::test]
async fn h061_keys_and_secrets_are_in_no_log_and_no_debug() {
    let captured = Captured::default();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::DEBUG)
        .with_writer(captured.clone())
        .finish();
    // A test runs on one thread, its tasks included.
    let logging = tracing::subscriber::set_default(subscriber);
    let mesh = Mesh::live().await;
    for how in ["close", "html", "server_error"] {
        mesh.fault(lost_reply("POST", how)).await;
        mesh.submit(mesh.resting_buy().await).await;
    }
    mesh.venue("POST", "/sockets", json!({"fate": {"to": "cut"}}))
        .await;
    let mut watch = mesh.watch().await;
    mesh.fault(refusal("GET /fapi/v3/balance", 401, -2015, 1))
        .await;
    if watch.snapshot.session.as_ref().unwrap().state() != SessionState::Failed {
        watch.state(SessionState::Failed).await;
    }
    let debug = format!(
        "{:?} {:?} {:?}",
        mesh.server,
        mesh.session().await,
        watch.snapshot
    );
    let (secret, key) = {
        let keys = &mesh.sim.endpoints().venues[0].credentials;
        (keys.api_secret.clone(), keys.api_key.clone())
    };
    mesh.end().await;
    drop(logging);

    let logs = String::from_utf8_lossy(&captured.0.lock().unwrap()).into_owned();
    assert!(logs.contains("session failed"), "the log was captured");
    for (what, text) in [("logs", &logs), ("debug", &debug)] {
        assert!(!text.contains(&secret), "the secret is in the {what}");
        assert!(!text.contains(&key), "the key is in the {what}");
        assert!(
            !text.contains("listenKey="),
            "a session key is in the {what}"
        );
        assert!(!text.contains("signature="), "a signature is in the {what}");
    }
}
