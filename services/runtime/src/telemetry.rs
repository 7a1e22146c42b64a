//! What a process says of itself: one log record per event, traces to a collector if asked, metrics
//! as text.

use std::io;
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::Duration;

use opentelemetry::trace::TracerProvider;
use opentelemetry_otlp::{SpanExporter, WithExportConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::SdkTracerProvider;
use serde::Deserialize;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Layer, Registry};

mod metrics;
mod record;
#[cfg(test)]
mod tests;

pub use metrics::MetricsHandle;
pub use record::LogFormat;

use crate::clock::Clock;
use crate::trace;

/// Longest that a span may take to reach the collector, and the last ones at the end of the
/// process.
const EXPORT_TIMEOUT: Duration = Duration::from_secs(5);

/// What is logged unless the configuration says otherwise. The libraries below speak up at `warn`:
/// their own spans of an export would be exported in turn.
const DEFAULT_FILTER: &str = "info,h2=warn,hyper=warn,hyper_util=warn,tower=warn,tonic=warn";

/// Settings of logs and traces.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct TelemetryConfig {
    /// How a log record is written.
    pub format: LogFormat,
    /// Which records are written, e.g. `info,chimera_order=debug`.
    pub filter: String,
    /// Where traces go, e.g. `http://collector:4317` (OTLP over gRPC). None by default: nothing
    /// leaves.
    pub otlp_endpoint: Option<String>,
    /// What this process is called in its traces.
    pub service_name: String,
}

impl Default for TelemetryConfig {
    fn default() -> Self {
        Self {
            format: LogFormat::Json,
            filter: DEFAULT_FILTER.to_owned(),
            otlp_endpoint: None,
            service_name: "chimera".to_owned(),
        }
    }
}

/// Telemetry that cannot be set up.
#[derive(Debug, thiserror::Error)]
pub enum TelemetryError {
    /// The filter cannot be read.
    #[error("the log filter {filter:?} cannot be read: {cause}")]
    Filter {
        /// The filter.
        filter: String,
        /// What is wrong with it.
        cause: String,
    },
    /// The collector's address cannot be used.
    #[error("traces cannot be sent to {endpoint:?}: {cause}")]
    Export {
        /// The address.
        endpoint: String,
        /// What is wrong with it.
        cause: String,
    },
    /// Someone else in this process has set up logs or metrics of their own.
    #[error("another {0} is installed in this process already")]
    Taken(&'static str),
    /// The operating system gives no thread.
    #[error("no thread for the upkeep of metrics: {0}")]
    Thread(#[from] io::Error),
}

/// The telemetry of this process. Clones are the same.
#[derive(Clone, Debug)]
pub struct Telemetry {
    metrics: MetricsHandle,
    traces: Option<SdkTracerProvider>,
}

impl Telemetry {
    /// Returns the metrics of this process.
    pub fn metrics(&self) -> &MetricsHandle {
        &self.metrics
    }

    /// Sends the last spans, at most for five seconds. Blocks: call it at the end of the process.
    pub fn flush(&self) {
        if let Some(traces) = &self.traces
            && let Err(error) = traces.shutdown_with_timeout(EXPORT_TIMEOUT)
        {
            tracing::warn!(%error, "the last spans were not sent");
        }
    }
}

/// Sets up logs to standard error, metrics, and traces where the configuration names a collector
/// (which needs a tokio runtime around the call). A panic is logged as one record too.
///
/// Repeatable: once it has succeeded, every later call returns what the first one set up.
pub fn init(config: &TelemetryConfig) -> Result<Telemetry, TelemetryError> {
    static INSTALLED: OnceLock<Telemetry> = OnceLock::new();
    static INSTALLING: Mutex<()> = Mutex::new(());
    let _one_at_a_time = INSTALLING.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(installed) = INSTALLED.get() {
        return Ok(installed.clone());
    }
    let (subscriber, traces) = subscriber(config, io::stderr)?;
    subscriber
        .try_init()
        .map_err(|_| TelemetryError::Taken("logger"))?;
    std::panic::set_hook(Box::new(log_panic));
    let metrics = MetricsHandle::install()?;
    Ok(INSTALLED
        .get_or_init(|| Telemetry { metrics, traces })
        .clone())
}

/// Returns a subscriber that writes records to what `output` opens.
fn subscriber<W, F>(
    config: &TelemetryConfig,
    output: F,
) -> Result<
    (
        impl tracing::Subscriber + Send + Sync,
        Option<SdkTracerProvider>,
    ),
    TelemetryError,
>
where
    W: io::Write,
    F: Fn() -> W + Send + Sync + 'static,
{
    let unreadable = |error: tracing_subscriber::filter::ParseError| TelemetryError::Filter {
        filter: config.filter.clone(),
        cause: error.to_string(),
    };
    let filter: EnvFilter = config.filter.parse().map_err(unreadable)?;
    let traces = config
        .otlp_endpoint
        .as_deref()
        .map(|to| exporter(config, to))
        .transpose()?;
    let layer = traces.as_ref().map(|traces| {
        trace::follow_exported_spans();
        tracing_opentelemetry::layer::<Registry>().with_tracer(traces.tracer("chimera"))
    });
    let records = record::Records::new(config.format, Clock::system(), output);
    let subscriber = Registry::default()
        .with(layer)
        .with(records.boxed())
        .with(filter);
    Ok((subscriber, traces))
}

fn exporter(config: &TelemetryConfig, endpoint: &str) -> Result<SdkTracerProvider, TelemetryError> {
    let exporter = SpanExporter::builder()
        .with_tonic()
        .with_endpoint(endpoint)
        .with_timeout(EXPORT_TIMEOUT)
        .build()
        .map_err(|error| TelemetryError::Export {
            endpoint: endpoint.to_owned(),
            cause: error.to_string(),
        })?;
    let resource = Resource::builder()
        .with_service_name(config.service_name.clone())
        .build();
    Ok(SdkTracerProvider::builder()
        .with_batch_exporter(exporter)
        .with_resource(resource)
        .build())
}

/// Logs a panic as one record instead of the default's several lines.
fn log_panic(panic: &std::panic::PanicHookInfo<'_>) {
    let place = panic
        .location()
        .map(ToString::to_string)
        .unwrap_or_default();
    let text = crate::tasks::panic_text(panic.payload());
    tracing::error!(place, panic = text, "panic");
}
