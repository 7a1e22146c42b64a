//! One venue's run, step by step.

use std::time::Duration;

use chimera_contracts::{
    common::v1::{Instrument, OrderType, Side},
    connector::v1::{
        GetInstrumentRequest, GetPositionsRequest, GetTopOfBookRequest, TopOfBook,
        connector_service_client::ConnectorServiceClient,
    },
    order::v1::{Order, OrderState, PlaceOrderRequest, TrackingLimit},
    position::v1::{
        ListPositionsRequest, Position, position_service_client::PositionServiceClient,
    },
};
use chimera_model::{Decimal, Rounding};
use chimera_runtime::{clock::Clock, fault::reason_of};
use tokio::time::Instant;

use super::{
    Doors, Plan, Target,
    error::SmokeError,
    follow::{self, Seen, millis},
    progress::Progress,
    report::{FillPoint, OrderSummary, Placement, TimelineLine, VenueReport},
};
use crate::desk::{Desk, Story, state_name};

/// More children than any timeout allows at the shortest interval.
const MAX_ATTEMPTS: i32 = 1_000;
/// How far the market may fall before an order of the least notional becomes too small, in percent.
const NOTIONAL_ROOM_PERCENT: u32 = 5;
/// How long a market order may take: a venue answers in milliseconds, a reconnect in seconds.
const CLOSE_WITHIN: Duration = Duration::from_secs(30);
/// How long the venue's and our own position may take to agree after the last fill.
const FLAT_WITHIN: Duration = Duration::from_secs(10);
/// Between two questions to the venue.
const FLAT_PAUSE: Duration = Duration::from_millis(200);
/// How long an opening waits for a price that the venue vouches for: a busy machine misses a second.
const PRICE_WITHIN: Duration = Duration::from_secs(10);
/// The reason of a refusal for want of such a price.
const NO_FRESH_PRICE: &str = "NO_FRESH_PRICE";
/// Between two tries to open.
const PRICE_PAUSE: Duration = Duration::from_millis(200);
/// What the tracking limit may take beyond its own timeout to cancel its last child.
const END_ROOM: Duration = Duration::from_secs(30);

/// Runs one venue and returns what happened, error included.
pub async fn run_venue(
    plan: &Plan,
    target: &Target,
    hold: Duration,
    doors: &Doors,
    clock: &Clock,
    progress: &Progress,
) -> VenueReport {
    let seen = Seen::default();
    let mut report = VenueReport {
        venue: target.venue.clone(),
        account: target.account.clone(),
        symbol: target.symbol.clone(),
        hold_ms: u64::try_from(hold.as_millis()).unwrap_or(u64::MAX),
        ..VenueReport::default()
    };
    let run = VenueRun {
        plan,
        target,
        hold,
        doors,
        clock,
        progress,
        seen: seen.clone(),
    };
    match run.trade(&mut report).await {
        Ok(()) => {
            report.ok = true;
            progress.update(&target.venue, |line| line.state = "flat");
        }
        Err(error) => {
            report.error = Some(error.to_string());
            progress.update(&target.venue, |line| line.state = "FAILED");
        }
    }
    let points = seen.points();
    report.prices = points.prices;
    report.positions = points.positions;
    report.margin = points.margin;
    report
}

struct VenueRun<'a> {
    plan: &'a Plan,
    target: &'a Target,
    hold: Duration,
    doors: &'a Doors,
    clock: &'a Clock,
    progress: &'a Progress,
    seen: Seen,
}

impl VenueRun<'_> {
    async fn trade(&self, report: &mut VenueReport) -> Result<(), SmokeError> {
        self.state("sizing");
        let instrument = self.instrument().await?;
        report.symbol.clone_from(&instrument.symbol);
        let prices = follow::prices(
            &self.doors.market_data,
            &instrument.venue,
            &instrument.symbol,
        )
        .await?;
        let positions = follow::positions(
            &self.doors.position,
            &instrument.venue,
            &self.target.account,
        )
        .await?;
        let recording = async {
            tokio::join!(
                follow::record_prices(prices, self.seen.clone()),
                follow::record_positions(
                    positions,
                    instrument.symbol.clone(),
                    self.target.venue.clone(),
                    self.progress.clone(),
                    self.seen.clone(),
                )
            );
            // Streams that end early must not end the run: the orders say what is true.
            std::future::pending::<()>().await;
        };
        tokio::select! {
            result = self.open_hold_close(&instrument, report) => result,
            () = recording => Ok(()),
        }
    }

    async fn open_hold_close(
        &self,
        instrument: &Instrument,
        report: &mut VenueReport,
    ) -> Result<(), SmokeError> {
        let quantity = self.smallest_quantity(instrument).await?;
        report.quantity = quantity.to_string();

        self.state("opening");
        let entry = self.open(instrument, quantity).await?;
        let opened = require_filled("open with a tracking limit", &entry.order);
        report.interval_error_ms_max = entry
            .order
            .tracking_progress
            .as_ref()
            .and_then(|tracking| tracking.interval_error_max)
            .map(|error| error.seconds * 1_000 + i64::from(error.nanos) / 1_000_000);
        report.entry = Some(summarise(&entry));

        if opened.is_ok() {
            self.state("holding");
            tokio::time::sleep(self.hold).await;
        }
        // Also after a failed opening: whatever did fill is not left behind.
        if !is_zero(&entry.order.filled_quantity) {
            self.state("closing");
            let exit = self.close(instrument, &entry.order.filled_quantity).await?;
            report.exit = Some(summarise(&exit));
            require_filled("close at market", &exit.order)?;
        }
        self.state("proving flat");
        self.prove_flat(instrument, report).await?;
        opened
    }

    async fn instrument(&self) -> Result<Instrument, SmokeError> {
        let request = GetInstrumentRequest {
            venue: self.target.venue.clone(),
            symbol: self.target.symbol.clone(),
        };
        let answer = ConnectorServiceClient::new(self.doors.connector.clone())
            .get_instrument(request)
            .await
            .map_err(SmokeError::call("read the instrument"))?;
        answer
            .into_inner()
            .instrument
            .ok_or(SmokeError::Incomplete {
                step: "read the instrument",
                field: "instrument",
            })
    }

    /// Returns the least quantity whose notional stays above the minimum while the price moves.
    async fn smallest_quantity(&self, instrument: &Instrument) -> Result<Decimal, SmokeError> {
        let step = "size the order";
        let number = SmokeError::number(step);
        let read = |text: &str| text.parse::<Decimal>().map_err(SmokeError::number(step));
        let lot = read(&instrument.lot_size)?;
        let least = read(&instrument.min_quantity)?;
        let notional = read(&instrument.min_notional)?;
        let tick = read(&instrument.tick_size)?;

        let top = self.top(instrument).await?;
        let bid_ticks = top.bid_ticks.ok_or(SmokeError::Incomplete {
            step,
            field: "bid_ticks",
        })?;
        let bid = tick
            .checked_mul(Decimal::from(bid_ticks))
            .map_err(&number)?;
        let wanted = notional
            .checked_mul(Decimal::from(100 + NOTIONAL_ROOM_PERCENT))
            .map_err(&number)?;
        let unit = bid
            .checked_mul(Decimal::from(100_u32))
            .and_then(|price| price.checked_mul(lot))
            .map_err(&number)?;
        let lots = wanted.div_round(unit, 0, Rounding::Up).map_err(&number)?;
        let by_notional = lots.checked_mul(lot).map_err(&number)?;
        Ok(by_notional.max(least))
    }

    async fn top(&self, instrument: &Instrument) -> Result<TopOfBook, SmokeError> {
        let request = GetTopOfBookRequest {
            venue: instrument.venue.clone(),
            symbol: instrument.symbol.clone(),
        };
        let answer = ConnectorServiceClient::new(self.doors.connector.clone())
            .get_top_of_book(request)
            .await
            .map_err(SmokeError::call("read the touch"))?;
        answer.into_inner().top.ok_or(SmokeError::Incomplete {
            step: "read the touch",
            field: "top",
        })
    }

    async fn open(&self, instrument: &Instrument, quantity: Decimal) -> Result<Story, SmokeError> {
        let request = PlaceOrderRequest {
            r#type: OrderType::TrackingLimit.into(),
            tracking_limit: Some(TrackingLimit {
                interval: prost_types::Duration::try_from(self.plan.interval).ok(),
                timeout: prost_types::Duration::try_from(self.plan.timeout).ok(),
                max_attempts: MAX_ATTEMPTS,
                ..TrackingLimit::default()
            }),
            ..self.order(instrument, Side::Buy, quantity.to_string())
        };
        let step = "open with a tracking limit";
        let within = self.plan.timeout + END_ROOM;
        let deadline = Instant::now() + PRICE_WITHIN;
        loop {
            match self.follow(step, request.clone(), within).await {
                // Refused before anything began: asking again opens nothing twice.
                Err(SmokeError::Call { status, .. })
                    if reason_of(&status).as_deref() == Some(NO_FRESH_PRICE)
                        && Instant::now() < deadline =>
                {
                    tokio::time::sleep(PRICE_PAUSE).await;
                }
                result => return result,
            }
        }
    }

    async fn close(&self, instrument: &Instrument, filled: &str) -> Result<Story, SmokeError> {
        let request = PlaceOrderRequest {
            r#type: OrderType::Market.into(),
            reduce_only: true,
            ..self.order(instrument, Side::Sell, filled.to_owned())
        };
        self.follow("close at market", request, CLOSE_WITHIN).await
    }

    fn order(&self, instrument: &Instrument, side: Side, quantity: String) -> PlaceOrderRequest {
        PlaceOrderRequest {
            account: self.target.account.clone(),
            venue: instrument.venue.clone(),
            symbol: instrument.symbol.clone(),
            side: side.into(),
            quantity,
            ..PlaceOrderRequest::default()
        }
    }

    async fn follow(
        &self,
        step: &'static str,
        request: PlaceOrderRequest,
        within: Duration,
    ) -> Result<Story, SmokeError> {
        let desk = Desk::new(self.doors.order.clone());
        let venue = &self.target.venue;
        let order = desk
            .place_and_follow(request, within, |order| {
                self.progress.update(venue, |line| {
                    if !order.price.is_empty() {
                        line.price.clone_from(&order.price);
                    }
                    if order.parent_client_order_index == 0 {
                        line.filled = format!("{} / {}", order.filled_quantity, order.quantity);
                        if let Some(tracking) = &order.tracking_progress {
                            line.attempts = tracking.attempts;
                        }
                    }
                });
            })
            .await
            .map_err(SmokeError::call(step))?;
        desk.story(&self.target.account, order.client_order_index)
            .await
            .map_err(SmokeError::call(step))
    }

    async fn prove_flat(
        &self,
        instrument: &Instrument,
        report: &mut VenueReport,
    ) -> Result<(), SmokeError> {
        let deadline = Instant::now() + FLAT_WITHIN;
        loop {
            let venue = self.venue_position(instrument).await?;
            let ours = self.our_position(instrument).await?;
            let here = ours.as_ref().map_or("0", |held| held.quantity.as_str());
            let flat = is_zero(&venue) && is_zero(here);
            report.final_position = Some(here.to_owned());
            report.realized_pnl = ours.as_ref().map(|held| held.realized_pnl.clone());
            report.venue_position = Some(venue.clone());
            if flat {
                return Ok(());
            }
            if Instant::now() >= deadline {
                return Err(SmokeError::TooLong {
                    step: "prove flat",
                    seconds: FLAT_WITHIN.as_secs(),
                    waiting_for: format!("the venue says {venue}, the mesh {here}"),
                });
            }
            tokio::time::sleep(FLAT_PAUSE).await;
        }
    }

    async fn venue_position(&self, instrument: &Instrument) -> Result<String, SmokeError> {
        let request = GetPositionsRequest {
            account: self.target.account.clone(),
            venue: instrument.venue.clone(),
        };
        let answer = ConnectorServiceClient::new(self.doors.connector.clone())
            .get_positions(request)
            .await
            .map_err(SmokeError::call("ask the venue for its positions"))?;
        let positions = answer.into_inner().positions;
        let held = positions
            .into_iter()
            .find(|held| held.symbol == instrument.symbol);
        Ok(held.map_or_else(|| "0".to_owned(), |held| held.quantity))
    }

    async fn our_position(&self, instrument: &Instrument) -> Result<Option<Position>, SmokeError> {
        let request = ListPositionsRequest {
            account: self.target.account.clone(),
            venue: instrument.venue.clone(),
            symbol: instrument.symbol.clone(),
        };
        let answer = PositionServiceClient::new(self.doors.position.clone())
            .list_positions(request)
            .await
            .map_err(SmokeError::call("list positions"))?;
        Ok(answer.into_inner().positions.into_iter().next())
    }

    fn state(&self, state: &'static str) {
        tracing::info!(venue = %self.target.venue, state, at_ms = self.clock.now_millis(), "smoke");
        self.progress
            .update(&self.target.venue, |line| line.state = state);
    }
}

fn is_zero(text: &str) -> bool {
    text.parse::<Decimal>().is_ok_and(Decimal::is_zero)
}

fn require_filled(step: &'static str, order: &Order) -> Result<(), SmokeError> {
    if order.state() == OrderState::Filled {
        return Ok(());
    }
    Err(SmokeError::Order {
        step,
        index: order.client_order_index,
        state: state_name(order.state()).to_owned(),
        filled: order.filled_quantity.clone(),
        quantity: order.quantity.clone(),
        message: [order.reason.as_str(), order.message.as_str()].join(" "),
    })
}

fn summarise(story: &Story) -> OrderSummary {
    let order = &story.order;
    let own = std::slice::from_ref(order);
    let placed = if story.children.is_empty() {
        own
    } else {
        story.children.as_slice()
    };
    OrderSummary {
        client_order_index: order.client_order_index,
        state: state_name(order.state()).to_owned(),
        side: if order.side() == Side::Buy {
            "buy"
        } else {
            "sell"
        }
        .to_owned(),
        filled_quantity: order.filled_quantity.clone(),
        average_price: order.average_price.clone(),
        attempts: order
            .tracking_progress
            .as_ref()
            .map_or(1, |tracking| tracking.attempts),
        placements: placed
            .iter()
            .map(|order| Placement {
                client_order_index: order.client_order_index,
                placed_ms: millis(order.created_time.as_ref()),
                price: order.price.clone(),
                quantity: order.quantity.clone(),
                filled_quantity: order.filled_quantity.clone(),
            })
            .collect(),
        fills: story
            .fills
            .iter()
            .map(|fill| FillPoint {
                venue_ms: millis(fill.venue_time.as_ref()),
                trade_id: fill.trade_id.clone(),
                price: fill.price.clone(),
                quantity: fill.quantity.clone(),
                fee: fill
                    .fee
                    .as_ref()
                    .map_or_else(String::new, |fee| format!("{} {}", fee.amount, fee.asset)),
            })
            .collect(),
        timeline: story
            .timeline
            .iter()
            .map(|entry| TimelineLine {
                recorded_ms: millis(entry.recorded_time.as_ref()),
                name: entry.name.clone(),
                state: state_name(entry.state()).to_owned(),
            })
            .collect(),
    }
}
