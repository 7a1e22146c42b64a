//! `chimera verify-journal`: checks the hash chain of a journal.

use std::path::PathBuf;

use chimera_journal::verify;

use super::{
    args::VerifyArgs,
    exit::{CliError, Exit},
};
use crate::config::Config;

/// Verifies and says what is found.
pub fn run(args: &VerifyArgs) -> Result<Exit, CliError> {
    let path: PathBuf = if args.path.is_dir() {
        Config {
            data_dir: args.path.clone(),
            ..Config::default()
        }
        .journal_file()
    } else {
        args.path.clone()
    };
    let failed = |cause: String| CliError::Journal {
        path: path.display().to_string(),
        cause,
    };
    if !path.exists() {
        return Err(failed("there is no journal".to_owned()));
    }
    let found = verify(&path).map_err(|error| failed(error.to_string()))?;
    println!("{}: {} sound records", path.display(), found.sound_records);
    if let Some(head) = &found.head {
        println!("head: {head}");
    }
    if let Some((seq, breach)) = &found.first_bad {
        println!("record {seq} is bad: {breach}");
    }
    if let Some(structure) = &found.structure {
        println!("the file is damaged: {structure}");
    }
    for snapshot in &found.bad_snapshots {
        println!("the snapshot at {snapshot} is bad and is passed over");
    }
    if found.anchor_unreadable {
        println!("the anchor beside the journal cannot be read");
    }
    Ok(if found.is_sound() {
        Exit::Ok
    } else {
        Exit::Failed
    })
}
