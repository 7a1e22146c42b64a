//! Recorded payloads: where they are, and the table that says what is done with each.

use std::path::{Path, PathBuf};

/// One payload: an answer or a frame.
pub(crate) struct Payload {
    /// `folder/file`, with `#item` where a file holds several, and the request where it is known.
    pub(crate) name: String,
    /// The bytes of the payload as text.
    pub(crate) text: String,
}

/// What is to be done with a payload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict<K> {
    /// It is checked.
    Check(K),
    /// It is out of scope, for this reason.
    Listed(&'static str),
}

/// A rule: which names, what to do. `*` at the end stands for any rest.
#[derive(Debug)]
pub(crate) struct Rule<K> {
    pub(crate) names: &'static str,
    pub(crate) verdict: Verdict<K>,
}

impl<K> Rule<K> {
    /// Returns whether the rule is about this name.
    pub(crate) fn covers(&self, name: &str) -> bool {
        match self.names.strip_suffix('*') {
            Some(start) => name.starts_with(start),
            None => name == self.names,
        }
    }
}

pub(crate) const fn check<K: Copy>(names: &'static str, kind: K) -> Rule<K> {
    Rule {
        names,
        verdict: Verdict::Check(kind),
    }
}

pub(crate) const fn list<K: Copy>(names: &'static str, reason: &'static str) -> Rule<K> {
    Rule {
        names,
        verdict: Verdict::Listed(reason),
    }
}

/// Where recorded payloads are, or nothing where they are not.
pub(crate) fn folder() -> Option<PathBuf> {
    let folder = std::env::var_os("CHIMERA_SHARED").map_or_else(
        || PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared")),
        PathBuf::from,
    );
    if folder.join("venues").is_dir() {
        return Some(folder);
    }
    println!("skipped: no recorded payloads at {}", folder.display());
    None
}

/// Returns the payloads of a folder: no file is passed over, and `split` says what a file of this
/// name and text holds, each part with what its name has more.
pub(crate) fn payloads(
    folder: &Path,
    split: impl Fn(&str, &str) -> Vec<(String, String)>,
) -> Vec<Payload> {
    let mut files = Vec::new();
    walk(folder, &mut files);
    files.sort();
    let mut payloads = Vec::new();
    for file in files {
        let name = file.strip_prefix(folder).unwrap().to_str().unwrap();
        let name = name.replace('\\', "/");
        let text = std::fs::read_to_string(&file).unwrap();
        let parts = split(&name, &text).into_iter();
        payloads.extend(parts.map(|(part, text)| Payload {
            name: format!("{name}{part}"),
            text,
        }));
    }
    payloads
}

fn walk(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            walk(&path, files);
        } else {
            files.push(path);
        }
    }
}
