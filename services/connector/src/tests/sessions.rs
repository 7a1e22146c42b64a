//! Sessions: how they come to live, and back to life.

use chimera_contracts::connector::v1 as pb;
use pb::{Outcome, ReportSource, ReportedStatus};

use super::mesh::Mesh;

#[tokio::test]
async fn a_session_lives_takes_an_order_cancels_it_and_streams_both_reports() {
    let mesh = Mesh::live().await;
    let mut watch = mesh.watch().await;
    let order = mesh.resting_buy().await;
    let index = order.client_order_index;

    let done = mesh.submit(order.clone()).await;
    assert_eq!(done.outcome(), Outcome::Accepted, "{:?}", done.detail);
    let report = done.report.unwrap();
    assert_eq!(report.price_ticks, order.price_ticks);
    assert_eq!(report.quantity_lots, order.quantity_lots);
    assert!(done.sent_time.is_some());
    watch.order(index, ReportedStatus::New, ReportSource::Acknowledgement).await;

    let done = mesh.cancel(index).await;
    assert_eq!(done.outcome(), Outcome::Accepted, "{:?}", done.detail);
    let ended = watch.order(index, ReportedStatus::Cancelled, ReportSource::Stream).await;
    assert_eq!((ended.filled_lots, ended.generation), (0, 1));
    assert_eq!(mesh.orders_at_venue(index).await.len(), 1);
    mesh.end().await;
}
