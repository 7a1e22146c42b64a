//! The simulated venue of a run, and the bare way to it: what an order costs without a mesh.

use std::{
    collections::{BTreeMap, HashMap},
    io,
    net::{Ipv4Addr, SocketAddr},
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Poll},
    time::{Duration, Instant},
};

use chimera_egress::{HttpClient as _, HttpLimits, HttpRequest, ReqwestClient, tls};
use chimera_model::{
    Account, ClientOrderIndex, Decimal, Instrument, Side, TimeInForce, UnixNanos, Venue,
};
use chimera_runtime::clock::Clock;
use chimera_venue::{
    AccountContext, Answer, Call, ClientIdPrefix, Credentials, Endpoints, InstrumentTable,
    NewOrder, OrderKind, VenueAdapter, VenueConfig,
};
use chimera_venue_sim::{
    Acceptor, AccountConfig, ByteStream, LimitConfig, Listeners, SharedClock, SimConfig, Simulator,
    SystemClock, VenueKind,
};
use futures::future::BoxFuture;
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpListener,
};

use super::error::BenchError;
use crate::mesh::MeshError;

/// Where it is traded.
pub const VENUE: &str = "binance-usdm";
/// What is traded.
pub const SYMBOL: &str = "SOL-USDT-PERP";
/// Whose orders the mesh places.
pub const MESH_ACCOUNT: &str = "main";
/// Whose orders are placed without a mesh: another's, so that neither side hears of the other.
const BARE_ACCOUNT: &str = "bare";
/// Whose orders another client places.
const PEER_ACCOUNT: &str = "peer";
/// The bare side's orders begin here, so that the tap can tell the sides apart.
pub const BARE_FIRST_INDEX: i64 = 1_000_000_000;
/// A peer's orders begin here.
pub const PEER_FIRST_INDEX: i64 = 2_000_000_000;
/// What the accounts start with: margin refuses no order of a run.
const DEPOSIT: i64 = 100_000_000;
/// No limit of the venue is meant to be met; the mesh reads the same number from the venue.
const NO_LIMIT: u32 = 1_000_000_000;
/// Orders are bids this far below the best one, in hundredths: they never trade, and lie within the
/// venue's price band of 5 %.
const PRICE_PERCENT: i64 = 97;
/// The quantity of every order, worth the venue's least notional.
pub const QUANTITY: (i64, u32) = (1, 2);
/// How long an answer may take.
const ANSWER_WITHIN: Duration = Duration::from_secs(10);
/// The largest answer read: a list of instruments.
const ANSWER_BYTES_MAX: usize = 4 * 1024 * 1024;
/// What stands before a client id in an order's query.
const CLIENT_ID: &[u8] = b"newClientOrderId=";

type Arrivals = Arc<Mutex<HashMap<String, Instant>>>;

/// The running venue.
pub struct BenchVenue {
    simulator: Simulator,
    arrivals: Arrivals,
    /// The way around the mesh.
    pub bare: Bare,
}

/// Where another client finds the venue. The keys are the simulator's: they open nothing else.
pub struct Door {
    /// Base of its requests.
    pub rest: String,
    /// Names the account.
    pub api_key: String,
    /// Signs for it.
    pub api_secret: String,
}

/// Places orders as a program without a mesh would: one signed HTTP call over a kept connection.
#[derive(Clone)]
pub struct Bare {
    adapter: Arc<dyn VenueAdapter>,
    http: ReqwestClient,
    context: AccountContext,
    credentials: Credentials,
    clock: Clock,
    instrument: Arc<Instrument>,
}

fn words(error: &dyn std::error::Error) -> BenchError {
    BenchError::Bare(error.to_string())
}

impl BenchVenue {
    /// Starts the venue on a free port of loopback.
    pub async fn start() -> Result<Self, BenchError> {
        let arrivals = Arrivals::default();
        let kind = VenueKind::BinanceUsdm;
        let opening = BenchError::system("opening ports for the venue");
        let bind = || TcpListener::bind((Ipv4Addr::LOCALHOST, 0));
        let tapped = TappedListener {
            listener: bind().await.map_err(&opening)?,
            arrivals: arrivals.clone(),
        };
        let listeners = Listeners {
            control: Box::new(bind().await.map_err(&opening)?),
            venues: BTreeMap::from([(kind, Box::new(tapped) as Box<dyn Acceptor>)]),
        };
        let account = |name: &str| AccountConfig {
            name: name.to_owned(),
            deposit: DEPOSIT.into(),
        };
        let config = SimConfig {
            venues: vec![kind],
            accounts: [MESH_ACCOUNT, BARE_ACCOUNT, PEER_ACCOUNT]
                .map(account)
                .to_vec(),
            binance_limits: LimitConfig {
                weight_1m: NO_LIMIT,
                orders_10s: NO_LIMIT,
                orders_1m: NO_LIMIT,
                ..LimitConfig::default()
            },
            ..SimConfig::default()
        };
        let simulator = Simulator::start(config, listeners, SharedClock::new(SystemClock))
            .await
            .map_err(MeshError::starting("simulator"))?;
        let bare = Bare::new(&simulator).await?;
        Ok(Self {
            simulator,
            arrivals,
            bare,
        })
    }

    /// Returns where another client finds the venue, and its keys.
    pub fn door(&self) -> Result<Door, BenchError> {
        let missing = || BenchError::Bare("the peer has no account".to_owned());
        let venue = self.simulator.endpoints().venues.first();
        let venue = venue.ok_or_else(missing)?;
        let mut accounts = venue.accounts.iter();
        let keys = accounts
            .find(|keys| keys.account == PEER_ACCOUNT)
            .ok_or_else(missing)?;
        Ok(Door {
            rest: venue.rest.clone(),
            api_key: keys.api_key.clone(),
            api_secret: keys.api_secret.clone(),
        })
    }

    /// Returns the configuration of a mesh that trades here.
    pub fn configuration(&self, durability: &str) -> Result<String, BenchError> {
        let venue = self.simulator.endpoints().venues.first();
        let venue = venue.ok_or_else(|| BenchError::Bare("no venue runs".to_owned()))?;
        let (name, keys) = (venue.venue.name(), &venue.credentials);
        Ok(format!(
            "connector:\n  venues:\n    {name}:\n      rest_url: {}\n      stream_url: {}\n      \
             allow_plain_http: true\n      accounts: [{MESH_ACCOUNT}]\n\
             credentials:\n  {name}:\n    {MESH_ACCOUNT}: {{api_key: \"{}\", api_secret: \"{}\"}}\n\
             order:\n  risk: {{orders_per_second_max: 1000000, open_orders_max: 100000, \
             exposure_max: \"1000000000\"}}\njournal: {{durability: {durability}}}\n",
            venue.rest, venue.ws, keys.api_key, keys.api_secret
        ))
    }

    /// Returns when the first bytes of each order since the last call reached the venue's socket, by
    /// its client id.
    pub fn take_arrivals(&self) -> HashMap<String, Instant> {
        std::mem::take(&mut *self.arrivals.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Ends the venue.
    pub async fn shutdown(self) {
        self.simulator.shutdown().await;
    }
}

impl Bare {
    async fn new(simulator: &Simulator) -> Result<Self, BenchError> {
        let venue = simulator.endpoints().venues.first();
        let venue = venue.ok_or_else(|| BenchError::Bare("no venue runs".to_owned()))?;
        let keys = venue
            .accounts
            .iter()
            .find(|keys| keys.account == BARE_ACCOUNT);
        let keys = keys.ok_or_else(|| BenchError::Bare("no second account".to_owned()))?;
        let url = |text: &str| text.parse::<url::Url>().map_err(|error| words(&error));
        let adapter = chimera_venue::adapter(VenueConfig {
            venue: Venue::new(venue.venue.name()).map_err(|error| words(&error))?,
            client_id_prefix: ClientIdPrefix::new("chimera").map_err(|error| words(&error))?,
            endpoints: Some(Endpoints {
                rest: url(&venue.rest)?,
                stream: url(&venue.ws)?,
            }),
            aliases: None,
        })
        .map_err(|error| words(&error))?;
        let tls = tls::client_config(None).map_err(|error| words(&error))?;
        let http = ReqwestClient::new(&tls).map_err(|error| words(&error))?;
        let credentials = Credentials::new(keys.api_key.clone(), keys.api_secret.clone());
        let clock = Clock::system();
        let list = ask(
            &*adapter,
            &http,
            &credentials,
            &clock,
            &adapter.instruments(),
        )
        .await?;
        let table = InstrumentTable::new(adapter.aliases().clone()).refreshed(list.instruments);
        let instrument = table
            .resolve(SYMBOL)
            .ok_or_else(|| BenchError::Bare(format!("{SYMBOL} is not listed")))?
            .clone();
        let account = Account::new(BARE_ACCOUNT).map_err(|error| words(&error))?;
        let context = AccountContext {
            account,
            instruments: Arc::new(table),
        };
        Ok(Self {
            adapter,
            http,
            context,
            credentials,
            clock,
            instrument,
        })
    }

    /// Returns the client id of an index, which is the same on both sides.
    pub fn client_id(&self, index: i64) -> Result<String, BenchError> {
        let index = ClientOrderIndex::new(index).map_err(|error| words(&error))?;
        Ok(self.adapter.client_order_id(index).to_string())
    }

    /// Returns a price at which a bid stands far from the market.
    pub async fn price(&self) -> Result<Decimal, BenchError> {
        let call = self.adapter.quote(&self.instrument);
        let quote = self.ask(&call).await?;
        let bid = quote
            .bid
            .ok_or_else(|| BenchError::Bare("no bids".to_owned()))?;
        let scale = self.instrument.price_scale;
        let bid = bid.price.to_scaled(scale).map_err(|error| words(&error))?;
        Decimal::from_scaled(bid / 100 * PRICE_PERCENT, scale.into()).map_err(|error| words(&error))
    }

    /// Places one order that ends at once, and reads the venue's answer.
    pub async fn place(&self, index: i64, price: Decimal) -> Result<(), BenchError> {
        let order = NewOrder {
            index: ClientOrderIndex::new(index).map_err(|error| words(&error))?,
            side: Side::Buy,
            quantity: Decimal::from_scaled(QUANTITY.0, QUANTITY.1)
                .map_err(|error| words(&error))?,
            kind: OrderKind::Limit {
                price,
                time_in_force: TimeInForce::Ioc,
                post_only: false,
            },
            reduce_only: false,
        };
        let call = self
            .adapter
            .place(&self.context, &self.instrument, &order)
            .map_err(|error| words(&error))?;
        self.ask(&call).await.map(|_| ())
    }

    async fn ask<T>(&self, call: &Call<T>) -> Result<T, BenchError> {
        ask(
            &*self.adapter,
            &self.http,
            &self.credentials,
            &self.clock,
            call,
        )
        .await
    }
}

async fn ask<T>(
    adapter: &dyn VenueAdapter,
    http: &ReqwestClient,
    credentials: &Credentials,
    clock: &Clock,
    call: &Call<T>,
) -> Result<T, BenchError> {
    let now = UnixNanos::from_nanos(u64::try_from(clock.now_nanos()).unwrap_or(0));
    let wire = adapter
        .finish(&call.request, Some(credentials), now)
        .map_err(|error| words(&error))?;
    let mut request = HttpRequest::new(wire.method, wire.url);
    request.headers = wire.headers;
    request.body = wire.body;
    let limits = HttpLimits {
        deadline: tokio::time::Instant::now() + ANSWER_WITHIN,
        max_body_bytes: ANSWER_BYTES_MAX,
    };
    let response = http
        .send(request, limits)
        .await
        .map_err(|error| words(&error))?;
    let answer = Answer {
        status: response.status,
        headers: &response.headers,
        body: &response.body,
    };
    call.read(&answer).map_err(|error| words(&error))
}

/// Notes when orders arrive, at the venue's own socket.
struct TappedListener {
    listener: TcpListener,
    arrivals: Arrivals,
}

impl Acceptor for TappedListener {
    fn accept(&mut self) -> BoxFuture<'_, io::Result<(Box<dyn ByteStream>, SocketAddr)>> {
        Box::pin(async {
            let (stream, peer) = Acceptor::accept(&mut self.listener).await?;
            let arrivals = self.arrivals.clone();
            Ok((
                Box::new(Tapped { stream, arrivals }) as Box<dyn ByteStream>,
                peer,
            ))
        })
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }
}

struct Tapped {
    stream: Box<dyn ByteStream>,
    arrivals: Arrivals,
}

impl AsyncRead for Tapped {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let polled = Pin::new(&mut self.stream).poll_read(context, buffer);
        if polled.is_ready()
            && let Some(id) = client_id(&buffer.filled()[before..])
        {
            let now = Instant::now();
            let mut arrivals = self.arrivals.lock().unwrap_or_else(PoisonError::into_inner);
            arrivals.entry(id).or_insert(now);
        }
        polled
    }
}

/// Returns the client id in the head of an order's request, if these bytes are one.
fn client_id(bytes: &[u8]) -> Option<String> {
    if !bytes.starts_with(b"POST ") {
        return None;
    }
    let at = bytes
        .windows(CLIENT_ID.len())
        .position(|part| part == CLIENT_ID)?;
    let rest = &bytes[at + CLIENT_ID.len()..];
    let end = rest.iter().position(|byte| matches!(byte, b'&' | b' '))?;
    Some(String::from_utf8_lossy(&rest[..end]).into_owned())
}

impl AsyncWrite for Tapped {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
