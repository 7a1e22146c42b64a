//! Measures the kill switch under load, by the venue's own records: how long after the call an order
//! still arrives that raises exposure, and how long until every open order is gone.

use std::{path::Path, time::Duration};

use chimera_contracts::order::v1::{
    GetTradingStateRequest, SetTradingStateRequest, TradingState,
    order_service_client::OrderServiceClient,
};
use chimera_runtime::{Channel, Clock};
use comfy_table::{Table, presets::UTF8_BORDERS_ONLY};
use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;
use serde::Serialize;
use tokio::{sync::watch, time::Instant};

use super::{
    Stage,
    book::ORDERS_MAX,
    draw::Mix,
    error::ChaosError,
    market::BINANCE_USDM,
    mesh_process::MEASURED,
    report::{Findings, Spread},
    venue::Ledger,
};

/// How long orders flow before the switch is thrown.
const FLOW_MS: std::ops::Range<u64> = 200..500;
/// A round takes about so many milliseconds with its cancels; bounds the orders of a run.
const ROUND_MS: u64 = 800;
/// How long cancels may take before the run is given up; ten times what they are meant to take.
const GONE_WITHIN: Duration = Duration::from_secs(10);
/// Between two questions whether all is gone.
const ASK_PAUSE: Duration = Duration::from_millis(5);

/// What a run does.
#[derive(Clone, Debug)]
pub struct SwitchPlan {
    /// How often the switch is thrown.
    pub rounds: u32,
    /// Orders a second.
    pub rate: u32,
    /// What is drawn from.
    pub seed: u64,
}

/// What a run found.
#[derive(Clone, Debug, Serialize)]
pub struct SwitchReport {
    /// Whether every promise was kept.
    pub ok: bool,
    /// What was drawn from.
    pub seed: u64,
    /// Orders a second.
    pub rate: u32,
    /// How often the switch was thrown.
    pub rounds: u32,
    /// Orders that the venue took.
    pub venue_orders: usize,
    /// Open orders that one throw had to cancel, at most.
    pub cancelled_max: usize,
    /// From the call to the last order that the venue took; zero where none came after it. Rounded up
    /// to the venue's clock of one millisecond.
    pub last_order: Spread,
    /// From the call to its answer.
    pub answered: Spread,
    /// From the call to the last cancel at the venue.
    pub gone_at_venue: Spread,
    /// From the call to the mesh's own word that nothing is open.
    pub gone_confirmed: Spread,
    /// What was broken: an order that the venue took after the switch had answered.
    pub findings: Findings,
}

/// One throw of the switch.
struct Throw {
    called_us: i64,
    answered_us: i64,
    resumed_us: i64,
    answered: Duration,
    confirmed: Duration,
    /// Whether the answer said that nothing more can leave and that nothing is open.
    proven: bool,
}

/// Runs the plan.
///
/// # Errors
/// When the run cannot be carried out to its end.
pub async fn run(plan: &SwitchPlan, folder: &Path) -> Result<SwitchReport, ChaosError> {
    let expected = u64::from(plan.rate) * u64::from(plan.rounds) * ROUND_MS / 1_000;
    if expected > ORDERS_MAX as u64 {
        return Err(ChaosError::TooLarge(format!(
            "a run of some {expected} orders does not fit; at most {ORDERS_MAX}: \
             fewer rounds or a lower rate"
        )));
    }
    let mut stage = Stage::set(plan.seed, folder, vec![&BINANCE_USDM], false, MEASURED).await?;
    let mesh = stage.start_mesh().await?;
    stage.tradable().await?;
    let (stop, stopped) = watch::channel(false);
    let flow = {
        let (clients, rate, seed) = (stage.clients.clone(), plan.rate, plan.seed);
        tokio::spawn(async move { clients.flow(rate, Mix::Resting, seed, stopped).await })
    };
    let mut chance = ChaCha8Rng::seed_from_u64(plan.seed);
    let mut throws = Vec::new();
    for _ in 0..plan.rounds {
        let flowing = Duration::from_millis(chance.random_range(FLOW_MS));
        tokio::time::sleep(flowing).await;
        throws.push(throw(mesh.channel.clone()).await?);
    }
    stop.send_replace(true);
    // It ends by itself once it is stopped; a panic of it would show as missing orders.
    let _ = flow.await;
    let last = throw(mesh.channel.clone()).await?;
    let ledger = stage.venues.ledger(&BINANCE_USDM).await?;
    mesh.kill().await?;
    stage.tasks.shutdown().await;
    if ledger.accounts.iter().any(|it| it.open_orders > 0) {
        let words = format!("orders are open after {} µs", last.answered_us);
        return Err(ChaosError::Control(words));
    }
    Ok(report(plan, &throws, &ledger))
}

/// Throws the switch, waits until nothing is open, and lets orders through again.
async fn throw(channel: Channel) -> Result<Throw, ChaosError> {
    let clock = Clock::system();
    let now_us = || clock.now_nanos() / 1_000;
    let mut orders = OrderServiceClient::new(channel);
    let set = |state: TradingState| SetTradingStateRequest {
        state: state.into(),
        reason: "chaos".to_owned(),
    };
    let (called_us, called) = (now_us(), Instant::now());
    let answer = orders.set_trading_state(set(TradingState::Halted)).await?;
    let answer = answer.into_inner();
    let (answered_us, answered) = (now_us(), called.elapsed());
    loop {
        let state = orders.get_trading_state(GetTradingStateRequest {}).await?;
        if state.into_inner().open_orders == 0 {
            break;
        }
        if called.elapsed() > GONE_WITHIN {
            return Err(ChaosError::Restless {
                what: "orders are still open",
                within: GONE_WITHIN,
            });
        }
        tokio::time::sleep(ASK_PAUSE).await;
    }
    let confirmed = called.elapsed();
    let resumed_us = now_us();
    orders.set_trading_state(set(TradingState::Active)).await?;
    Ok(Throw {
        called_us,
        answered_us,
        resumed_us,
        answered,
        confirmed,
        proven: answer.settled && answer.none_open,
    })
}

/// Reads from the venue's books what came when.
fn report(plan: &SwitchPlan, throws: &[Throw], ledger: &Ledger) -> SwitchReport {
    let mut findings = Findings::default();
    let (mut last_order, mut gone, mut cancelled_max) = (Vec::new(), Vec::new(), 0);
    let us = |ms: u64| i64::try_from(ms.saturating_mul(1_000)).unwrap_or(i64::MAX);
    let micros = |us: i64| Duration::from_micros(u64::try_from(us).unwrap_or_default());
    for (number, throw) in throws.iter().enumerate() {
        if !throw.proven {
            findings.unresolved(format!("throw {number}: its answer proves nothing"));
        }
        // The venue's clock shows whole milliseconds: something at `ms` was up to 999 µs later.
        let within = |at_us: i64| at_us + 999 >= throw.called_us && at_us < throw.resumed_us;
        let mut last = 0;
        let (mut cancelled, mut gone_us) = (0, 0);
        for order in &ledger.orders {
            let created = us(order.created_ms);
            if within(created) {
                last = last.max(created + 999 - throw.called_us);
            }
            if created > throw.answered_us && created + 999 < throw.resumed_us {
                let id = order.id;
                findings.mismatch(format!(
                    "venue order {id} was taken after the switch answered"
                ));
            }
            let ended = us(order.updated_ms);
            if within(ended) && order.status == "cancelled" {
                cancelled += 1;
                gone_us = gone_us.max(ended + 999 - throw.called_us);
            }
        }
        last_order.push(micros(last));
        gone.push(micros(gone_us));
        cancelled_max = cancelled_max.max(cancelled);
    }
    let spread = |of: fn(&Throw) -> Duration| {
        let all: Vec<Duration> = throws.iter().map(of).collect();
        Spread::of(&all)
    };
    SwitchReport {
        ok: findings.is_clean(),
        seed: plan.seed,
        rate: plan.rate,
        rounds: plan.rounds,
        venue_orders: ledger.orders.len(),
        cancelled_max,
        last_order: Spread::of(&last_order),
        answered: spread(|throw| throw.answered),
        gone_at_venue: Spread::of(&gone),
        gone_confirmed: spread(|throw| throw.confirmed),
        findings,
    }
}

impl SwitchReport {
    /// Returns the report as a table.
    #[must_use]
    pub fn table(&self) -> String {
        let mut table = Table::new();
        table.load_preset(UTF8_BORDERS_ONLY);
        table.set_header(["from the call to", "P50", "P99", "max"]);
        for (what, spread) in [
            ("the last order at the venue", self.last_order),
            ("the answer", self.answered),
            ("the last cancel at the venue", self.gone_at_venue),
            ("nothing open, by the mesh's word", self.gone_confirmed),
        ] {
            let ms = |ms: u64| format!("{ms} ms");
            let (p50, p99, max) = (ms(spread.p50_ms), ms(spread.p99_ms), ms(spread.max_ms));
            table.add_row([what.to_owned(), p50, p99, max]);
        }
        let mut text = table.to_string();
        text.push_str(&format!(
            "\nseed {} · {} throws · {} orders a second · {} orders at the venue · at most {} \
             cancelled by one throw",
            self.seed, self.rounds, self.rate, self.venue_orders, self.cancelled_max
        ));
        for words in &self.findings.words {
            text.push_str(&format!("\n{words}"));
        }
        text
    }
}
