//! What the mesh does, seen from outside: one suite, run at every venue, in process, over loopback
//! sockets, and in split processes of the real binary, always over real sockets to the simulated
//! venue.

#[cfg(test)]
mod doubt;
#[cfg(test)]
mod market;
#[cfg(test)]
mod orders;
#[cfg(test)]
mod safety;
#[cfg(test)]
mod scene;
#[cfg(test)]
mod tracking;

/// Makes a test of each behaviour at each venue in each topology.
macro_rules! behaviours {
    ($($module:ident :: $name:ident),* $(,)?) => {
        mod backpack {
            behaviours!(@venue BACKPACK, $($module::$name),*);
        }
        mod binance_usdm {
            behaviours!(@venue BINANCE_USDM, $($module::$name),*);
        }
    };
    (@venue $ground:ident, $($module:ident :: $name:ident),*) => {
        behaviours!(@topology in_process, $ground, $($module::$name),*);
        behaviours!(@topology loopback, $ground, $($module::$name),*);
        behaviours!(@topology split, $ground, $($module::$name),*);
    };
    (@topology $topology:ident, $ground:ident, $($module:ident :: $name:ident),*) => {
        mod $topology {
            use chimera_tests::house::House;

            use crate::scene::{$ground, Scene};
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $name() {
                    let house = House::$topology($ground.venue).await;
                    let scene = Scene { house, ground: &$ground };
                    crate::$module::$name(&scene).await;
                    scene.house.end().await;
                }
            )*
        }
    };
}

behaviours!(
    orders::a_resting_order_is_seen_by_watchers_and_cancelled,
    orders::a_market_order_fills_and_position_agrees_with_the_venue,
    orders::f08_a_repeated_index_answers_with_the_order_and_another_payload_conflicts,
    orders::f66_a_price_off_the_tick_is_refused_with_the_nearest_valid_ones,
    orders::h43_malformed_numbers_are_refused_by_field,
    orders::an_order_explains_itself,
    tracking::a_tracking_limit_follows_the_touch_until_filled,
    tracking::a_tracking_limit_that_times_out_leaves_nothing_at_the_venue,
    doubt::f01_a_reply_lost_after_acceptance_is_unknown_and_then_resolved,
    doubt::f02_a_server_error_after_acceptance_never_doubles_the_order,
    doubt::f97_a_lost_private_stream_comes_back_and_misses_nothing,
    safety::f60_a_kill_denies_cancels_and_lasts_until_resumed,
    safety::reconcile_finds_nothing_to_repair_in_a_healthy_account,
    market::a_watched_book_is_a_gapless_chain_from_its_snapshot,
    market::tickers_bars_and_instruments_answer,
);
