use super::{Line, Timeline, WRITE_LINES};

#[tokio::test(start_paused = true)]
async fn every_line_is_in_its_orders_file_in_order_when_the_writer_ends() {
    let folder = tempfile::tempdir().unwrap();
    let (timeline, work) = Timeline::begin(folder.path().join("orders"));
    let writer = tokio::spawn(work);
    // Some before the writer first looks, the rest while it gathers; more than it takes at once.
    let count = WRITE_LINES * 2;
    for number in 0..count {
        timeline.put(Line {
            file: format!("{}.jsonl", number % 2),
            text: number.to_string(),
        });
        if number == 5 {
            tokio::task::yield_now().await;
        }
    }
    drop(timeline);
    writer.await.unwrap();
    for order in 0..2 {
        let path = folder.path().join(format!("orders/{order}.jsonl"));
        let wanted = (order..count).step_by(2).map(|number| number.to_string());
        let found = std::fs::read_to_string(path).unwrap();
        assert!(found.lines().eq(wanted), "{found}");
    }
}
