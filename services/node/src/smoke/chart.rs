//! Draws a venue's price path with our orders and fills as one SVG.

use std::fmt::Write as _;

use super::report::{OrderSummary, VenueReport};

const WIDTH: f64 = 960.0;
const HEIGHT: f64 = 320.0;
const LEFT: f64 = 72.0;
const RIGHT: f64 = 16.0;
const TOP: f64 = 16.0;
const BOTTOM: f64 = 32.0;
/// Lines of the price grid: enough to read a price off, few enough to see the path.
const GRID_LINES: u32 = 4;
/// Points drawn at most; a screen shows no more.
const MAX_DRAWN: usize = 2_000;

/// Maps times and prices to pixels. Pixels are no money: binary fractions will do here.
struct Scale {
    from_ms: i64,
    to_ms: i64,
    low: f64,
    high: f64,
}

impl Scale {
    fn of(venue: &VenueReport) -> Option<Self> {
        let quotes = venue.prices.iter().flat_map(|point| {
            [
                (point.time_ms, pixel_price(&point.bid)),
                (point.time_ms, pixel_price(&point.ask)),
            ]
        });
        let orders = [&venue.entry, &venue.exit].into_iter().flatten();
        let placements = orders.clone().flat_map(|order| {
            order
                .placements
                .iter()
                .map(|placed| (placed.placed_ms, pixel_price(&placed.price)))
        });
        let fills = orders.flat_map(|order| {
            order
                .fills
                .iter()
                .map(|fill| (fill.venue_ms, pixel_price(&fill.price)))
        });
        let mut scale: Option<Self> = None;
        for (time_ms, price) in quotes.chain(placements).chain(fills) {
            let Some(price) = price.filter(|_| time_ms > 0) else {
                continue;
            };
            let known = scale.get_or_insert(Self {
                from_ms: time_ms,
                to_ms: time_ms,
                low: price,
                high: price,
            });
            known.from_ms = known.from_ms.min(time_ms);
            known.to_ms = known.to_ms.max(time_ms);
            known.low = known.low.min(price);
            known.high = known.high.max(price);
        }
        scale.map(|mut scale| {
            let margin = ((scale.high - scale.low) * 0.05).max(scale.high.abs() * 1e-6);
            scale.low -= margin;
            scale.high += margin;
            scale.to_ms = scale.to_ms.max(scale.from_ms + 1);
            scale
        })
    }

    fn x(&self, time_ms: i64) -> f64 {
        let part = (time_ms - self.from_ms) as f64 / (self.to_ms - self.from_ms) as f64;
        LEFT + part.clamp(0.0, 1.0) * (WIDTH - LEFT - RIGHT)
    }

    fn y(&self, price: f64) -> f64 {
        TOP + (self.high - price) / (self.high - self.low) * (HEIGHT - TOP - BOTTOM)
    }
}

fn pixel_price(text: &str) -> Option<f64> {
    text.parse().ok()
}

/// Returns the drawing, or a sentence where nothing was seen.
pub fn draw(venue: &VenueReport) -> String {
    let Some(scale) = Scale::of(venue) else {
        return "<p>No price was seen.</p>".to_owned();
    };
    let mut svg = format!(
        "<svg viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\" aria-label=\"Price path with orders and fills\">"
    );
    grid(&mut svg, &scale);
    path(
        &mut svg,
        &scale,
        "bid",
        venue.prices.iter().map(|point| (point.time_ms, &point.bid)),
    );
    path(
        &mut svg,
        &scale,
        "ask",
        venue.prices.iter().map(|point| (point.time_ms, &point.ask)),
    );
    for order in [&venue.entry, &venue.exit].into_iter().flatten() {
        placements(&mut svg, &scale, order);
    }
    for order in [&venue.entry, &venue.exit].into_iter().flatten() {
        fills(&mut svg, &scale, order);
    }
    svg.push_str("</svg>");
    svg
}

fn grid(svg: &mut String, scale: &Scale) {
    for line in 0..=GRID_LINES {
        let price = scale.low + (scale.high - scale.low) * f64::from(line) / f64::from(GRID_LINES);
        let y = scale.y(price);
        let decimals = if scale.high - scale.low < 1.0 { 4 } else { 2 };
        let _ = write!(
            svg,
            "<line class=\"grid\" x1=\"{LEFT}\" x2=\"{}\" y1=\"{y:.1}\" y2=\"{y:.1}\"/>\
             <text x=\"{}\" y=\"{:.1}\" text-anchor=\"end\">{price:.decimals$}</text>",
            WIDTH - RIGHT,
            LEFT - 6.0,
            y + 4.0
        );
    }
    let seconds = (scale.to_ms - scale.from_ms) as f64 / 1_000.0;
    let _ = write!(
        svg,
        "<text x=\"{LEFT}\" y=\"{0}\">0 s</text><text x=\"{1}\" y=\"{0}\" text-anchor=\"end\">{seconds:.1} s</text>",
        HEIGHT - 8.0,
        WIDTH - RIGHT
    );
}

fn path<'a>(
    svg: &mut String,
    scale: &Scale,
    class: &str,
    points: impl Iterator<Item = (i64, &'a String)>,
) {
    let points: Vec<_> = points
        .filter_map(|(time_ms, price)| Some((time_ms, pixel_price(price)?)))
        .collect();
    let step = points.len().div_ceil(MAX_DRAWN).max(1);
    let mut line = String::new();
    let mut before: Option<f64> = None;
    for (time_ms, price) in points.iter().step_by(step) {
        let (x, y) = (scale.x(*time_ms), scale.y(*price));
        // A price holds until the next one: steps, not slopes.
        if let Some(before) = before {
            let _ = write!(line, "{x:.1},{before:.1} ");
        }
        let _ = write!(line, "{x:.1},{y:.1} ");
        before = Some(y);
    }
    let _ = write!(svg, "<polyline class=\"{class}\" points=\"{line}\"/>");
}

fn placements(svg: &mut String, scale: &Scale, order: &OrderSummary) {
    let end_of_fills = order.fills.last().map_or(scale.to_ms, |fill| fill.venue_ms);
    for (position, placed) in order.placements.iter().enumerate() {
        let Some(price) = pixel_price(&placed.price) else {
            continue;
        };
        let until = order
            .placements
            .get(position + 1)
            .map_or(end_of_fills, |next| next.placed_ms);
        let y = scale.y(price);
        let _ = write!(
            svg,
            "<line class=\"order\" x1=\"{:.1}\" x2=\"{:.1}\" y1=\"{y:.1}\" y2=\"{y:.1}\">\
             <title>order {} · {} at {}</title></line>",
            scale.x(placed.placed_ms),
            scale
                .x(until.max(placed.placed_ms))
                .max(scale.x(placed.placed_ms) + 2.0),
            placed.client_order_index,
            super::html::escape(&placed.quantity),
            super::html::escape(&placed.price)
        );
    }
}

fn fills(svg: &mut String, scale: &Scale, order: &OrderSummary) {
    let class = if order.side == "buy" { "buy" } else { "sell" };
    for fill in &order.fills {
        let Some(price) = pixel_price(&fill.price) else {
            continue;
        };
        let _ = write!(
            svg,
            "<circle class=\"{class}\" cx=\"{:.1}\" cy=\"{:.1}\" r=\"5\"><title>{class} {} at {}</title></circle>",
            scale.x(fill.venue_ms),
            scale.y(price),
            super::html::escape(&fill.quantity),
            super::html::escape(&fill.price)
        );
    }
}
