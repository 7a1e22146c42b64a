//! Which payload goes through which reader, and which are out of scope and why.

use super::Kind;
use crate::tests::recorded::{self, check, list};

type Rule = recorded::Rule<Kind>;

const EQUITIES: &str = "trading sessions of equities: another product";
const WALLET: &str = "deposits and withdrawals: no operation of ours asks for them";
const UNASKED: &str = "data that no operation of ours asks for: funding comes with the mark price";
const SHORT: &str = "a test's own short form of the collateral: the schema's required sums are \
                     not in it; `orders` reads a whole one";
const STATUS: &str = "the state of the venue: instruments say whether they trade";
const CANCEL_ALL: &str = "cancel-all: orders are cancelled one by one, within the account's lease";
const ELSEWHERE: &str = "not a payload: keys, prehashes and signatures, checked by `signing`";

/// The first rule that covers a name decides.
pub(super) const RULES: &[Rule] = &[
    list("signing_vectors.json", ELSEWHERE),
    // ccxt: samples of answers.
    check(
        "ccxt/rest_comment_samples.json#0#parse_market",
        Kind::Markets,
    ),
    list("ccxt/rest_comment_samples.json#1#parse_market", EQUITIES),
    list(
        "ccxt/rest_comment_samples.json#2#parse_funding_rate",
        UNASKED,
    ),
    list(
        "ccxt/rest_comment_samples.json#3#fetch_funding_rate_history",
        UNASKED,
    ),
    check("ccxt/rest_comment_samples.json#4#parse_trade", Kind::Fills),
    list("ccxt/rest_comment_samples.json#5#parse_transaction", WALLET),
    list("ccxt/rest_comment_samples.json#6#parse_transaction", WALLET),
    check(
        "ccxt/rest_comment_samples.json#7#parse_position",
        Kind::Positions,
    ),
    check(
        "ccxt/rest_comment_samples.json#8#handle_errors",
        Kind::Failure,
    ),
    check(
        "ccxt/rest_comment_samples.json#9#handle_errors",
        Kind::Failure,
    ),
    // ccxt: recorded answers.
    check("ccxt/rest_responses_subset.json#0#*", Kind::Positions),
    check("ccxt/rest_responses_subset.json#1#*", Kind::Order),
    check("ccxt/rest_responses_subset.json#2#*", Kind::Order),
    check("ccxt/rest_responses_subset.json#3#*", Kind::Order),
    list(
        "ccxt/rest_responses_subset.json#4#DELETE /api/v1/orders",
        CANCEL_ALL,
    ),
    check("ccxt/rest_responses_subset.json#5#*", Kind::Orders),
    check("ccxt/rest_responses_subset.json#6#*", Kind::Fills),
    check("ccxt/rest_responses_subset.json#7#*", Kind::Trades),
    check("ccxt/rest_responses_subset.json#8#*", Kind::Bars),
    check("ccxt/rest_responses_subset.json#9#*", Kind::Ticker),
    list("ccxt/rest_responses_subset.json#10#*", UNASKED),
    check("ccxt/rest_responses_subset.json#11#*", Kind::Balances),
    list(
        "ccxt/rest_responses_subset.json#12#GET /api/v1/status",
        STATUS,
    ),
    // ccxt: samples of frames.
    check(
        "ccxt/ws_comment_samples.json#0#handle_ticker",
        Kind::PublicFrame,
    ),
    check(
        "ccxt/ws_comment_samples.json#1#handle_ohlcv",
        Kind::PublicFrame,
    ),
    check(
        "ccxt/ws_comment_samples.json#2#handle_trades",
        Kind::PublicFrame,
    ),
    check(
        "ccxt/ws_comment_samples.json#3#handle_order_book",
        Kind::PublicFrame,
    ),
    check(
        "ccxt/ws_comment_samples.json#4#get_cache_index",
        Kind::PublicFrame,
    ),
    check(
        "ccxt/ws_comment_samples.json#5#handle_order",
        Kind::OrderFrame,
    ),
    check(
        "ccxt/ws_comment_samples.json#6#parse_ws_order",
        Kind::OrderFrame,
    ),
    check(
        "ccxt/ws_comment_samples.json#7#handle_positions",
        Kind::PositionFrame,
    ),
    check(
        "ccxt/ws_comment_samples.json#8#handle_error_message",
        Kind::RefusedFrame,
    ),
    // hummingbot.
    check("hummingbot_cases.json#0#*", Kind::Markets),
    check("hummingbot_cases.json#1#*", Kind::Ticker),
    check("hummingbot_cases.json#2#*", Kind::Order),
    check("hummingbot_cases.json#3#*", Kind::Balances),
    check("hummingbot_cases.json#4#*", Kind::Positions),
    check("hummingbot_cases.json#5#*", Kind::PositionFrame),
    list("hummingbot_cases.json#6#_get_income_history_dict", UNASKED),
    list("hummingbot_cases.json#7#test_update_balances", SHORT),
    check(
        "hummingbot_cases.json#8#_position_update_event",
        Kind::PositionFrame,
    ),
    check(
        "hummingbot_cases.json#9#_trade_update_event",
        Kind::PublicFrame,
    ),
    check(
        "hummingbot_cases.json#10#_order_diff_event",
        Kind::PublicFrame,
    ),
    check("hummingbot_cases.json#11#_snapshot_response", Kind::Depth),
];
