//! The one list of what a venue must show.

use std::{fmt, pin::Pin, rc::Rc};

use crate::{account, desk::Desk, market, orders, refusals, streams};

/// What a venue may or may not do; shown by the case that names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Offer {
    Limit,
    Market,
    GoodTillCancelled,
    ImmediateOrCancel,
    FillOrKill,
    PostOnly,
    ReduceOnly,
    OpenIdRefused,
}

impl Offer {
    /// Returns whether the mesh refuses what asks for it where it is not offered.
    pub fn is_asked_for(self) -> bool {
        self != Self::OpenIdRefused
    }
}

impl fmt::Display for Offer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Limit => "limit",
            Self::Market => "market",
            Self::GoodTillCancelled => "GTC",
            Self::ImmediateOrCancel => "IOC",
            Self::FillOrKill => "FOK",
            Self::PostOnly => "post-only",
            Self::ReduceOnly => "reduce-only",
            Self::OpenIdRefused => "yes",
        })
    }
}

type Running = Pin<Box<dyn Future<Output = ()>>>;

/// One thing that holds of a venue, or does not.
pub struct Case {
    pub number: u32,
    pub name: &'static str,
    /// What the venue offers if it holds.
    pub shows: &'static [Offer],
    pub run: fn(Rc<Desk>) -> Running,
}

macro_rules! cases {
    ($($number:literal $module:ident :: $name:ident $([$($offer:ident),+])?;)*) => {
        /// All cases, in the order in which they run.
        pub const CASES: &[Case] = &[$(Case {
            number: $number,
            name: stringify!($name),
            shows: &[$($(Offer::$offer),+)?],
            run: |desk| Box::pin(async move { $module::$name(&desk).await }),
        }),*];
    };
}

cases! {
    1 market::instruments_are_listed_page_by_page_with_their_filters;
    2 market::a_ticker_is_live_and_not_crossed;
    3 market::a_book_is_live_sorted_and_on_the_grid;
    4 market::public_trades_are_listed_oldest_first;
    5 market::bars_are_aligned_and_hold_their_prices;
    6 market::a_watched_market_tells_tickers_trades_bars_and_a_gapless_book;
    7 orders::a_limit_order_rests [Limit, GoodTillCancelled];
    8 orders::a_market_order_takes_what_is_offered [Market];
    9 orders::a_post_only_order_rests_and_never_takes [PostOnly];
    10 orders::an_immediate_order_takes_what_is_there_and_leaves_nothing [ImmediateOrCancel];
    11 orders::a_fill_or_kill_order_fills_in_full_or_not_at_all [FillOrKill];
    12 orders::a_reduce_only_order_shrinks_and_never_turns_a_position [ReduceOnly];
    13 orders::a_cancel_is_proven_and_not_repeated;
    14 orders::an_order_is_found_here_and_at_the_venue;
    15 orders::open_orders_are_those_that_the_venue_holds_open;
    16 account::fills_are_booked_once_as_taker_and_as_maker;
    17 account::balances_follow_what_was_paid;
    18 account::positions_agree_with_the_venue;
    19 refusals::a_client_id_names_one_order_of_ours;
    20 refusals::a_repeated_index_is_never_a_second_order;
    21 refusals::the_venue_refuses_a_client_id_that_is_open [OpenIdRefused];
    22 refusals::a_wrong_size_is_refused;
    23 refusals::a_wrong_price_is_refused;
    24 refusals::the_least_notional_is_as_the_instrument_says;
    25 refusals::what_no_venue_lists_is_unknown;
    26 refusals::more_than_the_account_can_pay_is_refused;
    27 streams::the_order_stream_is_a_chain_from_its_snapshot;
    28 streams::a_stream_resumes_where_it_was_left;
    29 streams::the_position_stream_tells_of_a_fill;
    30 streams::a_lost_private_stream_loses_nothing;
}
