//! Whether a mesh that works all the while grows.

use std::{
    fmt, fs,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use serde::Serialize;
use tokio::time::{Instant, MissedTickBehavior, interval};

/// How often memory is read.
const SAMPLE_EVERY: Duration = Duration::from_secs(1);
/// How long what is kept on purpose takes to fill, and the allocator's heap of each thread to reach its
/// size. Of a shorter run the first half is warm-up.
const WARM_UP: Duration = Duration::from_secs(180);
/// Start, middle and end are the lowest readings of so many parts of the time after warm-up: what is
/// given back raises no floor, and what is kept does.
const PARTS: usize = 3;
/// How much the end may lie above the start: what the allocator keeps of memory that was given back,
/// in a heap for each thread. By a profiler's count the mesh holds 22 MB at its peak of the 60 to 100
/// that are resident; under faults these swing by 40 within half a minute, and their floor by 15.
const BREATHING_MB: f64 = 24.0;

/// Resident memory over time: seconds and MB.
pub type Samples = Arc<Mutex<Vec<(f64, f64)>>>;

/// What became of a mesh's memory.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Memory {
    /// How often it was read after warm-up.
    pub samples: usize,
    /// The lowest of the first third after warm-up, in MB.
    pub start_mb: f64,
    /// Of the second third.
    pub middle_mb: f64,
    /// Of the last.
    pub end_mb: f64,
    /// By least squares, in MB an hour.
    pub slope_mb_per_hour: f64,
    /// How far the end may lie above the start.
    pub allowed_mb: f64,
    /// Whether it does not lie further above.
    pub flat: bool,
}

impl fmt::Display for Memory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let verdict = if self.flat { "flat" } else { "NOT FLAT" };
        write!(
            f,
            "{verdict}: at least {:.1} MB after warm-up, {:.1} half way, {:.1} at the end ({:+.1} of at \
             most {:.1} MB) · slope {:+.1} MB an hour · {} samples",
            self.start_mb,
            self.middle_mb,
            self.end_mb,
            self.end_mb - self.start_mb,
            self.allowed_mb,
            self.slope_mb_per_hour,
            self.samples
        )
    }
}

/// Reads a process's memory until it is aborted.
pub async fn sample(process: u32, samples: Samples) {
    let began = Instant::now();
    let mut ticks = interval(SAMPLE_EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
    loop {
        ticks.tick().await;
        let read = (began.elapsed().as_secs_f64(), resident_mb(process));
        let mut samples = samples.lock().unwrap_or_else(PoisonError::into_inner);
        samples.push(read);
    }
}

/// Reads what a process holds in memory of its own, in MB; zero where the system does not say. Pages of
/// files are left out: the kernel keeps those of the executable and takes them back.
fn resident_mb(process: u32) -> f64 {
    let status = fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    let mut lines = status.lines();
    let line = lines.find_map(|line| line.strip_prefix("RssAnon:"));
    let kb = line.and_then(|rest| rest.split_whitespace().next()?.parse::<f64>().ok());
    kb.unwrap_or_default() / 1_024.0
}

impl Memory {
    /// Judges samples. An order leaves nothing behind once it is forgotten.
    pub fn of(samples: &[(f64, f64)]) -> Self {
        let last = samples.last().map_or(0.0, |sample| sample.0);
        let warm_up = WARM_UP.as_secs_f64().min(last / 2.0);
        let warm = samples.iter().copied().filter(|it| it.0 >= warm_up);
        let warm: Vec<(f64, f64)> = warm.collect();
        let part = (warm.len() / PARTS).max(1);
        let floor = |from: usize| {
            let part = warm.iter().skip(from).take(part).map(|it| it.1);
            part.reduce(f64::min).unwrap_or_default()
        };
        let (start_mb, end_mb) = (floor(0), floor(warm.len().saturating_sub(part)));
        // Half of a run that ends before its time has not filled what fills.
        let allowed_mb = match warm_up < WARM_UP.as_secs_f64() {
            true => 2.0 * BREATHING_MB,
            false => BREATHING_MB,
        };
        Self {
            samples: warm.len(),
            start_mb,
            middle_mb: floor(warm.len().saturating_sub(part) / 2),
            end_mb,
            slope_mb_per_hour: slope(&warm) * 3_600.0,
            allowed_mb,
            // No sample is no proof.
            flat: start_mb > 0.0 && end_mb > 0.0 && end_mb - start_mb <= allowed_mb,
        }
    }
}

/// Returns the rise a second of the line that lies closest.
fn slope(samples: &[(f64, f64)]) -> f64 {
    let count = samples.len().max(1) as f64;
    let mean = |of: fn(&(f64, f64)) -> f64| samples.iter().map(of).sum::<f64>() / count;
    let (x, y) = (mean(|it| it.0), mean(|it| it.1));
    let rise: f64 = samples.iter().map(|it| (it.0 - x) * (it.1 - y)).sum();
    let run: f64 = samples.iter().map(|it| (it.0 - x).powi(2)).sum();
    if run > 0.0 { rise / run } else { 0.0 }
}
