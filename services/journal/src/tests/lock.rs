use std::fs::{File, TryLockError};

use super::Place;
use crate::lock::{beside, try_lock};

/// The lock file of a journal as two holders see it, the first of them holding it.
fn held_and_wanted(place: &Place) -> (File, File) {
    let path = beside(&place.path(), ".lock");
    let held = File::create(&path).unwrap();
    held.lock().unwrap();
    (held, File::open(&path).unwrap())
}

#[test]
fn f064_a_lock_that_comes_free_meanwhile_is_taken() {
    let place = Place::new();
    let (held, wanted) = held_and_wanted(&place);
    let mut held = Some(held);

    // A child being spawned shares the descriptor until it becomes its own program.
    try_lock(&wanted, || drop(held.take())).unwrap();

    assert!(held.is_none());
}

#[test]
fn f064_a_lock_that_stays_held_is_given_up_after_a_bound() {
    let place = Place::new();
    let (_held, wanted) = held_and_wanted(&place);
    let mut pauses = 0;

    let result = try_lock(&wanted, || pauses += 1);

    assert!(matches!(result, Err(TryLockError::WouldBlock)));
    assert_eq!(pauses, 49);
}
