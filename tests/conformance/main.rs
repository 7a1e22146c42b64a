//! What every venue must show, through the public contract alone: one list of numbered cases, run over
//! each venue of the registry in front of its simulator. The README's table of venues is what was seen,
//! and what a venue says of itself is held to it.

#[cfg(test)]
mod account;
#[cfg(test)]
mod cases;
#[cfg(test)]
mod desk;
#[cfg(test)]
mod market;
#[cfg(test)]
mod orders;
#[cfg(test)]
mod refusals;
#[cfg(test)]
mod streams;
#[cfg(test)]
mod table;

use std::rc::Rc;

use cases::CASES;
use desk::Desk;
use table::Row;
use tokio::task::{LocalSet, spawn_local};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_venue_conforms_and_says_so() {
    let mut rows = Vec::new();
    for venue in chimera_venue::venues() {
        rows.push(LocalSet::new().run_until(judge(venue.as_str())).await);
    }
    let failed: Vec<_> = rows.iter().flat_map(Row::failed).collect();
    assert!(failed.is_empty(), "not as the venue says: {failed:#?}");
    table::is_in_the_readme(&rows);
}

async fn judge(venue: &str) -> Row {
    let desk = Rc::new(Desk::at(venue).await);
    let mut row = Row::new(&desk.offered);
    for case in CASES {
        // On a task of its own, so that the others run whatever becomes of it.
        let ran = spawn_local((case.run)(Rc::clone(&desk))).await;
        row.note(case, ran.map_err(table::words));
        desk.rest().await;
    }
    let desk = Rc::into_inner(desk).expect("every case has ended");
    desk.house.end().await;
    row
}

#[test]
fn cases_are_numbered_in_their_order() {
    let numbers = CASES.iter().map(|case| case.number);
    assert!(numbers.eq((1..).take(CASES.len())), "missing or doubled");
}
