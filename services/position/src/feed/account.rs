//! What a venue says of one account: its stream, and answers asked for now and then.

use std::time::Duration;

use chimera_contracts::connector::v1::account_event::Event;
use chimera_contracts::connector::v1::connector_service_client::ConnectorServiceClient;
use chimera_contracts::connector::v1::watch_account_response::Frame;
use chimera_contracts::connector::v1::{
    GetInstrumentRequest, GetMarginRequest, GetPositionsRequest, SessionState, WatchAccountRequest,
    WatchAccountResponse,
};
use chimera_model::Symbol;
use chimera_runtime::Channel;
use chimera_runtime::clock::Clock;
use futures::FutureExt;
use futures::future::BoxFuture;
use tokio::sync::mpsc;
use tokio::time::{Instant, MissedTickBehavior};
use tonic::Streaming;

use super::{Lost, age_of, ask, open, wait_of};
use crate::backoff::Backoff;
use crate::holdings::AccountKey;
use crate::metrics;
use crate::service::{Ask, Message, Positions, VenueInput, moment};

/// The least time between two looks that are asked for: a difference that comes and goes must not
/// use the venue's budget up.
const LOOK_APART: Duration = Duration::from_millis(500);

/// Feeds what the venue says of one account.
pub(crate) struct AccountFeed {
    pub key: AccountKey,
    pub client: ConnectorServiceClient<Channel>,
    pub positions: Positions,
    pub clock: Clock,
    pub asks: mpsc::Receiver<Ask>,
    pub poll: Duration,
    pub silence: Duration,
}

/// A question on its way, beside the stream: reading never waits for an answer.
type Question = BoxFuture<'static, Result<(), Lost>>;

impl AccountFeed {
    pub(crate) async fn run(mut self) {
        let mut backoff = Backoff::new();
        loop {
            let AccountKey { account, venue } = self.key;
            match self.follow(&mut backoff).await {
                Err(Lost::Stopped(_)) => return,
                Err(error) => {
                    metrics::input_lost("account");
                    tracing::warn!(%account, %venue, %error, "an account's stream was lost");
                }
                Ok(after) => tokio::time::sleep(after).await,
            }
            tokio::time::sleep(backoff.wait()).await;
        }
    }

    /// Follows the stream; returns how long its server asks to wait after an orderly end.
    async fn follow(&mut self, backoff: &mut Backoff) -> Result<Duration, Lost> {
        let request = WatchAccountRequest {
            account: self.key.account.to_string(),
            venue: self.key.venue.to_string(),
        };
        // First the stream, then the questions: nothing falls between the two.
        let mut frames = open(self.client.watch_account(request)).await?;
        let mut polls = tokio::time::interval(self.poll);
        polls.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut question: Option<Question> = None;
        let mut look_at = None;
        let mut last_look = None;
        // Its own deadline: the other branches must not put it off.
        let mut silent_at = Instant::now() + self.silence;
        loop {
            tokio::select! {
                // What is due by time comes before frames, which may never pause.
                biased;
                _ = polls.tick() => look_at = Some(Instant::now()),
                asked = self.asks.recv(), if question.is_none() => match asked {
                    Some(Ask::Look) => {
                        let apart = last_look.map(|last: Instant| last + LOOK_APART);
                        look_at = look_at.or(apart).or(Some(Instant::now()));
                    }
                    Some(Ask::Instrument(symbol)) => question = Some(self.instrument(symbol)),
                    None => return Err(crate::error::PositionError::Stopped.into()),
                },
                () = until(look_at), if question.is_none() && look_at.is_some() => {
                    look_at = None;
                    last_look = Some(Instant::now());
                    question = Some(self.look());
                }
                answer = answered(&mut question), if question.is_some() => {
                    question = None;
                    self.judge(answer)?;
                }
                frame = next(&mut frames) => {
                    let frame = frame?;
                    silent_at = Instant::now() + self.silence;
                    backoff.heard();
                    if let Frame::Goodbye(goodbye) = frame {
                        return Ok(wait_of(goodbye.reconnect_after));
                    }
                    if self.tell_frame(frame).await? {
                        look_at = Some(Instant::now());
                    }
                }
                () = tokio::time::sleep_until(silent_at) => return Err(Lost::Silent(self.silence)),
            }
        }
    }

    /// Notes a question that failed; the stream goes on, and the next look comes.
    fn judge(&self, answer: Result<(), Lost>) -> Result<(), Lost> {
        match answer {
            Err(Lost::Stopped(error)) => Err(error.into()),
            Err(error) => {
                let AccountKey { account, venue } = self.key;
                tracing::warn!(%account, %venue, %error, "the venue did not answer");
                Ok(())
            }
            Ok(()) => Ok(()),
        }
    }

    /// Tells what a frame says; returns whether the venue must be asked: its session is live anew.
    async fn tell_frame(&self, frame: Frame) -> Result<bool, Lost> {
        let input = match frame {
            Frame::Event(event) => match event.event {
                Some(Event::Position(report)) => VenueInput::Position(Box::new(report)),
                Some(Event::Balance(report)) => VenueInput::Balance(Box::new(report)),
                Some(Event::Margin(report)) => VenueInput::MarginReport(Box::new(report)),
                Some(Event::Session(session)) => {
                    return Ok(session.state == i32::from(SessionState::Live));
                }
                // Orders and fills come from the order service, their one truth; cash shows in the
                // balances.
                Some(Event::Order(_) | Event::Fill(_) | Event::Cash(_)) | None => {
                    VenueInput::Heard {
                        staleness: Duration::ZERO,
                    }
                }
            },
            Frame::Heartbeat(beat) => VenueInput::Heard {
                staleness: age_of(beat.staleness),
            },
            Frame::Ack(_) | Frame::Snapshot(_) | Frame::Goodbye(_) => return Ok(false),
        };
        tell(&self.positions, self.key, input).await?;
        Ok(false)
    }

    /// Asks for positions, balances and margin.
    fn look(&self) -> Question {
        let (mut client, positions) = (self.client.clone(), self.positions.clone());
        let (clock, key) = (self.clock.clone(), self.key);
        let (account, venue) = (key.account.to_string(), key.venue.to_string());
        async move {
            let asked = moment(&clock);
            let request = GetPositionsRequest {
                account: account.clone(),
                venue: venue.clone(),
            };
            let reports = ask(client.get_positions(request)).await?.positions;
            tell(&positions, key, VenueInput::Positions { asked, reports }).await?;
            let asked = moment(&clock);
            let answer = ask(client.get_margin(GetMarginRequest { account, venue })).await?;
            tell(
                &positions,
                key,
                VenueInput::Margin {
                    asked,
                    answer: Box::new(answer),
                },
            )
            .await
        }
        .boxed()
    }

    /// Asks for the rules of an instrument.
    fn instrument(&self, symbol: Symbol) -> Question {
        let (mut client, positions) = (self.client.clone(), self.positions.clone());
        let key = self.key;
        let request = GetInstrumentRequest {
            venue: key.venue.to_string(),
            symbol: symbol.to_string(),
        };
        async move {
            let answer = ask(client.get_instrument(request)).await?.instrument;
            let instrument = answer.ok_or(Lost::Breach("the answer has no instrument"))?;
            let instrument = Box::new(instrument);
            tell(
                &positions,
                key,
                VenueInput::Instrument { symbol, instrument },
            )
            .await
        }
        .boxed()
    }
}

async fn tell(positions: &Positions, key: AccountKey, input: VenueInput) -> Result<(), Lost> {
    Ok(positions.tell(Message::Venue(key, input)).await?)
}

/// Reads the next frame. Cancel-safe: the stream itself holds what was read of it.
async fn next(frames: &mut Streaming<WatchAccountResponse>) -> Result<Frame, Lost> {
    frames
        .message()
        .await?
        .ok_or(Lost::Ended)?
        .frame
        .ok_or(Lost::Breach("a frame is empty"))
}

/// Waits until a moment; for ever without one.
async fn until(at: Option<Instant>) {
    match at {
        Some(at) => tokio::time::sleep_until(at).await,
        None => std::future::pending().await,
    }
}

/// Waits for the answer to a question; for ever without one.
async fn answered(question: &mut Option<Question>) -> Result<(), Lost> {
    match question {
        Some(question) => question.await,
        None => std::future::pending().await,
    }
}
