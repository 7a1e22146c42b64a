//! An order's story: from the journal for ExplainOrder, and as a file an order beside it.

use std::collections::BTreeMap;
use std::fs::OpenOptions;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use chimera_contracts::order::v1 as pb;
use chimera_model::order::{BookedFill, Command, Event, Order, OrderState, Report, SubmitAnswer};
use chimera_model::report::{Fill, OrderReport};
use chimera_model::{Decimal, UnixNanos};
use serde::Serialize;
use tokio::sync::mpsc;

use crate::entry::Entry;
use crate::journal_log::{Body, Logged};
use crate::key::OrderKey;
use crate::service::Desk;
use crate::writer::Stored;
use crate::{metrics, render};

#[cfg(test)]
mod tests;

/// Lines that may wait for the disk; what comes on top is counted and not written. The journal has
/// it.
const QUEUE_LINES: usize = 8_192;

/// How long lines gather before they are written: those of a story come within milliseconds, and
/// opening its file for each of them would cost more than the order itself. Long enough that few
/// stories are cut in two.
const GATHER: Duration = Duration::from_millis(100);

/// Lines written with one turn of a blocking thread: what gathers at a thousand orders a second.
const WRITE_LINES: usize = 1_024;

/// One step of an order's story.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// Its place.
    pub seq: u64,
    /// Command, report or event.
    pub kind: pb::TimelineKind,
    /// One word.
    pub name: &'static str,
    /// The facts by name.
    pub facts: BTreeMap<&'static str, String>,
    /// When it was recorded.
    pub recorded_time: UnixNanos,
    /// When the venue says it happened.
    pub venue_time: Option<UnixNanos>,
    /// When it was received.
    pub received_time: Option<UnixNanos>,
}

type Facts = BTreeMap<&'static str, String>;

/// Returns the step that a record is in its order's story; nothing for records of no order.
#[must_use]
pub fn step(logged: &Logged, seq: u64) -> Option<Step> {
    let mut facts = Facts::new();
    let mut venue_time = None;
    let mut received_time = None;
    let (kind, name) = match &logged.body {
        Body::Intent(intent) => {
            spec_facts(&intent.spec, &mut facts);
            insert(&mut facts, "trace_id", &intent.trace_id);
            (pb::TimelineKind::Event, "INTENT")
        }
        Body::External(external) => {
            spec_facts(&external.spec, &mut facts);
            insert(&mut facts, "venue_cause", &external.venue_cause);
            (pb::TimelineKind::Event, "ADOPTED")
        }
        Body::Command(command) => {
            if let Command::Cancel { attempt } | Command::Query { attempt } = command {
                facts.insert("attempt", attempt.to_string());
            }
            (pb::TimelineKind::Command, command.name())
        }
        Body::Report(report) => {
            (venue_time, received_time) = report_facts(report, &mut facts);
            (pb::TimelineKind::Report, report.name())
        }
        Body::Event {
            event,
            venue_time: at,
        } => {
            venue_time = *at;
            event_facts(event, &mut facts);
            (pb::TimelineKind::Event, event.kind().word())
        }
        Body::Child(note) => {
            facts.insert("child", note.index.to_string());
            facts.insert("price", note.price.to_string());
            facts.insert("quantity", note.quantity.to_string());
            facts.insert(
                "interval_error_us",
                note.interval_error.as_micros().to_string(),
            );
            (pb::TimelineKind::Command, "CHILD")
        }
        Body::Progress { child, event } => {
            facts.insert("child", child.to_string());
            event_facts(event, &mut facts);
            (pb::TimelineKind::Event, event.kind().word())
        }
        Body::Genesis | Body::Alias(_) | Body::Trading(_) | Body::Position(_) | Body::Cursor(_) => {
            return None;
        }
    };
    Some(Step {
        seq,
        kind,
        name,
        facts,
        recorded_time: logged.recorded_time,
        venue_time,
        received_time,
    })
}

fn insert(facts: &mut Facts, name: &'static str, value: &str) {
    if !value.is_empty() {
        facts.insert(name, value.to_owned());
    }
}

fn spec_facts(spec: &chimera_model::order::OrderSpec, facts: &mut Facts) {
    facts.insert("side", spec.side.to_string());
    facts.insert("quantity", spec.quantity.to_string());
    insert(facts, "price", &render::text(spec.price));
    facts.insert("instrument_version", spec.scale.version.to_string());
    insert(facts, "parent", &render::text(spec.parent));
}

fn report_facts(report: &Report, facts: &mut Facts) -> (Option<UnixNanos>, Option<UnixNanos>) {
    use chimera_model::order::CancelAnswer as Cancel;
    let reason = match report {
        Report::Submitted(
            SubmitAnswer::Rejected { reason, .. }
            | SubmitAnswer::Unknown { reason }
            | SubmitAnswer::NotSent { reason },
        )
        | Report::CancelAnswered(
            Cancel::Rejected(reason)
            | Cancel::Unknown(reason)
            | Cancel::NotSent(reason)
            | Cancel::NotFound(reason),
        )
        | Report::CancelGivenUp { reason } => Some(reason),
        _ => None,
    };
    if let Some(reason) = reason {
        insert(facts, "code", &reason.code);
        insert(facts, "message", &reason.message);
    }
    match report {
        Report::Submitted(SubmitAnswer::Accepted(Some(stated)))
        | Report::CancelAnswered(Cancel::Accepted(Some(stated)))
        | Report::Stated(stated) => (stated_facts(stated, facts), None),
        Report::Executed {
            fill,
            received_time,
        } => {
            fill_facts(fill, facts);
            (Some(fill.venue_time), Some(*received_time))
        }
        Report::Absent { misses } => {
            facts.insert("misses", misses.to_string());
            (None, None)
        }
        _ => (None, None),
    }
}

fn stated_facts(report: &OrderReport, facts: &mut Facts) -> Option<UnixNanos> {
    facts.insert("status", format!("{:?}", report.status));
    insert(facts, "status_text", &report.status_text);
    insert(
        facts,
        "venue_order_id",
        &render::text(report.venue_order_id.as_ref()),
    );
    insert(facts, "filled", &render::text(report.cumulative_filled));
    insert(facts, "average_price", &render::text(report.average_price));
    insert(
        facts,
        "reason",
        report.reason.as_deref().unwrap_or_default(),
    );
    facts.insert("source", format!("{:?}", report.source));
    report.venue_time
}

fn fill_facts(fill: &Fill, facts: &mut Facts) {
    facts.insert("trade_id", fill.trade_id.to_string());
    facts.insert("venue_order_id", fill.venue_order_id.to_string());
    facts.insert("price", fill.price.to_string());
    facts.insert("quantity", fill.quantity.to_string());
    facts.insert("source", format!("{:?}", fill.source));
}

fn event_facts(event: &Event, facts: &mut Facts) {
    match event {
        Event::Denied(reason)
        | Event::Doubted(reason)
        | Event::CancelRefused(reason)
        | Event::Cancelled(reason)
        | Event::Expired(reason)
        | Event::Rejected { reason, .. } => {
            insert(facts, "code", &reason.code);
            insert(facts, "message", &reason.message);
        }
        Event::Identified {
            venue_order_id,
            client_order_id,
        } => {
            insert(
                facts,
                "venue_order_id",
                &render::text(venue_order_id.as_ref()),
            );
            insert(
                facts,
                "client_order_id",
                &render::text(client_order_id.as_ref()),
            );
        }
        Event::Stated { filled, average } => {
            facts.insert("filled", filled.to_string());
            insert(facts, "average_price", &render::text(*average));
        }
        Event::Resized { quantity } => {
            facts.insert("quantity", quantity.to_string());
        }
        Event::Fill(fill) | Event::Restated(fill) => booked_facts(fill, facts),
        Event::Noticed(notice) => {
            facts.insert("notice", format!("{:?}", notice.kind));
            insert(facts, "message", &notice.words);
        }
        Event::Accepted | Event::CancelAsked | Event::Completed | Event::Adopted => {}
    }
}

fn booked_facts(fill: &BookedFill, facts: &mut Facts) {
    facts.insert("trade_id", fill.key.trade_id.to_string());
    facts.insert("price", fill.price.to_string());
    facts.insert("quantity", fill.quantity.to_string());
    for (name, holds) in [("late", fill.late), ("inferred", fill.inferred)] {
        if holds {
            facts.insert(name, "true".to_owned());
        }
    }
    if let Some(fee) = fill.fee.filter(|fee| fee.amount != Decimal::ZERO) {
        facts.insert("fee", format!("{} {}", fee.amount, fee.asset));
    }
}

/// Returns a step as the contract shows it.
pub(crate) fn entry(step: &Step, state: OrderState) -> pb::TimelineEntry {
    pb::TimelineEntry {
        seq: step.seq,
        kind: step.kind.into(),
        name: step.name.to_owned(),
        state: render::state(state).into(),
        facts: step
            .facts
            .iter()
            .map(|(name, fact)| ((*name).to_owned(), fact.clone()))
            .collect(),
        recorded_time: Some(render::timestamp(step.recorded_time)),
        venue_time: step.venue_time.map(render::timestamp),
        received_time: step.received_time.map(render::timestamp),
    }
}

/// Hands lines to the one task that writes timeline files; does nothing when none are wanted.
#[derive(Debug, Clone, Default)]
pub(crate) struct Timeline {
    lines: Option<mpsc::Sender<Line>>,
}

#[derive(Debug)]
struct Line {
    file: String,
    text: String,
}

/// One line of a timeline file.
#[derive(Serialize)]
struct StoryLine<'a> {
    account: &'a str,
    client_order_index: Option<u32>,
    facts: &'a Facts,
    kind: &'a str,
    name: &'a str,
    received_time_ns: Option<String>,
    recorded_time_ns: String,
    seq: u64,
    state: &'a str,
    venue_order_id: String,
    venue_time_ns: Option<String>,
}

impl Timeline {
    /// Returns the means to write, and the work to be done beside it.
    pub(crate) fn begin(directory: PathBuf) -> (Self, impl Future<Output = ()> + Send) {
        let (lines, queue) = mpsc::channel(QUEUE_LINES);
        (Self { lines: Some(lines) }, write_all(directory, queue))
    }

    fn put(&self, line: Line) {
        if let Some(lines) = &self.lines
            && lines.try_send(line).is_err()
        {
            metrics::bounded("timeline_lines");
        }
    }

    const fn is_wanted(&self) -> bool {
        self.lines.is_some()
    }
}

async fn write_all(directory: PathBuf, mut queue: mpsc::Receiver<Line>) {
    let mut lines = Vec::new();
    while queue.recv_many(&mut lines, WRITE_LINES).await > 0 {
        if lines.len() < WRITE_LINES {
            tokio::time::sleep(GATHER).await;
            while lines.len() < WRITE_LINES
                && let Ok(line) = queue.try_recv()
            {
                lines.push(line);
            }
        }
        let (batch, directory) = (std::mem::take(&mut lines), directory.clone());
        let written = tokio::task::spawn_blocking(move || write(&directory, batch)).await;
        if !matches!(written, Ok(Ok(()))) {
            metrics::bounded("timeline_writes");
            tracing::warn!("timeline files cannot be written; the journal has what is missing");
        }
    }
}

fn write(directory: &Path, lines: Vec<Line>) -> std::io::Result<()> {
    std::fs::create_dir_all(directory)?;
    let mut files: BTreeMap<String, String> = BTreeMap::new();
    for line in lines {
        let text = files.entry(line.file).or_default();
        text.push_str(&line.text);
        text.push('\n');
    }
    for (file, text) in files {
        let mut file = OpenOptions::new()
            .create(true)
            .append(true)
            .open(directory.join(file))?;
        file.write_all(text.as_bytes())?;
    }
    Ok(())
}

/// Returns the name of an order's file. Its parts are names that were checked when they were made:
/// letters, digits and hyphens (H45); external orders have none.
fn file_of(order: &Order) -> Option<String> {
    let spec = order.spec();
    let index = spec.index?;
    Some(format!("{}-{}-{index}.jsonl", spec.venue, spec.symbol))
}

impl Desk {
    /// Writes a record to its order's file once it is durable.
    pub(crate) fn write_timeline(&mut self, logged: Logged, seq: u64) {
        if !self.timeline.is_wanted() {
            return;
        }
        let order = logged.key.as_ref().and_then(|key| self.ledger.get(key));
        let Some(order) = order.map(|entry| &entry.order) else {
            return;
        };
        let (Some(file), Some(step)) = (file_of(order), step(&logged, seq)) else {
            return;
        };
        let nanos = |time: UnixNanos| time.as_nanos().to_string();
        let line = StoryLine {
            account: order.spec().account.as_str(),
            client_order_index: order.spec().index.map(|index| index.get()),
            facts: &step.facts,
            kind: step.kind.as_str_name().trim_start_matches("TIMELINE_KIND_"),
            name: step.name,
            received_time_ns: step.received_time.map(nanos),
            recorded_time_ns: nanos(step.recorded_time),
            seq,
            state: order.state().name(),
            venue_order_id: render::text(order.venue_order_id()),
            venue_time_ns: step.venue_time.map(nanos),
        };
        let Ok(text) = serde_json::to_string(&line) else {
            return;
        };
        let timeline = self.timeline.clone();
        self.effect(Box::new(move |stored| {
            if stored == Stored::Durably {
                timeline.put(Line { file, text });
            }
        }));
    }
}

/// Returns an order's story from its records.
///
/// # Errors
/// Fails when the journal cannot be read.
pub(crate) async fn explain(
    store: &dyn crate::store::Store,
    key: &OrderKey,
) -> Result<Option<(Entry, Vec<pb::TimelineEntry>)>, crate::error::OrderError> {
    use crate::error::OrderError;
    let mut ledger = crate::ledger::Ledger::new(1);
    let (mut entries, mut after) = (Vec::new(), 0);
    loop {
        let batch = store
            .read_key(key.text(), after)
            .await
            .map_err(|_| OrderError::JournalFailed)?;
        let Some(last) = batch.last() else { break };
        after = last.seq;
        for placed in &batch {
            let logged = Logged::decode(&placed.record)
                .map_err(|_| OrderError::Internal("a record cannot be read"))?;
            ledger
                .apply(&logged, placed.seq)
                .map_err(|_| OrderError::Internal("a record does not fit"))?;
            let state = ledger.get(key).map(|it| it.order.state());
            if let (Some(step), Some(state)) = (step(&logged, placed.seq), state) {
                entries.push(entry(&step, state));
            }
        }
    }
    let found = ledger.orders.remove(key).map(Arc::unwrap_or_clone);
    Ok(found.map(|found| (found, entries)))
}
