//! A client that reads books, so that what is published can be held against what was (I7).

use std::sync::Arc;
use std::time::Duration;

use chimera_contracts::market_data::v1 as pb;
use chimera_contracts::market_data::v1::market_data_service_client::MarketDataServiceClient;
use tokio::time::{sleep, timeout};

use super::hosts::{SYMBOL, VENUE};
use super::network::way;
use super::scene::Scene;

/// How often it reads.
const EVERY: Duration = Duration::from_millis(150);
/// How long it waits for an answer: longer than the first data of a book may take.
const PATIENCE: Duration = Duration::from_secs(6);

/// Reads for ever.
pub async fn reader(scene: Arc<Scene>) -> turmoil::Result {
    let mut client = MarketDataServiceClient::new(way("market-data"));
    loop {
        let request = pb::GetOrderBookRequest {
            venue: VENUE.to_owned(),
            symbol: SYMBOL.to_owned(),
            depth: 1,
            require_live: false,
        };
        match timeout(PATIENCE, client.get_order_book(request)).await {
            Ok(Ok(answer)) => {
                let book = answer.into_inner().book.unwrap_or_default();
                scene.seen(|seen| seen.books.note_published(&book));
            }
            Ok(Err(status)) => scene.note(|| format!("reader: {:?}", status.code())),
            Err(_) => scene.note(|| "reader: no answer".to_owned()),
        }
        sleep(EVERY).await;
    }
}
