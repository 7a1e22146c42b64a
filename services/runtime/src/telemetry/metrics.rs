//! Metrics as text for whoever scrapes; there is no listener here.

use std::time::Duration;

use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};

use super::TelemetryError;

/// Bounds of the buckets of every histogram, in seconds: from half the order path's budget up to
/// the longest unary call.
const BUCKETS: [f64; 16] = [
    0.000_05, 0.000_1, 0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0,
    2.5, 10.0, 30.0,
];

/// How often samples are folded into their buckets. Without it they pile up for as long as nobody
/// scrapes (F127).
const UPKEEP_INTERVAL: Duration = Duration::from_secs(5);

/// Renders the metrics of this process. Clones render the same.
#[derive(Clone, Debug)]
pub struct MetricsHandle {
    handle: PrometheusHandle,
}

impl MetricsHandle {
    /// Installs the recorder behind the `metrics` macros of this process.
    pub(super) fn install() -> Result<Self, TelemetryError> {
        let recorder = PrometheusBuilder::new()
            .set_buckets(&BUCKETS)
            .expect("there is at least one bucket")
            .build_recorder();
        let handle = recorder.handle();
        metrics::set_global_recorder(recorder).map_err(|_| TelemetryError::Taken("recorder"))?;
        let upkeep = handle.clone();
        // A thread, not a task: it must also run when no runtime does. It ends with the process.
        std::thread::Builder::new()
            .name("metrics-upkeep".into())
            .spawn(move || {
                loop {
                    std::thread::sleep(UPKEEP_INTERVAL);
                    upkeep.run_upkeep();
                }
            })?;
        Ok(Self { handle })
    }

    /// Returns every metric in Prometheus' text format.
    pub fn render(&self) -> String {
        self.handle.render()
    }
}
