use std::sync::Arc;

use chimera_model::{Venue, VenueSymbol};
use chimera_venue::{Channel, ClientIdPrefix, SubscribeFrame, Topic, VenueAdapter, VenueConfig};

use super::requests;

fn adapter() -> Arc<dyn VenueAdapter> {
    let config = VenueConfig {
        venue: Venue::new("binance-usdm").unwrap(),
        client_id_prefix: ClientIdPrefix::new("chimera").unwrap(),
        endpoints: None,
        aliases: None,
    };
    chimera_venue::adapter(config).unwrap()
}

/// As many topics as one connection may carry.
fn whole_line(adapter: &dyn VenueAdapter) -> Vec<Topic> {
    let topic = |number| Topic {
        symbol: VenueSymbol::new(&format!("COIN{number}USDT")).unwrap(),
        channel: Channel::Trades,
    };
    (0..adapter.stream_rules().topics_max).map(topic).collect()
}

fn asked_for(frames: &[SubscribeFrame]) -> Vec<Topic> {
    frames
        .iter()
        .flat_map(|frame| frame.topics.clone())
        .collect()
}

#[test]
fn a_full_line_is_asked_for_in_frames_that_the_venue_takes() {
    let adapter = adapter();
    let (topics, mut next_id) = (whole_line(&*adapter), 1);
    let most = adapter.stream_rules().topics_per_frame_max;
    assert!(topics.len() > most, "one frame would do");
    for subscribe in [true, false] {
        let first_id = next_id;
        let frames = requests(&*adapter, &topics, subscribe, &mut next_id).unwrap();
        assert_eq!(asked_for(&frames), topics);
        assert!(frames.iter().all(|frame| frame.topics.len() <= most));
        let ids: Vec<u64> = frames.iter().map(|frame| frame.id).collect();
        assert_eq!(ids, (first_id..next_id).collect::<Vec<_>>());
    }
}

#[test]
fn nothing_new_asks_for_nothing() {
    let mut next_id = 7;
    assert!(
        requests(&*adapter(), &[], true, &mut next_id)
            .unwrap()
            .is_empty()
    );
    assert_eq!(next_id, 7);
}
