//! What opening finds, repairs and reports.

use std::fmt::Write as _;
use std::fs::{self, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use rusqlite::types::ValueRef;
use rusqlite::{Connection, Row};

use crate::chain::{Anchor, Hash};
use crate::error::{During, JournalError};
use crate::head::{self, HeadFile, Stored};
use crate::lock::beside;
use crate::options::{OnDamage, Options};
use crate::row::{self, Bad, COLUMNS, Chain};

/// How many side files one place may have; more means that something cuts in a loop.
const SIDE_FILES_MAX: u32 = 100;

/// What opening found. Anything but a clean one is for an alert: the owner's state may lack
/// events it acknowledged, so it should compare itself with the outside before it goes on.
#[must_use = "a recovery that is not clean needs an alert"]
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Recovery {
    /// The last record, none in an empty journal.
    pub head: Option<Anchor>,
    /// Bad records at the end that were cut off.
    pub torn_tail: Option<TornTail>,
    /// Records that an anchor proves and that are gone.
    pub lost_tail: Option<LostTail>,
    /// Whether the anchor beside the file could not be read; it proves nothing then.
    pub anchor_unreadable: bool,
}

/// Bad records at the end that were cut off.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TornTail {
    /// Where the first bad one stood.
    pub first_bad_seq: u64,
    /// How many rows were cut.
    pub records: u64,
    /// Where they are kept: a line each, the columns in hexadecimal.
    pub kept_in: PathBuf,
}

/// Records that an anchor proves and that are gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LostTail {
    /// The last commit that the anchor knows of.
    pub anchored: Anchor,
    /// The last record that is there, 0 when there is none.
    pub last_seq: u64,
}

impl Recovery {
    /// Says whether nothing was wrong.
    pub fn is_clean(&self) -> bool {
        self.torn_tail.is_none() && self.lost_tail.is_none() && !self.anchor_unreadable
    }

    fn alert(&self, path: &Path) {
        let path = path.display();
        if let Some(torn) = &self.torn_tail {
            let kept_in = torn.kept_in.display();
            let (first_bad_seq, records) = (torn.first_bad_seq, torn.records);
            tracing::error!(%path, first_bad_seq, records, %kept_in, "journal tail was torn, cut");
        }
        if let Some(LostTail { anchored, last_seq }) = &self.lost_tail {
            tracing::error!(%path, %anchored, last_seq, "journal lost acknowledged records");
        }
        if self.anchor_unreadable {
            tracing::error!(%path, "journal anchor is unreadable");
        }
    }
}

/// Checks the end of the journal, cuts what is torn, and settles the anchor.
pub(crate) fn recover(
    connection: &Connection,
    path: &Path,
    options: &Options,
) -> Result<(Recovery, HeadFile), JournalError> {
    let depth = match options.on_damage {
        OnDamage::Refuse => options.tail_check_records,
        // A repair must find the first bad record wherever it is.
        OnDamage::Cut => u64::MAX,
    };
    let tail = examine(connection, depth)?;
    if let Some((bad, Some(_))) = tail.bad
        && options.on_damage == OnDamage::Refuse
    {
        return Err(bad.into());
    }
    let stored = head::read(path)?;
    let last_seq = tail.head.map_or(0, |head| head.seq);
    let mut recovery = Recovery {
        head: tail.head,
        ..Recovery::default()
    };
    match stored {
        Stored::Absent => {}
        Stored::Unreadable => recovery.anchor_unreadable = true,
        Stored::Anchor(anchored) if anchored.seq > last_seq => {
            recovery.lost_tail = Some(LostTail { anchored, last_seq });
        }
        Stored::Anchor(anchored) => {
            if row::stored_hash(connection, anchored.seq)?.flatten() != Some(anchored.hash) {
                return Err(JournalError::Diverged { anchored });
            }
        }
    }
    if let Some((bad, _)) = tail.bad {
        recovery.torn_tail = Some(cut(connection, path, bad.seq)?);
    }
    if let Some(lost) = &recovery.lost_tail {
        let suffix = format!("{}.lost-{}", head::SUFFIX, lost.anchored.seq);
        fs::copy(beside(path, head::SUFFIX), beside(path, &suffix)).during("keep the anchor")?;
    }
    let mut head_file = HeadFile::open(path)?;
    if stored != recovery.head.map_or(Stored::Absent, Stored::Anchor) {
        head_file.settle(recovery.head)?;
        crate::schema::sync_directory(path)?;
    }
    recovery.alert(path);
    Ok((recovery, head_file))
}

/// What the end of the journal looks like.
struct Tail {
    /// The last sound record.
    head: Option<Anchor>,
    /// The first bad one, and the first sound one after it.
    bad: Option<(Bad, Option<u64>)>,
}

fn examine(connection: &Connection, depth: u64) -> Result<Tail, JournalError> {
    let last = crate::read::last_seq(connection)?;
    let from = (last + 1).saturating_sub(depth.max(1)).max(1);
    let mut chain = Chain::before(connection, from)?;
    let sql = format!("SELECT {COLUMNS} FROM records WHERE seq >= ?1 ORDER BY seq");
    let mut select = connection.prepare(&sql).during("check the tail")?;
    let mut rows = select
        .query([i64::try_from(from).unwrap_or(i64::MAX)])
        .during("check the tail")?;
    let mut bad: Option<Bad> = None;
    let mut before: Option<(u64, Hash)> = None;
    while let Some(row) = rows.next().during("check the tail")? {
        if let Some(bad) = bad {
            if sound_after(row, before) {
                let sound = row::seq_of(row);
                return Ok(Tail {
                    head: chain.head(),
                    bad: Some((bad, sound)),
                });
            }
        } else if let Err(found) = chain.accept(row) {
            bad = Some(found);
        }
        before = row::seq_of(row).zip(row.get_ref(6).ok().and_then(row::hash_in));
    }
    Ok(Tail {
        head: chain.head(),
        bad: bad.map(|bad| (bad, None)),
    })
}

/// Says whether a row follows from the hash that stands in the row before it.
fn sound_after(row: &Row<'_>, before: Option<(u64, Hash)>) -> bool {
    match (row::decode(row), before) {
        (Ok(entry), Some((seq, hash))) => {
            entry.seq == seq + 1 && row::follows(&entry, hash) == Ok(true)
        }
        _ => false,
    }
}

/// Cuts the rows from `first_bad_seq` on, after a copy of them is durable.
fn cut(connection: &Connection, path: &Path, first_bad_seq: u64) -> Result<TornTail, JournalError> {
    let from = i64::try_from(first_bad_seq).unwrap_or(i64::MAX);
    let (kept_in, file) = side_file(path, first_bad_seq).during("keep the torn tail")?;
    let mut file = BufWriter::new(file);
    let mut records = 0;
    let sql = format!("SELECT {COLUMNS} FROM records WHERE seq >= ?1 ORDER BY seq");
    let mut select = connection.prepare(&sql).during("keep the torn tail")?;
    let mut rows = select.query([from]).during("keep the torn tail")?;
    while let Some(row) = rows.next().during("keep the torn tail")? {
        writeln!(file, "{}", line(row)).during("keep the torn tail")?;
        records += 1;
    }
    let file = file.into_inner().map_err(io::IntoInnerError::into_error);
    file.and_then(|file| file.sync_all())
        .during("keep the torn tail")?;
    crate::schema::sync_directory(path)?;
    connection
        .execute("DELETE FROM records WHERE seq >= ?1", [from])
        .during("cut the torn tail")?;
    Ok(TornTail {
        first_bad_seq,
        records,
        kept_in,
    })
}

/// Makes a file that was not there before: an earlier cut at the same place keeps its own.
fn side_file(path: &Path, seq: u64) -> io::Result<(PathBuf, fs::File)> {
    for attempt in 0..SIDE_FILES_MAX {
        let suffix = match attempt {
            0 => format!(".torn-{seq}"),
            _ => format!(".torn-{seq}.{attempt}"),
        };
        let name = beside(path, &suffix);
        match OpenOptions::new().write(true).create_new(true).open(&name) {
            Ok(file) => return Ok((name, file)),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error),
        }
    }
    Err(io::Error::other(format!(
        "{SIDE_FILES_MAX} side files for record {seq} exist already"
    )))
}

/// Renders a row whatever its columns hold: `name=type:hex`, tab between.
fn line(row: &Row<'_>) -> String {
    let mut line = String::new();
    for (index, name) in COLUMNS.split(", ").enumerate() {
        let text = match row.get_ref(index) {
            Ok(ValueRef::Integer(number)) => format!("integer:{number}"),
            Ok(ValueRef::Real(number)) => format!("real:{number}"),
            Ok(ValueRef::Text(bytes)) => format!("text:{}", hex::encode(bytes)),
            Ok(ValueRef::Blob(bytes)) => format!("blob:{}", hex::encode(bytes)),
            Ok(ValueRef::Null) | Err(_) => "null".to_owned(),
        };
        let tab = if index == 0 { "" } else { "\t" };
        // Writing to a String cannot fail.
        let _ = write!(line, "{tab}{name}={text}");
    }
    line
}
