//! The report as one page that needs nothing else.

use std::fmt::Write as _;

use super::{
    chart,
    report::{OrderSummary, Report, VenueReport},
};

const STYLE: &str = "
:root{color-scheme:light dark;--line:#8884;--bid:#2a9d5c;--ask:#c8553d;--ink:#1b1f24;--order:#b8860b}
@media(prefers-color-scheme:dark){:root{--ink:#e6e6e6}}
body{font:15px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:1040px;padding:0 1rem;color:var(--ink)}
h1{font-size:1.4rem}h2{font-size:1.15rem;margin-top:2.2rem}h3{font-size:1rem;margin-bottom:.3rem}
table{border-collapse:collapse;width:100%;font-variant-numeric:tabular-nums}
th,td{text-align:left;padding:.25rem .6rem .25rem 0;border-bottom:1px solid var(--line)}
.ok{color:var(--bid);font-weight:600}.failed{color:var(--ask);font-weight:600}
svg{width:100%;height:auto}svg text{font:11px system-ui,sans-serif;fill:currentColor;opacity:.75}
.grid{stroke:var(--line)}polyline{fill:none;stroke-width:1.2}.bid{stroke:var(--bid)}.ask{stroke:var(--ask)}
.order{stroke:var(--order);stroke-width:2.5}circle{stroke:#fff;stroke-width:1}
.buy{fill:var(--bid)}.sell{fill:var(--ask)}small{opacity:.7}details{margin:.6rem 0}
";

/// Returns the text with the characters escaped that mean something in HTML.
pub fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}

/// Returns the page.
#[must_use]
pub fn render(report: &Report) -> String {
    let verdict = if report.ok {
        ("ok", "every venue is flat")
    } else {
        ("failed", "not every venue is flat")
    };
    let seconds = (report.finished_ms - report.started_ms) / 1_000;
    let mut page = format!(
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\
         <title>Chimera smoke: {1}</title><style>{STYLE}</style>\
         <h1>Chimera smoke <span class=\"{0}\">{1}</span></h1>\
         <p>Seed {2}, {seconds} s{3}.</p>",
        verdict.0,
        verdict.1,
        report.seed,
        report.heartbeats.map_or_else(String::new, |count| format!(
            ", {count} heartbeats received"
        )),
    );
    for venue in &report.venues {
        section(&mut page, venue);
    }
    page.push_str("</html>\n");
    page
}

fn section(page: &mut String, venue: &VenueReport) {
    let (class, word) = if venue.ok {
        ("ok", "flat")
    } else {
        ("failed", "failed")
    };
    let _ = write!(
        page,
        "<h2>{} · {} <span class=\"{class}\">{word}</span></h2>",
        escape(&venue.venue),
        escape(&venue.symbol)
    );
    if let Some(error) = &venue.error {
        let _ = write!(page, "<p class=\"failed\">{}</p>", escape(error));
    }
    page.push_str(&chart::draw(venue));
    page.push_str(
        "<p><small>Lines: best bid (green) and ask (red); bars: our resting orders; dots: our fills.</small></p>",
    );
    rows(
        page,
        "Account",
        &["what", "value"],
        facts(venue)
            .into_iter()
            .map(|(name, value)| vec![name.to_owned(), value]),
    );
    for (title, order) in [("Opening", &venue.entry), ("Closing", &venue.exit)] {
        if let Some(order) = order {
            order_tables(page, title, order);
        }
    }
    rows(
        page,
        "Position by stream",
        &["ms", "quantity", "average price"],
        venue.positions.iter().map(|point| {
            vec![
                point.time_ms.to_string(),
                point.quantity.clone(),
                point.average_price.clone(),
            ]
        }),
    );
    rows(
        page,
        "Margin by stream",
        &["ms", "wallet", "available", "initial margin"],
        venue.margin.iter().map(|point| {
            vec![
                point.time_ms.to_string(),
                point.wallet_balance.clone(),
                point.available.clone(),
                point.initial_margin.clone(),
            ]
        }),
    );
}

fn facts(venue: &VenueReport) -> Vec<(&'static str, String)> {
    let shown = |value: &Option<String>| value.clone().unwrap_or_else(|| "not known".to_owned());
    vec![
        ("account", venue.account.clone()),
        ("quantity", venue.quantity.clone()),
        ("held", format!("{} ms", venue.hold_ms)),
        (
            "interval error, largest",
            venue
                .interval_error_ms_max
                .map_or_else(|| "no re-placement".to_owned(), |ms| format!("{ms} ms")),
        ),
        ("position at the venue", shown(&venue.venue_position)),
        ("position in the mesh", shown(&venue.final_position)),
        ("realised profit before fees", shown(&venue.realized_pnl)),
    ]
}

fn order_tables(page: &mut String, title: &str, order: &OrderSummary) {
    let _ = write!(
        page,
        "<h3>{title}: order {}, {} {}, {} at {}, {} placed</h3>",
        order.client_order_index,
        escape(&order.side),
        escape(&order.state),
        escape(&order.filled_quantity),
        escape(&order.average_price),
        order.attempts
    );
    rows(
        page,
        "Placements",
        &["index", "ms", "price", "quantity", "filled"],
        order.placements.iter().map(|placed| {
            vec![
                placed.client_order_index.to_string(),
                placed.placed_ms.to_string(),
                placed.price.clone(),
                placed.quantity.clone(),
                placed.filled_quantity.clone(),
            ]
        }),
    );
    rows(
        page,
        "Fills",
        &["trade", "ms", "price", "quantity", "fee"],
        order.fills.iter().map(|fill| {
            vec![
                fill.trade_id.clone(),
                fill.venue_ms.to_string(),
                fill.price.clone(),
                fill.quantity.clone(),
                fill.fee.clone(),
            ]
        }),
    );
    rows(
        page,
        "Timeline",
        &["ms", "what", "state"],
        order.timeline.iter().map(|line| {
            vec![
                line.recorded_ms.to_string(),
                line.name.clone(),
                line.state.clone(),
            ]
        }),
    );
}

fn rows(page: &mut String, title: &str, head: &[&str], body: impl Iterator<Item = Vec<String>>) {
    let _ = write!(page, "<details><summary>{title}</summary><table><tr>");
    for name in head {
        let _ = write!(page, "<th>{name}</th>");
    }
    page.push_str("</tr>");
    for row in body {
        page.push_str("<tr>");
        for cell in row {
            let _ = write!(page, "<td>{}</td>", escape(&cell));
        }
        page.push_str("</tr>");
    }
    page.push_str("</table></details>");
}
