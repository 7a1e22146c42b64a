//! What a measurement says, to people and to programs.

use comfy_table::{CellAlignment, Table, presets::UTF8_BORDERS_ONLY};
use serde_json::{Map, Value, json};

use super::measure::Machine;

/// The result of one measurement: headline figures, and a row for each load.
#[derive(Clone, Debug)]
pub struct Report {
    name: &'static str,
    machine: Machine,
    figures: Map<String, Value>,
    columns: &'static [&'static str],
    rows: Vec<Map<String, Value>>,
    notes: Vec<String>,
}

/// Returns the fields of an object.
pub fn fields(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(fields) => fields,
        _ => Map::new(),
    }
}

/// Returns a figure with as many digits as it can vouch for.
pub fn rounded(figure: f64) -> f64 {
    let factor = match figure.abs() {
        size if size >= 100.0 => 1.0,
        size if size >= 10.0 => 10.0,
        _ => 100.0,
    };
    (figure * factor).round() / factor
}

impl Report {
    /// Begins a report of rows with these columns; the machine is looked at now, before the load.
    pub fn begin(name: &'static str, columns: &'static [&'static str]) -> Self {
        Self {
            name,
            machine: Machine::read(),
            figures: Map::new(),
            columns,
            rows: Vec::new(),
            notes: Vec::new(),
        }
    }

    /// Adds headline figures.
    pub fn headline(&mut self, figures: Value) {
        self.figures.extend(fields(figures));
    }

    /// Adds the row of one load.
    pub fn row(&mut self, row: Map<String, Value>) {
        self.rows.push(row);
    }

    /// Adds a sentence on how to read the figures.
    pub fn note(&mut self, note: impl Into<String>) {
        self.notes.push(note.into());
    }

    /// Returns the report as one JSON object.
    #[must_use]
    pub fn json(&self) -> Value {
        let mut all = fields(json!({ "bench": self.name, "machine": self.machine }));
        all.extend(self.figures.clone());
        all.insert("rows".to_owned(), json!(self.rows));
        all.insert("notes".to_owned(), json!(self.notes));
        Value::Object(all)
    }

    /// Returns the report as tables.
    #[must_use]
    pub fn text(&self) -> String {
        let machine = &self.machine;
        let mut text = format!(
            "{}: {} x {}, {} MB, Linux {}, {} build, load {} before\n",
            self.name,
            machine.processors,
            machine.processor,
            machine.memory_mb,
            machine.kernel,
            machine.build,
            machine.load_before
        );
        for (name, figure) in &self.figures {
            text.push_str(&format!("{name} = {}\n", shown(figure)));
        }
        text.push_str(&self.table());
        for note in &self.notes {
            text.push_str(&format!("\n{note}"));
        }
        text
    }

    fn table(&self) -> String {
        let told = |name: &str| {
            let mut rows = self.rows.iter();
            rows.any(|row| row.get(name).is_some_and(|value| !value.is_null()))
        };
        // What no row tells needs no column.
        let columns = self.columns.iter().filter(|name| told(name));
        let columns: Vec<&str> = columns.copied().collect();
        let mut table = Table::new();
        table.load_preset(UTF8_BORDERS_ONLY);
        table.set_header(columns.iter().map(|name| name.replace('_', " ")));
        for row in &self.rows {
            let cells = columns
                .iter()
                .map(|name| row.get(*name).map_or(String::new(), shown));
            table.add_row(cells);
        }
        for column in table.column_iter_mut().skip(1) {
            column.set_cell_alignment(CellAlignment::Right);
        }
        table.to_string()
    }
}

fn shown(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null => String::new(),
        other => other.to_string(),
    }
}
