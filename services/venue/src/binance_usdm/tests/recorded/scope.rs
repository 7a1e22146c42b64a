//! Which payload goes through which reader, and which are out of scope and why.

use super::Kind;
use crate::tests::recorded::{self, Payload, check, list};

type Rule = recorded::Rule<Kind>;
type Verdict = recorded::Verdict<Kind>;

const SPOT: &str = "spot: another venue, not built yet";
const COINM: &str = "coin-margined or options: other venues";
const WALLET: &str = "wallet, convert, fiat, margin loan or gift: no operation of ours asks for it";
const EQUITIES: &str = "tokenized equities: another product";
const STRATEGY: &str = "conditional orders: stops are a later issue";
const UNASKED: &str = "market or account data that no operation of ours asks for";
const SOCKET_API: &str = "answers of the socket request interface: requests go by REST";
const FRAGMENT: &str = "a fragment of a longer answer that is checked elsewhere";
const ELSEWHERE: &str = "not a payload: keys, prehashes and signatures, checked by `signing`";
const RECORDER: &str = "a line of the recorder about itself";
const NULL: &str = "the recorder kept no answer: null";

/// The first rule that covers a name decides.
const RULES: &[Rule] = &[
    list("signing_vectors.json", ELSEWHERE),
    // gocryptotrader: answers by route.
    list("gocryptotrader/DELETE_api_*", SPOT),
    list("gocryptotrader/GET_api_*", SPOT),
    list("gocryptotrader/GET_sapi_*", WALLET),
    list("gocryptotrader/POST_api_*", SPOT),
    list("gocryptotrader/POST_sapi_*", WALLET),
    list("gocryptotrader/PUT_api_*", SPOT),
    list("gocryptotrader/wsHandleData.ndjson*", SPOT),
    check("gocryptotrader/GET_fapi_v1_aggTrades_*", Kind::Aggregates),
    check("gocryptotrader/GET_fapi_v1_depth_*", Kind::Depth),
    check(
        "gocryptotrader/GET_fapi_v1_exchangeInfo_0.json",
        Kind::ExchangeInfo,
    ),
    list("gocryptotrader/GET_fapi_v1_fundingRate_2.json", NULL),
    list("gocryptotrader/GET_fapi_v1_fundingRate_4.json", NULL),
    list("gocryptotrader/GET_fapi_v1_fundingRate_*", UNASKED),
    check("gocryptotrader/GET_fapi_v1_klines_*", Kind::Bars),
    list("gocryptotrader/GET_fapi_v1_openInterest_0.json", UNASKED),
    list("gocryptotrader/GET_fapi_v1_premiumIndex_0.json", UNASKED),
    check(
        "gocryptotrader/GET_fapi_v1_ticker_24hr_0.json",
        Kind::Failure,
    ),
    check(
        "gocryptotrader/GET_fapi_v1_ticker_24hr_2.json",
        Kind::Tickers,
    ),
    check(
        "gocryptotrader/GET_fapi_v1_ticker_bookTicker_0.json",
        Kind::Quote,
    ),
    list("gocryptotrader/GET_fapi_v1_ticker_price_0.json", UNASKED),
    check("gocryptotrader/GET_fapi_v1_time_0.json", Kind::ServerTime),
    check("gocryptotrader/GET_fapi_v1_trades_0.json", Kind::Trades),
    // cryptofeed: a session.
    list("cryptofeed/spot_*", SPOT),
    check(
        "cryptofeed/usdm_http_exchangeInfo_subset_2021.json",
        Kind::ExchangeInfo,
    ),
    list(
        "cryptofeed/usdm_session_20210722_sushi_akro.jsonl#header#*",
        RECORDER,
    ),
    list(
        "cryptofeed/usdm_session_20210722_sushi_akro.jsonl#connect#*",
        RECORDER,
    ),
    check(
        "cryptofeed/usdm_session_20210722_sushi_akro.jsonl#http#*",
        Kind::Depth,
    ),
    check(
        "cryptofeed/usdm_session_20210722_sushi_akro.jsonl#recv#*",
        Kind::PublicFrame,
    ),
    // hftbacktest: a market; one line is the snapshot.
    list("hftbacktest/spot_*", SPOT),
    check(
        "hftbacktest/usdm_btcusdt_20240808_first600.ndjson*",
        Kind::PublicFrame,
    ),
    // tardis: frames; one was made by the recorder's maintainers.
    list("tardis/binance_messages.ndjson*", SPOT),
    check(
        "tardis/binance_futures_messages.ndjson#6",
        Kind::IgnoredFrame,
    ),
    check("tardis/binance_futures_messages.ndjson*", Kind::PublicFrame),
    // nautilus: one payload a file.
    list("nautilus/spot/*", SPOT),
    list("nautilus/py_resources/http_spot_*", SPOT),
    list("nautilus/py_resources/http_wallet_trading_fee.json", SPOT),
    check(
        "nautilus/futures/http_json/account_info_v2.json",
        Kind::Account,
    ),
    check("nautilus/futures/http_json/balance.json", Kind::Balances),
    check(
        "nautilus/futures/http_json/order_response.json",
        Kind::Order,
    ),
    check(
        "nautilus/futures/http_json/position_risk.json",
        Kind::Positions,
    ),
    check("nautilus/futures/market_data_json/*", Kind::PublicFrame),
    check(
        "nautilus/futures/user_data_json/account_update.json",
        Kind::AccountFrame,
    ),
    check(
        "nautilus/futures/user_data_json/algo_update_new.json",
        Kind::IgnoredEvent,
    ),
    check(
        "nautilus/futures/user_data_json/order_update_*",
        Kind::OrderFrame,
    ),
    check(
        "nautilus/py_resources/http_futures_account_orders.json",
        Kind::Orders,
    ),
    check(
        "nautilus/py_resources/http_futures_account_position_side_dual.json",
        Kind::PositionMode,
    ),
    check(
        "nautilus/py_resources/http_futures_account_positions_one_way.json",
        Kind::Positions,
    ),
    check(
        "nautilus/py_resources/http_futures_account_trades.json",
        Kind::AccountTrades,
    ),
    check(
        "nautilus/py_resources/http_futures_market_agg_trades.json",
        Kind::Aggregates,
    ),
    check(
        "nautilus/py_resources/http_futures_market_depth.json",
        Kind::Depth,
    ),
    check(
        "nautilus/py_resources/http_futures_market_exchange_info.json",
        Kind::ExchangeInfo,
    ),
    list(
        "nautilus/py_resources/http_futures_market_funding_rate.json",
        UNASKED,
    ),
    check(
        "nautilus/py_resources/http_futures_market_klines.json",
        Kind::Bars,
    ),
    list(
        "nautilus/py_resources/http_futures_market_premium_index.json",
        UNASKED,
    ),
    check(
        "nautilus/py_resources/http_futures_market_ticker_24hr.json",
        Kind::Ticker,
    ),
    list(
        "nautilus/py_resources/http_futures_wallet_commission_rate_btcusdt.json",
        UNASKED,
    ),
    // ccxt: captures.
    list("ccxt/rest_responses_subset.json#0", SPOT),
    check("ccxt/rest_responses_subset.json#1", Kind::Orders),
    check("ccxt/ws_subset.json#0#0", Kind::Confirmation),
    list("ccxt/ws_subset.json#0#1", SPOT),
    check("ccxt/ws_subset.json#1#0", Kind::Confirmation),
    check("ccxt/ws_subset.json#1#1", Kind::PublicFrame),
];

/// Comment samples of frames, by number; fragments of frames are put back into their frame.
const FRAME_SAMPLES: &[(usize, Verdict)] = &[
    (0, Verdict::Check(Kind::IgnoredFrame)),
    (1, Verdict::Listed(SOCKET_API)),
    (2, Verdict::Check(Kind::PublicFrame)),
    (3, Verdict::Check(Kind::OrderFrame)),
    (4, Verdict::Check(Kind::PublicFrame)),
    (5, Verdict::Check(Kind::PublicFrame)),
    (6, Verdict::Listed(FRAGMENT)),
    (7, Verdict::Check(Kind::Quote)),
    (8, Verdict::Listed(SOCKET_API)),
    (9, Verdict::Listed(SOCKET_API)),
    (10, Verdict::Listed(SOCKET_API)),
    (11, Verdict::Listed(SOCKET_API)),
    (12, Verdict::Check(Kind::Positions)),
    (13, Verdict::Listed(SPOT)),
    (14, Verdict::Listed(SPOT)),
    (15, Verdict::Listed(SPOT)),
    (16, Verdict::Check(Kind::OrderFrame)),
    (17, Verdict::Listed(EQUITIES)),
    (18, Verdict::Check(Kind::IgnoredEvent)),
    (19, Verdict::Check(Kind::AccountFrame)),
    (20, Verdict::Listed(SPOT)),
];

/// Comment samples of answers that are checked, by number.
const ANSWERS_CHECKED: &[(usize, Kind)] = &[
    (3, Kind::ExchangeInfo),
    (6, Kind::Account),
    (8, Kind::Depth),
    (10, Kind::Ticker),
    (12, Kind::Quote),
    (17, Kind::Bars),
    (19, Kind::Aggregates),
    (20, Kind::Trades),
    (27, Kind::Aggregates),
    (28, Kind::Trades),
    (34, Kind::Order),
    (46, Kind::Orders),
    (52, Kind::AccountTrades),
    (76, Kind::Failure),
    (87, Kind::Orders),
];

/// Comment samples of answers that are out of scope: first number, last number, reason.
const ANSWERS_LISTED: &[(usize, usize, &str)] = &[
    (0, 0, EQUITIES),
    (1, 1, WALLET),
    (2, 2, FRAGMENT),
    (4, 4, EQUITIES),
    (5, 5, WALLET),
    (7, 7, WALLET),
    (9, 9, UNASKED),
    (11, 11, COINM),
    (13, 14, COINM),
    (15, 16, UNASKED),
    (18, 18, COINM),
    (21, 22, SPOT),
    (23, 24, COINM),
    (25, 25, SPOT),
    (26, 26, EQUITIES),
    (29, 29, SPOT),
    (30, 30, "batches: orders are placed one by one"),
    (31, 32, SPOT),
    (33, 33, COINM),
    (35, 36, STRATEGY),
    (37, 37, SPOT),
    (38, 38, STRATEGY),
    (39, 40, COINM),
    (41, 42, STRATEGY),
    (43, 45, EQUITIES),
    (47, 48, STRATEGY),
    (
        49,
        50,
        "cancel-all: orders are cancelled one by one, within the account's lease",
    ),
    (51, 51, COINM),
    (53, 53, COINM),
    (54, 59, WALLET),
    (60, 60, UNASKED),
    (61, 62, WALLET),
    (63, 63, SPOT),
    (64, 64, COINM),
    (65, 67, UNASKED),
    (68, 75, COINM),
    (77, 77, "batches: orders are cancelled one by one"),
    (78, 79, UNASKED),
    (80, 82, WALLET),
    (83, 83, UNASKED),
    (84, 85, COINM),
    (86, 86, WALLET),
    (88, 88, COINM),
    (89, 90, UNASKED),
    (91, 92, COINM),
    (93, 96, WALLET),
    (97, 98, UNASKED),
];

/// Returns the rules by name.
pub(super) fn rules() -> &'static [Rule] {
    RULES
}

/// Returns what is to be done with a payload, or nothing when no rule says so.
pub(super) fn verdict(payload: &Payload) -> Option<Verdict> {
    if let Some(number) = payload.name.strip_prefix("ccxt/ws_comment_samples.json#") {
        let number: usize = number.parse().ok()?;
        let found = FRAME_SAMPLES.iter().find(|(known, _)| *known == number);
        return found.map(|(_, verdict)| *verdict);
    }
    if let Some(number) = payload.name.strip_prefix("ccxt/rest_comment_samples.json#") {
        let number: usize = number.parse().ok()?;
        let checked = ANSWERS_CHECKED.iter().find(|(known, _)| *known == number);
        let listed = ANSWERS_LISTED
            .iter()
            .find(|(first, last, _)| (*first..=*last).contains(&number));
        return checked
            .map(|(_, kind)| Verdict::Check(*kind))
            .or(listed.map(|(_, _, reason)| Verdict::Listed(reason)));
    }
    let rule = RULES.iter().find(|rule| rule.covers(&payload.name))?;
    // The market's recording holds its snapshot among its frames.
    if payload.text.starts_with("{\"lastUpdateId\"") {
        return Some(Verdict::Check(Kind::Depth));
    }
    Some(rule.verdict)
}
