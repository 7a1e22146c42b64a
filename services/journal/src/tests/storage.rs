use std::path::PathBuf;
use std::process::Command;

use bytes::Bytes;

use super::{Place, fast, read_all, record};
use crate::{Journal, JournalError, Options, Record, Snapshot};

const JOURNAL: &str = "CHIMERA_JOURNAL_LIMITED_PATH";

fn large(number: u64) -> Record {
    Record {
        payload: Bytes::from(vec![b'x'; 20_000]),
        ..record(number)
    }
}

/// Appends until it fails; returns how many were acknowledged and why it ended.
async fn fill(journal: &Journal) -> (u64, JournalError) {
    for number in 1..10_000 {
        if let Err(error) = journal.append(vec![large(number)]).await {
            return (number - 1, error);
        }
    }
    panic!("the bound is never met");
}

#[tokio::test]
async fn f126_a_full_disk_stops_the_journal_for_good() {
    let place = Place::new();
    let limited = Options {
        max_size_bytes: Some(400_000),
        ..Options::default()
    };
    let (journal, _) = place.try_open(limited).unwrap();

    let (acknowledged, error) = fill(&journal).await;

    assert!(matches!(error, JournalError::Full { .. }), "{error}");
    assert!(acknowledged > 5);
    // A record that would fit is refused too: nobody vouches for what follows a failed write.
    let poisoned = |outcome| matches!(outcome, Err(JournalError::Poisoned { .. }));
    assert!(poisoned(journal.append(vec![record(1)]).await));
    assert!(poisoned(journal.clone().append(vec![record(1)]).await));
    let snapshot = Snapshot {
        seq: 1,
        payload: Bytes::new(),
    };
    assert!(matches!(
        journal.write_snapshot(snapshot).await,
        Err(JournalError::Poisoned { .. })
    ));
    assert!(journal.stopped().is_some());
    assert_eq!(
        read_all(&journal).len() as u64,
        acknowledged,
        "what was acknowledged is read"
    );
    journal.close().await.unwrap();

    let (journal, recovery) = place.open();
    assert!(recovery.is_clean());
    assert_eq!(recovery.head.unwrap().seq, acknowledged);
    assert_eq!(
        journal.append(vec![large(0)]).await.unwrap().first_seq,
        acknowledged + 1
    );
}

/// Appends that waited behind the failing one fail too, each with a typed error.
#[tokio::test]
async fn f126_everybody_in_the_queue_learns_of_the_failure() {
    let place = Place::new();
    let limited = Options {
        max_size_bytes: Some(200_000),
        ..fast()
    };
    let (journal, _) = place.try_open(limited).unwrap();
    let mut pending = Vec::new();
    for number in 0..100 {
        match journal.submit(vec![large(number)]).await {
            Ok(queued) => pending.push(queued),
            Err(error) => {
                assert!(matches!(error, JournalError::Poisoned { .. }), "{error}");
                break;
            }
        }
    }
    let mut acknowledged = 0;
    let mut failed = false;
    for queued in pending {
        match queued.await {
            Ok(_) => {
                assert!(!failed, "an append after a failed one was acknowledged");
                acknowledged += 1;
            }
            Err(JournalError::Full { .. } | JournalError::Poisoned { .. }) => failed = true,
            Err(other) => panic!("{other}"),
        }
    }
    assert!(failed);
    assert_eq!(read_all(&journal).len(), acknowledged);
}

/// Runs in a child whose files may not grow past a bound that the system enforces.
#[test]
fn child_that_fills_its_file() {
    let Some(path) = std::env::var_os(JOURNAL).map(PathBuf::from) else {
        return;
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    let (acknowledged, error, later) = runtime.block_on(async {
        let (journal, _) = Journal::open(path, Options::default()).unwrap();
        let (acknowledged, error) = fill(&journal).await;
        (acknowledged, error, journal.append(vec![record(1)]).await)
    });
    assert!(
        matches!(
            error,
            JournalError::Storage { .. } | JournalError::Full { .. }
        ),
        "{error}"
    );
    assert!(
        matches!(later, Err(JournalError::Poisoned { .. })),
        "{later:?}"
    );
    println!("answer {acknowledged}");
}

/// A write that the system itself refuses, in the middle of a commit.
#[cfg(unix)]
#[test]
fn f126_a_write_error_of_the_system_stops_the_journal() {
    let place = Place::new();
    let output = Command::new("sh")
        .args(["-c", "trap '' XFSZ; ulimit -f 600; exec \"$0\" \"$@\""])
        .arg(std::env::current_exe().unwrap())
        .args([
            "tests::storage::child_that_fills_its_file",
            "--exact",
            "--nocapture",
        ])
        .env(JOURNAL, place.path())
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{text}");
    let acknowledged: u64 = text
        .lines()
        .find_map(|line| line.split_once("answer "))
        .and_then(|(_, count)| count.trim().parse().ok())
        .unwrap_or_else(|| panic!("{text}"));

    let (journal, recovery) = place.open();
    assert!(recovery.is_clean(), "{recovery:?}");
    let kept = read_all(&journal).len() as u64;
    // The failed append may be kept or not; an acknowledged one is.
    assert!(
        kept == acknowledged || kept == acknowledged + 1,
        "{kept} of {acknowledged}"
    );
}
