//! Parameters of a request: the query's texts or the fields of a JSON body.

use std::str::FromStr;

use rust_decimal::Decimal;
use serde_json::{Map, Value};

use super::error::ApiError;
use super::words;

/// The parameters of one request, sorted by name, as they are signed.
#[derive(Clone, Debug, Default)]
pub(super) struct Params {
    pairs: Vec<(String, Value)>,
    from_body: bool,
}

impl Params {
    /// Reads a query.
    pub fn of_query(query: &str) -> Result<Self, ApiError> {
        let pairs: Vec<(String, String)> = serde_urlencoded::from_str(query)
            .map_err(|error| ApiError::unread(format!("failed to parse query: {error}")))?;
        let pairs = pairs
            .into_iter()
            .map(|(name, value)| (name, Value::String(value)))
            .collect();
        Ok(Self::sorted(pairs, false))
    }

    /// Takes the fields of a body; those that are null count as absent.
    pub fn of_fields(fields: Map<String, Value>) -> Self {
        let pairs = fields.into_iter().filter(|(_, value)| !value.is_null());
        Self::sorted(pairs.collect(), true)
    }

    fn sorted(mut pairs: Vec<(String, Value)>, from_body: bool) -> Self {
        pairs.sort_by(|left, right| left.0.cmp(&right.0));
        Self { pairs, from_body }
    }

    /// Returns the parameters as they are signed: `&name=value` for each, booleans in lower case.
    pub fn signed_text(&self) -> String {
        let pair = |(name, value): &(String, Value)| format!("&{name}={}", text_of(value));
        self.pairs.iter().map(pair).collect()
    }

    /// Whether a parameter is there.
    pub fn has(&self, name: &str) -> bool {
        self.get(name).is_some()
    }

    fn get(&self, name: &str) -> Option<&Value> {
        let found = self.pairs.iter().find(|(key, _)| key == name);
        found.map(|(_, value)| value)
    }

    /// Returns a parameter as text, whatever its type, for scripts that look for it.
    pub fn shown(&self, name: &str) -> Option<String> {
        self.get(name).map(text_of)
    }

    /// Returns an optional text.
    pub fn text(&self, name: &str) -> Result<Option<&str>, ApiError> {
        match self.get(name) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(other) => {
                let reason = format!("Expected input type \"string\", found {other}.");
                Err(self.unreadable(name, &reason))
            }
        }
    }

    /// Returns a mandatory text.
    pub fn need(&self, name: &str) -> Result<&str, ApiError> {
        self.text(name)?.ok_or_else(|| self.absent(name))
    }

    /// Returns an id that may come as a text or as a number: clients name orders both ways.
    pub fn id<T: FromStr>(&self, name: &str) -> Result<Option<T>, ApiError> {
        let Some(value) = self.get(name) else {
            return Ok(None);
        };
        let id = text_of(value).parse();
        id.map(Some)
            .map_err(|_| ApiError::client("Invalid order ID"))
    }

    /// Returns an optional decimal, which is a text also in a body.
    pub fn decimal(&self, name: &str) -> Result<Option<Decimal>, ApiError> {
        let read = |text: &str| {
            let plain = text
                .bytes()
                .all(|byte| byte.is_ascii_digit() || byte == b'.');
            let value: Option<Decimal> = text.parse().ok().filter(|_| plain);
            value.ok_or_else(|| self.unreadable(name, "Invalid decimal"))
        };
        self.text(name)?.map(read).transpose()
    }

    /// Returns an optional integer.
    pub fn integer(&self, name: &str) -> Result<Option<u64>, ApiError> {
        let value = match self.get(name) {
            None => return Ok(None),
            Some(Value::Number(number)) => number.as_u64(),
            Some(Value::String(text)) if !self.from_body => text.parse().ok(),
            Some(_) => None,
        };
        let wrong = || self.unreadable(name, "invalid digit found in string");
        value.map(Some).ok_or_else(wrong)
    }

    /// Returns an optional integer of 32 bits, which is what a client's id is.
    pub fn client_id(&self) -> Result<Option<u32>, ApiError> {
        let wide = self.integer("clientId")?;
        let narrow = wide.map(u32::try_from).transpose();
        narrow.map_err(|_| {
            let reason = "Only integers from 0 to 4294967295 are accepted.";
            self.unreadable("clientId", reason)
        })
    }

    /// Returns an optional truth value.
    pub fn flag(&self, name: &str) -> Result<Option<bool>, ApiError> {
        match self.get(name) {
            None => Ok(None),
            Some(Value::Bool(flag)) => Ok(Some(*flag)),
            Some(Value::String(text)) if !self.from_body => {
                let flag = text.parse().map(Some);
                flag.map_err(|_| self.unreadable(name, "provided string was not `true` or `false`"))
            }
            Some(other) => {
                let reason = format!("Expected input type \"boolean\", found {other}.");
                Err(self.unreadable(name, &reason))
            }
        }
    }

    /// Returns one of the venue's words.
    pub fn word<T>(
        &self,
        name: &str,
        read: impl Fn(&str) -> Option<T>,
    ) -> Result<Option<T>, ApiError> {
        let known = |text: &str| {
            let wrong = || {
                self.unreadable(
                    name,
                    &format!("Expect a valid enumeration value, found {text}."),
                )
            };
            read(text).ok_or_else(wrong)
        };
        self.text(name)?.map(known).transpose()
    }

    /// Returns the kinds of market that a request is narrowed to; a query may name several.
    pub fn market_types(&self) -> Result<Vec<&'static str>, ApiError> {
        let named = self.pairs.iter().filter(|(name, _)| name == "marketType");
        let known = |(_, value): &(String, Value)| {
            let text = value.as_str().and_then(words::read_market_type);
            text.ok_or_else(|| self.unreadable("marketType", "Expect a valid enumeration value."))
        };
        named.map(known).collect()
    }

    /// Returns how many entries are asked for, and how many are left out before them.
    pub fn page(&self, default: usize, most: usize) -> Result<(usize, usize), ApiError> {
        let count = |name: &str| -> Result<Option<usize>, ApiError> {
            let value = self.integer(name)?;
            Ok(value.map(|value| usize::try_from(value).unwrap_or(usize::MAX)))
        };
        let limit = count("limit")?.unwrap_or(default);
        if limit > most {
            return Err(ApiError::client(format!("Limit must not be above {most}")));
        }
        Ok((limit, count("offset")?.unwrap_or(0)))
    }

    /// A mandatory parameter is not there.
    pub fn absent(&self, name: &str) -> ApiError {
        if self.from_body {
            ApiError::payload(name, "field is required.")
        } else {
            ApiError::query(name, "the parameter is required.")
        }
    }

    fn unreadable(&self, name: &str, reason: &str) -> ApiError {
        if self.from_body {
            ApiError::payload(name, reason)
        } else {
            ApiError::query(name, reason)
        }
    }
}

fn text_of(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}
