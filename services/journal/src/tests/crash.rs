//! Real processes that die: the test binary runs one of its own tests as a child.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};

use bytes::Bytes;

use super::{Place, read_all, record};
use crate::{Durability, Journal, JournalError, Options, Record, verify};

const JOURNAL: &str = "CHIMERA_JOURNAL_CHILD_PATH";
const DURABILITY: &str = "CHIMERA_JOURNAL_CHILD_DURABILITY";

/// Tasks of a child that append at the same time, so that commits are shared.
const WRITERS: u64 = 8;

/// Set in a child only.
fn journal_of_child() -> Option<PathBuf> {
    std::env::var_os(JOURNAL).map(PathBuf::from)
}

fn child(test: &str, journal: &Path, durability: &str) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command
        .args([
            format!("tests::crash::{test}"),
            "--exact".to_owned(),
            "--nocapture".to_owned(),
        ])
        .env(JOURNAL, journal)
        .env(DURABILITY, durability)
        .stdin(Stdio::null())
        .stdout(Stdio::piped());
    command
}

/// What a child said: the words after `mark`.
fn words(line: &str, mark: &str) -> Option<Vec<String>> {
    let rest = line.split_once(mark)?.1;
    Some(rest.split_whitespace().map(str::to_owned).collect())
}

/// Runs in a child: appends until it is killed, and says what was acknowledged.
#[test]
fn child_that_appends_until_it_is_killed() {
    let Some(path) = journal_of_child() else {
        return;
    };
    let durability = match std::env::var(DURABILITY).as_deref() {
        Ok("full") => Durability::Full,
        _ => Durability::Os,
    };
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .build()
        .unwrap();
    runtime.block_on(async {
        let options = Options {
            durability,
            ..Options::default()
        };
        let (journal, recovery) = Journal::open(path, options).unwrap();
        assert!(recovery.is_clean(), "{recovery:?}");
        let writers = (0..WRITERS).map(|writer| {
            let journal = journal.clone();
            tokio::spawn(async move {
                for number in 0.. {
                    let payload = format!("{}-{writer}-{number}", std::process::id());
                    let record = Record {
                        payload: Bytes::from(payload.clone()),
                        ..record(1)
                    };
                    let committed = journal.append(vec![record]).await.unwrap();
                    let line = format!("acknowledged {} {payload}\n", committed.first_seq);
                    std::io::stdout().write_all(line.as_bytes()).unwrap();
                }
            })
        });
        for writer in writers.collect::<Vec<_>>() {
            writer.await.unwrap();
        }
    });
}

/// Reads acknowledgements until there are `enough`, kills, and reads what was still on its way.
fn kill_after(
    child: &mut Child,
    output: &mut BufReader<ChildStdout>,
    enough: usize,
    acknowledged: &mut BTreeMap<u64, String>,
) {
    let mut line = String::new();
    let mut count = 0;
    loop {
        line.clear();
        if output.read_line(&mut line).unwrap() == 0 {
            return;
        }
        // A line without its end was cut by the kill.
        if line.ends_with('\n')
            && let Some(words) = words(&line, "acknowledged ")
        {
            acknowledged.insert(words[0].parse().unwrap(), words[1].clone());
            count += 1;
        }
        if count == enough {
            child.kill().unwrap();
        }
    }
}

fn acknowledged_survives(durability: &str, rounds: usize) {
    let place = Place::new();
    let mut acknowledged = BTreeMap::new();
    for round in 1..=rounds {
        let mut command = child(
            "child_that_appends_until_it_is_killed",
            &place.path(),
            durability,
        );
        let mut child = command.spawn().unwrap();
        let mut output = BufReader::new(child.stdout.take().unwrap());
        kill_after(
            &mut child,
            &mut output,
            round * 37 % 150 + 1,
            &mut acknowledged,
        );
        assert!(
            !child.wait().unwrap().success(),
            "the child ended before it was killed"
        );

        let found = verify(place.path()).unwrap();
        assert!(found.is_sound(), "{found:?}");
    }
    let (journal, recovery) = place.open();
    assert!(recovery.is_clean(), "{recovery:?}");
    let entries = read_all(&journal);
    assert!(acknowledged.len() > rounds);
    for (seq, payload) in &acknowledged {
        let entry = &entries[usize::try_from(*seq).unwrap() - 1];
        assert_eq!(entry.record.payload, payload.as_bytes(), "record {seq}");
    }
}

#[test]
fn f126_what_was_acknowledged_survives_kill_9_with_syncs() {
    acknowledged_survives("full", 6);
}

#[test]
fn f126_what_was_acknowledged_survives_kill_9_without_syncs() {
    acknowledged_survives("os", 12);
}

/// Runs in a child: tries to open, and says what came of it.
#[test]
fn child_that_opens_a_journal() {
    let Some(path) = journal_of_child() else {
        return;
    };
    let answer = match Journal::open(path, super::fast()) {
        Ok(_) => "opened".to_owned(),
        Err(JournalError::Locked { holder, .. }) => format!("locked {holder}"),
        Err(other) => format!("failed {other}"),
    };
    println!("answer {answer}");
}

fn answer_of_child(journal: &Path) -> Vec<String> {
    let output = child("child_that_opens_a_journal", journal, "os")
        .output()
        .unwrap();
    let output = String::from_utf8(output.stdout).unwrap();
    output
        .lines()
        .find_map(|line| words(line, "answer "))
        .expect("the child answers")
}

#[tokio::test]
async fn f064_a_second_writer_is_refused_and_told_by_whom() {
    let place = Place::new();
    let (journal, _) = place.open();
    let here = std::process::id().to_string();
    assert_eq!(answer_of_child(&place.path()), ["locked", "pid", &here]);
    // By another way to the same file, and in the same process.
    let other_way = place.directory.path().join(".").join("orders.journal");
    let refusal = Journal::open(&other_way, super::fast()).unwrap_err();
    assert!(matches!(refusal, JournalError::Locked { .. }), "{refusal}");
    #[cfg(unix)]
    {
        let link = place.directory.path().join("link.journal");
        std::os::unix::fs::symlink(place.path(), &link).unwrap();
        assert_eq!(answer_of_child(&link)[0], "locked");
    }
    journal.append(vec![record(1)]).await.unwrap();
    journal.close().await.unwrap();
    assert_eq!(answer_of_child(&place.path()), ["opened"]);
}
