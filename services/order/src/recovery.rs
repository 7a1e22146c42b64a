//! From a restart, or a lost stream, to readiness: read the journal, connect, compare, repair, and
//! only then accept new risk. Cancels are accepted at once.

use std::time::Duration;

use chimera_contracts::connector::v1 as pb;
use chimera_model::order::{OrderState, Reason, SubmitAnswer};
use chimera_model::{UnixNanos, Venue};
use pb::account_event::Event as Said;
use tokio::time::Instant;
use tonic::Status;

use crate::call::{Admitted, Feed, FeedEvent, Told};
use crate::comparing::Look;
use crate::config::ms;
use crate::error::OrderError;
use crate::feed::AccountFeed;
use crate::funds::Purse;
use crate::key::{OrderKey, SiteKey};
use crate::market::Connector;
use crate::offer::Offer;
use crate::service::{Desk, Due, spawn_bound};
use crate::wire;

/// How long the pause between two tries to learn the venues is.
const VENUES_PAUSE: Duration = Duration::from_millis(100);

/// What a replay of the journal left.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Replayed {
    pub(crate) last_seq: u64,
    pub(crate) epoch: String,
    pub(crate) begun: UnixNanos,
    pub(crate) snapshot_seq: u64,
}

/// One account at one venue, as this process sees it.
#[derive(Debug)]
pub(crate) struct Site {
    pub(crate) opening: u64,
    pub(crate) session: pb::SessionState,
    pub(crate) generation: u64,
    pub(crate) last_seq: u64,
    /// Whether the records were compared with the venue since the last loss.
    pub(crate) compared: bool,
    /// Whether they ever were in this process.
    pub(crate) ever_compared: bool,
    pub(crate) look: Look,
    pub(crate) purse: Purse,
    pub(crate) words: String,
}

impl Site {
    fn new() -> Self {
        Self {
            opening: 0,
            session: pb::SessionState::Connecting,
            generation: 0,
            last_seq: 0,
            compared: false,
            ever_compared: false,
            look: Look::default(),
            purse: Purse::default(),
            words: "connecting".to_owned(),
        }
    }

    fn is_live(&self) -> bool {
        self.session == pb::SessionState::Live
    }
}

impl Desk {
    /// Begins the life of the service: what was in flight is in doubt, what was being cancelled is
    /// cancelled on, and the venues are asked for.
    pub(crate) fn begin(&mut self) {
        let open: Vec<OrderKey> = self.ledger.open.iter().cloned().collect();
        for key in &open {
            self.follow(key);
            let state = self.ledger.get(key).map(|entry| entry.order.state());
            if state == Some(OrderState::Submitting) {
                // It may have left before the crash or not (F10): only the venue knows.
                let reason = Reason::new("ORDER_OUTCOME_UNKNOWN", "the service was restarted");
                self.submitted(key, SubmitAnswer::Unknown { reason });
            } else {
                let window = self.validity_window(key);
                let grace = ms(self.tools.config.timing.absence_grace_ms);
                let closes = Instant::now() + window + grace;
                self.follow(key).query.close_window_at(closes);
            }
        }
        self.resume_cancels();
        self.resume_tracking();
        for key in &open {
            self.after(key);
        }
        self.ask_for_venues();
        let silence = ms(self.tools.config.timing.silence_ms_max);
        self.at(Instant::now() + silence, Due::Watchdog);
    }

    fn ask_for_venues(&self) {
        let (mut connector, told) = (self.tools.connector.clone(), self.tools.told.clone());
        spawn_bound(&self.tools.tasks, "order-venues", async move {
            loop {
                match venues(&mut connector).await {
                    Ok(venues) => {
                        let _ = told.send(Told::Venues(venues)).await;
                        return;
                    }
                    Err(status) => {
                        tracing::debug!(error = status.message(), "the connector is not there yet");
                    }
                }
                tokio::time::sleep(VENUES_PAUSE).await;
            }
        });
    }

    pub(crate) fn venues_told(&mut self, venues: &[(pb::VenueAccounts, Offer)]) {
        for (venue, offer) in venues {
            let Ok(name) = Venue::new(&venue.venue) else {
                self.unreadable_venue(&venue.venue);
                continue;
            };
            self.offers.insert(name, offer.clone());
            for account in &venue.accounts {
                let Ok(account) = account.parse() else {
                    self.unreadable_venue(account);
                    continue;
                };
                let site = SiteKey {
                    account,
                    venue: name,
                };
                self.sites.insert(site, Site::new());
                let feed = AccountFeed {
                    connector: self.tools.connector.clone(),
                    site,
                    told: self.tools.told.clone(),
                    pause: ms(self.tools.config.timing.reconnect_pause_ms),
                    pause_max: ms(self.tools.config.timing.reconnect_pause_ms_max),
                };
                spawn_bound(&self.tools.tasks, "order-feed", feed.run());
            }
        }
        self.venues_known = true;
    }

    fn unreadable_venue(&self, name: &str) {
        tracing::error!(
            name,
            "a venue or account of the connector has no valid name"
        );
    }

    /// Takes in what the stream of an account says.
    pub(crate) fn fed(&mut self, feed: Feed) {
        let Some(site) = self.sites.get_mut(&feed.site) else {
            return;
        };
        if feed.opening < site.opening {
            return;
        }
        site.opening = feed.opening;
        match &feed.what {
            FeedEvent::Opened(snapshot) => {
                site.last_seq = snapshot.seq;
                site.compared = false;
                let session = snapshot.session.clone().unwrap_or_default();
                self.session_told(feed.site, &session);
            }
            FeedEvent::Lost(words) => {
                let was_live = site.is_live();
                site.session = pb::SessionState::Reconnecting;
                site.compared = false;
                site.words.clone_from(words);
                if was_live {
                    tracing::warn!(
                        account = %feed.site.account, venue = %feed.site.venue, words,
                        "the account's stream is lost"
                    );
                }
            }
            FeedEvent::Said(event) => {
                // A step that is missing may have been a fill: everything is compared (F104).
                let gap = event.prev_seq != site.last_seq && event.seq > site.last_seq;
                let old = event.seq <= site.last_seq;
                site.last_seq = site.last_seq.max(event.seq);
                if gap {
                    self.distrust(feed.site, "gap");
                }
                // A report told again for want of its steps has its place already.
                let event = event.clone();
                let _ = old;
                self.said(&feed, *event);
            }
        }
    }

    fn said(&mut self, feed: &Feed, event: pb::AccountEvent) {
        let site = feed.site;
        match event.event {
            Some(Said::Order(report)) => {
                if !self.is_of_old_generation(site, report.source(), report.generation) {
                    self.order_said(&report, feed.clone());
                }
            }
            Some(Said::Fill(fill)) => {
                if self.is_of_old_generation(site, fill.source(), fill.generation) {
                    return;
                }
                match wire::fill(&fill) {
                    Ok(fill) if fill.account == site.account && fill.venue == site.venue => {
                        self.fill_told(fill);
                    }
                    // Money that cannot be read or is not ours is not booked; REST judges (H55).
                    Ok(_) => self.unreadable(site, "a fill of another account"),
                    Err(error) => self.unreadable(site, &error.to_string()),
                }
            }
            Some(Said::Position(report)) => self.position_said(site, &report),
            Some(Said::Balance(report)) => self.balance_said(site, &report),
            Some(Said::Margin(report)) => self.margin_said(site, &report),
            Some(Said::Session(session)) => self.session_told(site, &session),
            // Cash is the position service's business; an unknown kind is data (F109).
            Some(Said::Cash(_)) | None => {}
        }
    }

    /// What an older connection says is dropped; the comparison after it found what it meant
    /// (F103).
    fn is_of_old_generation(
        &self,
        site: SiteKey,
        source: pb::ReportSource,
        generation: u64,
    ) -> bool {
        source == pb::ReportSource::Stream
            && self
                .sites
                .get(&site)
                .is_some_and(|site| generation < site.generation)
    }

    fn session_told(&mut self, key: SiteKey, session: &pb::Session) {
        let Some(site) = self.sites.get_mut(&key) else {
            return;
        };
        let same = site.is_live() && session.generation == site.generation;
        site.session = session.state();
        site.words.clone_from(&session.reason);
        site.generation = site.generation.max(session.generation);
        if !site.is_live() {
            site.compared = false;
        } else if !same || !site.compared {
            site.compared = false;
            self.compare_now(key);
        }
    }

    /// Refuses new risk where this service does not know what stands (F39, F111, F123).
    pub(crate) fn ready_for(&self, key: SiteKey, lowers_exposure: bool) -> Result<(), OrderError> {
        if !self.venues_known {
            return Err(OrderError::Recovering);
        }
        let Some(site) = self.sites.get(&key) else {
            return Err(self.unknown_site(key));
        };
        let ready = site.is_live() && site.compared;
        // A way out stays open while a stream is down, once it is known what there is to leave.
        if ready || (lowers_exposure && site.ever_compared) {
            return Ok(());
        }
        let session = match (site.is_live(), site.words.as_str()) {
            (true, _) => "comparing with the venue".to_owned(),
            (false, "") => format!("{:?}", site.session).to_lowercase(),
            (false, words) => words.to_owned(),
        };
        Err(OrderError::VenueNotReady {
            venue: key.venue,
            session,
        })
    }

    /// Refuses what the venue does not offer.
    pub(crate) fn is_offered(&self, admitted: &Admitted) -> Result<(), OrderError> {
        let offer = self.offers.get(&admitted.spec.venue);
        offer.map_or(Ok(()), |offer| offer.check(admitted))
    }

    pub(crate) fn unknown_site(&self, key: SiteKey) -> OrderError {
        if self.sites.keys().any(|site| site.venue == key.venue) {
            return OrderError::UnknownAccount {
                account: key.account,
            };
        }
        let mut known: Vec<&str> = self.sites.keys().map(|site| site.venue.as_str()).collect();
        known.dedup();
        known.sort_unstable();
        known.dedup();
        OrderError::UnknownVenue {
            venue: key.venue,
            known: known.join(","),
        }
    }

    /// Returns whether every account accepts new risk.
    pub(crate) fn is_ready(&self) -> bool {
        self.venues_known
            && !self.tools.health.has_failed()
            && self
                .sites
                .values()
                .all(|site| site.is_live() && site.compared)
    }

    /// Returns the generation of a site's stream, when it is live.
    pub(crate) fn live_generation(&self, key: SiteKey) -> Option<u64> {
        self.sites
            .get(&key)
            .filter(|site| site.is_live())
            .map(|site| site.generation)
    }
}

/// Asks for the venues and what each of them offers.
async fn venues(connector: &mut Connector) -> Result<Vec<(pb::VenueAccounts, Offer)>, Status> {
    let answer = connector.list_venues(pb::ListVenuesRequest {}).await?;
    let mut venues = Vec::new();
    for accounts in answer.into_inner().venues {
        let request = pb::GetCapabilitiesRequest {
            venue: accounts.venue.clone(),
        };
        let said = connector.get_capabilities(request).await?.into_inner();
        venues.push((accounts, Offer::read(&said)));
    }
    Ok(venues)
}
