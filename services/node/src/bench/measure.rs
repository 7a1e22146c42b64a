//! What is measured: latencies in buckets, and what a process takes of memory and processor.

use std::{fs, time::Duration};

use serde::Serialize;

#[cfg(test)]
mod tests;

/// Buckets for each doubling: a percentile is off by less than 1 / 64.
const STEPS: u64 = 64;
const STEP_BITS: u32 = STEPS.ilog2();
/// Nanoseconds of 64 bits in so many buckets.
const BUCKETS: usize = ((u64::BITS - STEP_BITS + 1) as usize) * STEPS as usize;
/// What the kernel calls a tick in `/proc/<pid>/stat`: `USER_HZ`, the same on every architecture
/// that this runs on.
const TICKS_PER_SECOND: f64 = 100.0;

/// Latencies, counted in buckets that grow with them.
#[derive(Clone, Debug)]
pub struct Latencies {
    counts: Vec<u64>,
    count: u64,
    most: u64,
}

impl Default for Latencies {
    fn default() -> Self {
        Self {
            counts: vec![0; BUCKETS],
            count: 0,
            most: 0,
        }
    }
}

/// The usual percentiles, in microseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Percentiles {
    /// Half are faster.
    pub p50_us: f64,
    /// 19 of 20 are faster.
    pub p95_us: f64,
    /// 99 of 100 are faster.
    pub p99_us: f64,
    /// The slowest.
    pub max_us: f64,
}

fn bucket(nanos: u64) -> usize {
    if nanos < STEPS {
        return nanos as usize;
    }
    let shift = nanos.ilog2() - STEP_BITS;
    ((u64::from(shift) + 1) * STEPS + ((nanos >> shift) - STEPS)) as usize
}

/// Returns the middle of a bucket.
fn middle(bucket: usize) -> f64 {
    let bucket = bucket as u64;
    if bucket < STEPS {
        return bucket as f64;
    }
    let shift = bucket / STEPS - 1;
    let lowest = (bucket % STEPS + STEPS) << shift;
    lowest as f64 + ((1_u64 << shift) - 1) as f64 / 2.0
}

impl Latencies {
    /// Counts one.
    pub fn record(&mut self, latency: Duration) {
        self.record_nanos(u64::try_from(latency.as_nanos()).unwrap_or(u64::MAX));
    }

    /// Counts one, in nanoseconds.
    pub fn record_nanos(&mut self, nanos: u64) {
        self.counts[bucket(nanos)] += 1;
        self.count += 1;
        self.most = self.most.max(nanos);
    }

    /// Adds those of another.
    pub fn add(&mut self, other: &Self) {
        for (own, more) in self.counts.iter_mut().zip(&other.counts) {
            *own += more;
        }
        self.count += other.count;
        self.most = self.most.max(other.most);
    }

    /// Returns how many were counted.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// Returns what `share` (0 to 1) of them do not exceed, in microseconds.
    pub fn share_us(&self, share: f64) -> f64 {
        let wanted = ((self.count as f64 * share).ceil() as u64).max(1);
        let mut seen = 0;
        for (at, count) in self.counts.iter().enumerate() {
            seen += count;
            if seen >= wanted {
                return middle(at).min(self.most as f64) / 1e3;
            }
        }
        0.0
    }

    /// Returns the usual percentiles.
    pub fn percentiles(&self) -> Percentiles {
        Percentiles {
            p50_us: self.share_us(0.50),
            p95_us: self.share_us(0.95),
            p99_us: self.share_us(0.99),
            max_us: self.most as f64 / 1e3,
        }
    }
}

/// What a process takes.
#[derive(Clone, Copy, Debug, Default)]
pub struct Usage {
    /// Resident memory now, in MB.
    pub rss_mb: f64,
    /// Processor seconds so far, user and system.
    pub cpu_s: f64,
}

impl Usage {
    /// Reads what a process takes; zeroes where the system does not say.
    pub fn of(process: u32) -> Self {
        let status = fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
        let rss_kb = status
            .lines()
            .find_map(|line| line.strip_prefix("VmRSS:"))
            .and_then(|rest| rest.split_whitespace().next()?.parse::<f64>().ok())
            .unwrap_or_default();
        let stat = fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
        // The name stands in brackets and may hold blanks; user and system time are fields 14 and 15.
        let after_name = stat.rsplit_once(')').map_or("", |(_, rest)| rest);
        let ticks: f64 = after_name
            .split_whitespace()
            .skip(11)
            .take(2)
            .filter_map(|field| field.parse::<f64>().ok())
            .sum();
        Self {
            rss_mb: rss_kb / 1024.0,
            cpu_s: ticks / TICKS_PER_SECOND,
        }
    }
}

/// Where it was measured.
#[derive(Clone, Debug, Serialize)]
pub struct Machine {
    /// The processor's name.
    pub processor: String,
    /// Processors that this process may use.
    pub processors: usize,
    /// Memory in MB.
    pub memory_mb: u64,
    /// The kernel's release.
    pub kernel: String,
    /// The load average of one minute at the start: what else the machine was doing.
    pub load_before: f64,
    /// `release` or `debug`: figures of a debug build mean nothing.
    pub build: &'static str,
}

impl Machine {
    /// Reads what this machine is.
    pub fn read() -> Self {
        let text = |path: &str| fs::read_to_string(path).unwrap_or_default();
        let value = |text: &str, key: &str| {
            let line = text.lines().find(|line| line.starts_with(key));
            line.and_then(|line| Some(line.split_once(':')?.1.trim().to_owned()))
                .unwrap_or_default()
        };
        let memory = value(&text("/proc/meminfo"), "MemTotal");
        let memory = memory.trim_end_matches(" kB").parse::<u64>();
        let load = text("/proc/loadavg");
        Self {
            processor: value(&text("/proc/cpuinfo"), "model name"),
            processors: std::thread::available_parallelism().map_or(0, usize::from),
            memory_mb: memory.unwrap_or_default() / 1024,
            kernel: text("/proc/sys/kernel/osrelease").trim().to_owned(),
            load_before: load
                .split_whitespace()
                .next()
                .and_then(|first| first.parse().ok())
                .unwrap_or_default(),
            build: if cfg!(debug_assertions) {
                "debug"
            } else {
                "release"
            },
        }
    }
}
