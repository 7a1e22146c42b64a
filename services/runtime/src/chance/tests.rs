use std::thread;

use super::{between, random, seed};

fn draws(number: u64) -> (u64, u128, f64) {
    let drawing = thread::spawn(move || {
        seed(number);
        (random(), random(), between(0.5..=1.0))
    });
    drawing.join().unwrap()
}

#[test]
fn one_seed_draws_the_same_twice_and_another_does_not() {
    assert_eq!(draws(7), draws(7));
    assert_ne!(draws(7).0, draws(8).0);
}

#[test]
fn a_thread_without_a_seed_draws_from_the_system() {
    assert_ne!(random::<u128>(), random::<u128>());
    assert!((0.5..=1.0).contains(&between(0.5..=1.0)));
}
