//! The anchor beside the file: the last commit's place in the chain, outside of SQLite.
//!
//! SQLite drops the end of a write-ahead log that it cannot read, and says nothing. The anchor sees
//! that, and a deleted log or a restored old file too: it is written after the commit and before
//! the acknowledgement. It is not synced (a second sync per commit would double the price), so
//! after power loss it may be older than the journal, which is harmless: it is a lower bound.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::Path;

use crate::chain::{Anchor, Hash, hash_of};
use crate::error::{During, JournalError};
use crate::lock::beside;

const MAGIC: &[u8; 8] = b"CHJHEAD1";
const DOMAIN: &[u8] = b"chimera.journal.head\0";
/// Magic, sequence number, hash, and the first eight bytes of the hash over those.
const BYTES: usize = 8 + 8 + 32 + 8;

pub(crate) const SUFFIX: &str = ".head";

/// What the anchor file says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stored {
    /// There is none: a new journal, or somebody removed it.
    Absent,
    /// It holds something else than an anchor.
    Unreadable,
    /// The last commit it knows of.
    Anchor(Anchor),
}

pub(crate) fn read(journal: &Path) -> Result<Stored, JournalError> {
    let mut file = match File::open(beside(journal, SUFFIX)) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Stored::Absent),
        Err(error) => return Err(JournalError::from_io("read the anchor", &error)),
    };
    let mut bytes = [0; BYTES];
    match file.read_exact(&mut bytes) {
        Ok(()) => Ok(decode(&bytes)),
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
            // An empty file is what a crash between create and the first write leaves.
            let empty = file.metadata().during("read the anchor")?.len() == 0;
            Ok(if empty {
                Stored::Absent
            } else {
                Stored::Unreadable
            })
        }
        Err(error) => Err(JournalError::from_io("read the anchor", &error)),
    }
}

/// Writes anchors over each other in one small file.
#[derive(Debug)]
pub(crate) struct HeadFile {
    file: File,
}

impl HeadFile {
    pub(crate) fn open(journal: &Path) -> Result<Self, JournalError> {
        let file = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(false)
            .open(beside(journal, SUFFIX))
            .during("open the anchor")?;
        Ok(Self { file })
    }

    /// Writes the anchor in one call, so that `kill -9` leaves the old or the new one.
    pub(crate) fn write(&mut self, anchor: Anchor) -> Result<(), JournalError> {
        self.file
            .seek(SeekFrom::Start(0))
            .during("write the anchor")?;
        self.file
            .write_all(&encode(anchor))
            .during("write the anchor")
    }

    /// Writes the state a recovery left, and syncs it: an anchor of lost records that came back
    /// after power loss would make the next history look forked.
    pub(crate) fn settle(&mut self, anchor: Option<Anchor>) -> Result<(), JournalError> {
        match anchor {
            Some(anchor) => self.write(anchor)?,
            None => self.file.set_len(0).during("write the anchor")?,
        }
        self.file.sync_all().during("sync the anchor")
    }
}

fn encode(anchor: Anchor) -> [u8; BYTES] {
    let mut bytes = [0; BYTES];
    bytes[..8].copy_from_slice(MAGIC);
    bytes[8..16].copy_from_slice(&anchor.seq.to_be_bytes());
    bytes[16..48].copy_from_slice(anchor.hash.as_bytes());
    let check = hash_of(DOMAIN, &[&bytes[..48]]);
    bytes[48..].copy_from_slice(&check.as_bytes()[..8]);
    bytes
}

fn decode(bytes: &[u8; BYTES]) -> Stored {
    let (body, check) = bytes.split_at(48);
    if body[..8] != MAGIC[..] || hash_of(DOMAIN, &[body]).as_bytes()[..8] != *check {
        return Stored::Unreadable;
    }
    let mut seq = [0; 8];
    seq.copy_from_slice(&body[8..16]);
    match (u64::from_be_bytes(seq), Hash::from_slice(&body[16..])) {
        (0, _) | (_, None) => Stored::Unreadable,
        (seq, Some(hash)) => Stored::Anchor(Anchor { seq, hash }),
    }
}
