//! The tables a person sees: a live one while the run goes on, a summary at the end.

use std::{io::IsTerminal as _, io::Write as _, time::Duration};

use chimera_model::Decimal;
use comfy_table::{Table, presets::UTF8_BORDERS_ONLY};

use super::{
    progress::{Line, Progress},
    report::Report,
};

/// The shortest time between two pictures: a person sees no more.
const REDRAW: Duration = Duration::from_millis(100);

/// Draws the board until the future that owns it is dropped: redrawn in place on a terminal, a line
/// a change elsewhere.
pub async fn live(progress: Progress) {
    let terminal = std::io::stderr().is_terminal();
    let mut changes = progress.changes();
    let mut drawn_lines = 0;
    let mut shown: Vec<(String, Line)> = Vec::new();
    while changes.changed().await.is_ok() {
        let lines = progress.lines();
        if terminal {
            let picture = draw(&lines);
            let mut out = std::io::stderr().lock();
            if drawn_lines > 0 {
                // Up to where the last picture began, clearing below.
                let _ = write!(out, "\x1b[{drawn_lines}A\x1b[J");
            }
            let _ = writeln!(out, "{picture}");
            drawn_lines = picture.lines().count();
        } else {
            for (venue, line) in &lines {
                let before = shown
                    .iter()
                    .find(|(name, _)| name == venue)
                    .map(|(_, line)| line);
                if before.is_none_or(|before| {
                    before.state != line.state || before.attempts != line.attempts
                }) {
                    eprintln!(
                        "{venue}: {} · attempts {} · price {} · filled {} · position {}",
                        line.state,
                        line.attempts,
                        or_dash(&line.price),
                        or_dash(&line.filled),
                        or_dash(&line.position)
                    );
                }
            }
            shown = lines;
        }
        tokio::time::sleep(REDRAW).await;
    }
}

fn or_dash(text: &str) -> &str {
    if text.is_empty() { "–" } else { text }
}

fn draw(lines: &[(String, Line)]) -> String {
    let mut table = Table::new();
    table.load_preset(UTF8_BORDERS_ONLY);
    table.set_header(["venue", "state", "attempts", "price", "filled", "position"]);
    for (venue, line) in lines {
        table.add_row([
            venue.as_str(),
            line.state,
            &line.attempts.to_string(),
            or_dash(&line.price),
            or_dash(&line.filled),
            or_dash(&line.position),
        ]);
    }
    table.to_string()
}

/// Returns the table at the end of a run.
#[must_use]
pub fn summary(report: &Report) -> String {
    let mut table = Table::new();
    table.load_preset(UTF8_BORDERS_ONLY);
    table.set_header([
        "venue",
        "symbol",
        "result",
        "quantity",
        "attempts",
        "entry",
        "exit",
        "held",
        "interval error",
        "position",
        "realised",
        "margin",
    ]);
    for venue in &report.venues {
        let entry = venue.entry.as_ref();
        let exit = venue.exit.as_ref();
        table.add_row([
            venue.venue.clone(),
            venue.symbol.clone(),
            if venue.ok {
                "flat".to_owned()
            } else {
                "FAILED".to_owned()
            },
            venue.quantity.clone(),
            entry.map_or_else(String::new, |order| order.attempts.to_string()),
            entry.map_or_else(String::new, |order| order.average_price.clone()),
            exit.map_or_else(String::new, |order| order.average_price.clone()),
            format!(
                "{:.1} s",
                Duration::from_millis(venue.hold_ms).as_secs_f32()
            ),
            venue
                .interval_error_ms_max
                .map_or_else(|| "–".to_owned(), |error| format!("{error} ms")),
            venue
                .venue_position
                .clone()
                .unwrap_or_else(|| "?".to_owned()),
            venue.realized_pnl.clone().unwrap_or_default(),
            margin_change(venue),
        ]);
    }
    let mut text = table.to_string();
    for venue in report.venues.iter().filter(|venue| !venue.ok) {
        let reason = venue.error.as_deref().unwrap_or("no reason was recorded");
        text.push_str(&format!("\n{}: {reason}", venue.venue));
    }
    text
}

fn margin_change(venue: &super::VenueReport) -> String {
    let parse = |text: &str| text.parse::<Decimal>().ok();
    let change = venue
        .margin
        .first()
        .zip(venue.margin.last())
        .and_then(|(first, last)| {
            parse(&last.wallet_balance)?
                .checked_sub(parse(&first.wallet_balance)?)
                .ok()
        });
    change.map_or_else(|| "–".to_owned(), |change| change.to_string())
}
