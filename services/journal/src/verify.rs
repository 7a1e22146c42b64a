//! Looks at a whole journal from outside, without opening it for writing.

use std::path::Path;

use rusqlite::Connection;

use crate::chain::{Anchor, Hash};
use crate::error::{Breach, During, JournalError};
use crate::head::{self, Stored};
use crate::row::{Bad, COLUMNS, Chain};
use crate::snapshot;

/// What a whole journal looks like.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Verification {
    /// How many records are sound, from the first on.
    pub sound_records: u64,
    /// The last sound record, to be kept elsewhere; none when the first is bad or there is none.
    pub head: Option<Anchor>,
    /// The first bad record and what is wrong with it.
    pub first_bad: Option<(u64, Breach)>,
    /// What SQLite says of the file's own structure, its indexes included; none if it is sound.
    pub structure: Option<String>,
    /// Where snapshots stand that are bad; they are passed over, so nothing is lost by them.
    pub bad_snapshots: Vec<u64>,
    /// Whether the anchor beside the file is there and says something.
    pub anchor_unreadable: bool,
}

impl Verification {
    /// Says whether nothing is wrong.
    pub fn is_sound(&self) -> bool {
        self.first_bad.is_none()
            && self.structure.is_none()
            && self.bad_snapshots.is_empty()
            && !self.anchor_unreadable
    }
}

/// Checks every record, the snapshots, the file's structure, and the anchor beside the file.
///
/// Works while a writer is at it. Blocks on the disk for as long as reading everything takes.
pub fn verify(path: impl AsRef<Path>) -> Result<Verification, JournalError> {
    verify_with_anchors(path, &[])
}

/// Checks as [`verify`] does, and against anchors that were kept elsewhere.
///
/// A tail that was cut names the first record that is missing. A history that was rewritten with
/// matching hashes is sound in itself; then the first anchor that does not match is named, and the
/// rewriting began after the last one that does.
pub fn verify_with_anchors(
    path: impl AsRef<Path>,
    anchors: &[Anchor],
) -> Result<Verification, JournalError> {
    let path = path.as_ref();
    // Before the records, so that a writer at work cannot make it newer than them.
    let stored = head::read(path)?;
    let mut anchors = anchors.to_vec();
    if let Stored::Anchor(anchor) = stored {
        anchors.push(anchor);
    }
    anchors.sort_by_key(|anchor| anchor.seq);
    let connection = crate::schema::open_reader(path)?;
    let mut found = walk(&connection, &anchors)?;
    found.anchor_unreadable = stored == Stored::Unreadable;
    found.structure = structure(&connection)?;
    found.bad_snapshots = snapshot::bad(&connection)?;
    Ok(found)
}

/// Walks along the records, comparing them with the anchors on the way.
fn walk(connection: &Connection, anchors: &[Anchor]) -> Result<Verification, JournalError> {
    let mut chain = Chain::genesis();
    let mut anchors = anchors.iter().peekable();
    let mut bad = None;
    let mut rewritten: Option<Bad> = None;
    let sql = format!("SELECT {COLUMNS} FROM records ORDER BY seq");
    let mut select = connection.prepare(&sql).during("verify")?;
    let mut rows = select.query([]).during("verify")?;
    while let Some(row) = rows.next().during("verify")? {
        let entry = match chain.accept(row) {
            Ok(entry) => entry,
            Err(found) => {
                bad = Some(found);
                break;
            }
        };
        while let Some(anchor) = anchors.next_if(|anchor| anchor.seq == entry.seq) {
            rewritten = rewritten.or_else(|| diverged(*anchor, entry.hash));
        }
    }
    // The end is held against the anchors only when it is the end.
    if bad.is_none() && anchors.peek().is_some() {
        bad = Some(Bad {
            seq: chain.next,
            breach: Breach::TailCut,
        });
    }
    let first = [rewritten, bad]
        .into_iter()
        .flatten()
        .min_by_key(|bad| bad.seq);
    Ok(Verification {
        sound_records: chain.next - 1,
        head: chain.head(),
        first_bad: first.map(|bad| (bad.seq, bad.breach)),
        ..Verification::default()
    })
}

fn diverged(anchor: Anchor, found: Hash) -> Option<Bad> {
    (anchor.hash != found).then_some(Bad {
        seq: anchor.seq,
        breach: Breach::Diverged,
    })
}

fn structure(connection: &Connection) -> Result<Option<String>, JournalError> {
    let verdict: String = connection
        .query_row("PRAGMA integrity_check(1)", [], |row| row.get(0))
        .during("check the structure")?;
    Ok((verdict != "ok").then_some(verdict))
}
