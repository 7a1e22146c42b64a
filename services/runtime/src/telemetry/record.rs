//! Log records: one line each, whatever the text in them holds (H60).

use std::fmt::{self, Write as _};
use std::io;

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Map, Value};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::Context;
use tracing_subscriber::registry::LookupSpan;

use crate::clock::Clock;
use crate::trace::TraceContext;

/// Longest single text in a record, in bytes; what venues and callers send may be as long as they
/// like (H54).
const TEXT_BYTES_MAX: usize = 4 * 1_024;

/// How a log record is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LogFormat {
    /// One JSON object a line, for machines.
    #[default]
    Json,
    /// One line of words, for people.
    Human,
}

/// Writes every event with the fields of the spans around it, the innermost word standing.
pub(super) struct Records<F> {
    format: LogFormat,
    clock: Clock,
    output: F,
}

/// The fields of one span.
struct SpanFields(Fields);

/// Fields by name; a later one of the same name stands.
#[derive(Default)]
struct Fields(Map<String, Value>);

impl<F> Records<F> {
    pub(super) fn new(format: LogFormat, clock: Clock, output: F) -> Self {
        Self {
            format,
            clock,
            output,
        }
    }
}

impl<S, W, F> Layer<S> for Records<F>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    W: io::Write,
    F: Fn() -> W + 'static,
{
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        if let Some(span) = context.span(id) {
            let mut fields = Fields::default();
            attributes.record(&mut fields);
            span.extensions_mut().insert(SpanFields(fields));
        }
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, context: Context<'_, S>) {
        if let Some(span) = context.span(id)
            && let Some(SpanFields(fields)) = span.extensions_mut().get_mut::<SpanFields>()
        {
            values.record(fields);
        }
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        let mut fields = Fields::default();
        if let Some(trace) = TraceContext::current() {
            fields.put(
                "trace_id",
                Value::String(format!("{:032x}", trace.trace_id())),
            );
        }
        for span in context
            .event_scope(event)
            .into_iter()
            .flat_map(|scope| scope.from_root())
        {
            if let Some(SpanFields(of_span)) = span.extensions().get::<SpanFields>() {
                fields.0.extend(of_span.0.clone());
            }
        }
        event.record(&mut fields);
        let message = match fields.0.remove("message") {
            Some(Value::String(message)) => message,
            Some(other) => other.to_string(),
            None => String::new(),
        };
        let nanos = i128::from(self.clock.now_nanos());
        let time = Timestamp::from_nanosecond(nanos).unwrap_or(Timestamp::MAX);
        let metadata = event.metadata();
        let level = metadata.level().as_str();
        let line = match self.format {
            LogFormat::Json => json(time, level, metadata.target(), message, fields),
            LogFormat::Human => human(time, level, metadata.target(), &message, &fields),
        };
        // One write a record, so that the lines of two threads cannot mix. Where to complain if
        // standard error is gone?
        let _ = (self.output)().write_all(line.as_bytes());
    }
}

fn json(time: Timestamp, level: &str, target: &str, message: String, fields: Fields) -> String {
    let mut record = Map::new();
    record.insert("timestamp".into(), Value::String(format!("{time:.6}")));
    record.insert("level".into(), Value::String(level.into()));
    record.insert("target".into(), Value::String(target.into()));
    record.insert("message".into(), Value::String(message));
    for (name, value) in fields.0 {
        // A field may not pass for one of the record's own.
        let name = if record.contains_key(&name) {
            format!("field_{name}")
        } else {
            name
        };
        record.insert(name, value);
    }
    let mut line = Value::Object(record).to_string();
    line.push('\n');
    line
}

fn human(time: Timestamp, level: &str, target: &str, message: &str, fields: &Fields) -> String {
    let mut line = format!("{time:.3} {level:>5} {target}: {message}");
    // Escaped once more, for a message may hold line breaks; quotes in it may stay.
    line = line
        .replace('\n', "\\n")
        .replace('\r', "\\r")
        .replace('\t', "\\t");
    for (name, value) in &fields.0 {
        // Writing to a string cannot fail.
        let _ = write!(line, " {name}={value}");
    }
    line.push('\n');
    line
}

impl Fields {
    fn put(&mut self, name: &str, value: Value) {
        self.0.insert(name.to_owned(), value);
    }

    fn put_text(&mut self, field: &Field, text: &str) {
        self.put(field.name(), Value::String(harmless(text)));
    }
}

impl Visit for Fields {
    fn record_f64(&mut self, field: &Field, value: f64) {
        // A number that JSON does not know is shown as text.
        let number = serde_json::Number::from_f64(value);
        self.put(
            field.name(),
            number.map_or_else(|| value.to_string().into(), Value::Number),
        );
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.put(field.name(), value.into());
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.put(field.name(), value.into());
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.put(field.name(), value.into());
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.put_text(field, value);
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.put_text(field, &format!("{value:?}"));
    }
}

/// Returns a text that can neither end its line nor drive a terminal, cut to its bound. JSON
/// escapes the lower control characters by itself; these are the ones that it lets through.
fn harmless(text: &str) -> String {
    let cut = &text[..text.floor_char_boundary(TEXT_BYTES_MAX)];
    let mut harmless = String::with_capacity(cut.len());
    for character in cut.chars() {
        match character {
            '\n' | '\r' | '\t' => harmless.push(character),
            _ if character.is_control() || redirects(character) => {
                // Writing to a string cannot fail.
                let _ = write!(harmless, "\\u{{{:x}}}", u32::from(character));
            }
            _ => harmless.push(character),
        }
    }
    if cut.len() < text.len() {
        harmless.push('…');
    }
    harmless
}

/// Returns whether a character breaks lines or turns the direction of writing.
fn redirects(character: char) -> bool {
    matches!(
        character,
        '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}'
    )
}
