//! How every role reads its settings: YAML text, `${VARIABLE}`s filled in from the environment,
//! then a typed struct. Whatever does not fit is an error that says where and what would.
//!
//! - Variables are expanded once, when the text is read, and within values only. What a variable
//!   holds stays one value: it can bring neither keys nor structure nor further variables (H65).
//!   `$${` writes a literal `${`.
//! - Aliases and anchors are refused: a few lines of them can describe gigabytes.
//! - Numbers are read from the text as written, so that an exact decimal stays exact when its field
//!   is text: `0.10` does not become `0.1`.
//! - Text of values never appears in an error: it may be a secret.

use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;

mod duration;
mod expand;
mod read;
mod secret;
#[cfg(test)]
mod tests;
mod yaml;

pub use duration::{DurationError, deserialize as deserialize_duration, parse_duration};
pub use secret::Secret;

/// Largest configuration, in bytes. A megabyte is a hundred times the largest that is in use.
const TEXT_BYTES_MAX: u64 = 1_024 * 1_024;

/// A configuration that cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("{place}: {problem}")]
pub struct ConfigError {
    /// Where.
    pub place: Place,
    /// What.
    pub problem: Problem,
}

/// Where in a configuration something is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Place {
    /// The file, when the configuration came from one.
    pub file: Option<PathBuf>,
    /// The line, from 1; 0 when it is the whole.
    pub line: usize,
    /// The keys that lead there from the top, e.g. `venues.binance-usdm.rest`; empty at the top.
    pub path: String,
}

impl std::fmt::Display for Place {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.file {
            Some(file) => write!(formatter, "{}", file.display())?,
            None => formatter.write_str("configuration")?,
        }
        if self.line > 0 {
            write!(formatter, ", line {}", self.line)?;
        }
        if !self.path.is_empty() {
            write!(formatter, ", {}", self.path)?;
        }
        Ok(())
    }
}

/// What is wrong with a configuration.
#[derive(Debug, thiserror::Error)]
pub enum Problem {
    /// The file cannot be read.
    #[error("cannot be read: {0}")]
    Unreadable(#[from] std::io::Error),
    /// The text is larger than any configuration.
    #[error("is larger than {TEXT_BYTES_MAX} bytes")]
    TooLarge,
    /// The text is no YAML.
    #[error("is no YAML: {0}")]
    Syntax(String),
    /// YAML that a configuration may not use.
    #[error("{0}")]
    Unsupported(&'static str),
    /// A key that stands twice in one mapping.
    #[error("{key} stands twice")]
    DuplicateKey {
        /// The key.
        key: String,
    },
    /// A key that nothing reads.
    #[error("{}", unknown(.key, .nearest, .known))]
    UnknownKey {
        /// The key.
        key: String,
        /// The known key that looks most like it.
        nearest: Option<&'static str>,
        /// All keys that are known there.
        known: &'static [&'static str],
    },
    /// A key that must be there.
    #[error("{key} is missing")]
    MissingKey {
        /// The key.
        key: &'static str,
    },
    /// An environment variable that is not set.
    #[error("the environment variable {name} is not set")]
    MissingVariable {
        /// Its name.
        name: String,
    },
    /// A `${` that begins no variable.
    #[error("a variable is written ${{NAME}}, of letters, digits and _; a literal ${{ as $${{")]
    MalformedVariable,
    /// A value of the wrong kind, or one that its field refuses.
    #[error("{0}")]
    Invalid(String),
}

fn unknown(key: &str, nearest: &Option<&'static str>, known: &[&str]) -> String {
    match nearest {
        Some(nearest) => format!("{key} is not known; did you mean {nearest}?"),
        None if known.is_empty() => format!("{key} is not known; nothing is expected here"),
        None => format!("{key} is not known; known are {}", known.join(", ")),
    }
}

/// Reads the configuration in `file`, with variables from the environment of the process.
pub fn load<T: DeserializeOwned>(file: &Path) -> Result<T, ConfigError> {
    let in_file = |mut error: ConfigError| {
        error.place.file = Some(file.to_owned());
        error
    };
    let text = read_bounded(file).map_err(|problem| {
        in_file(ConfigError {
            place: Place::default(),
            problem,
        })
    })?;
    parse(&text, |name| std::env::var(name).ok()).map_err(in_file)
}

fn read_bounded(file: &Path) -> Result<String, Problem> {
    use std::io::Read;
    let mut text = String::new();
    let mut bounded = std::fs::File::open(file)?.take(TEXT_BYTES_MAX + 1);
    bounded.read_to_string(&mut text)?;
    Ok(text)
}

/// Reads a configuration from `text`, with variables from `environment`.
///
/// An empty text is a configuration that states nothing.
pub fn parse<T: DeserializeOwned>(
    text: &str,
    environment: impl Fn(&str) -> Option<String>,
) -> Result<T, ConfigError> {
    if text.len() as u64 > TEXT_BYTES_MAX {
        return Err(ConfigError {
            place: Place::default(),
            problem: Problem::TooLarge,
        });
    }
    let mut root = yaml::parse(text)?;
    expand::expand(&mut root, &environment)?;
    T::deserialize(read::Reader(root)).map_err(ConfigError::from)
}
