//! Parameters of a request: from the query and the body, each read once, none invented.

use rust_decimal::Decimal;

use super::error::ApiError;

/// What a decimal may look like, in the venue's words.
const DECIMAL_RANGE: &str = "^([0-9]{1,20})(\\.[0-9]{1,20})?$";

/// What an integer may look like, in the venue's words.
const INTEGER_RANGE: &str = "^[0-9]{1,20}$";

/// Parameters of signed requests, which every signed endpoint takes.
pub(crate) const SIGNING: [&str; 3] = ["timestamp", "recvWindow", "signature"];

/// The parameters of one request.
#[derive(Clone, Debug, Default)]
pub(crate) struct Params {
    pairs: Vec<(String, String)>,
}

impl Params {
    /// Reads the parameters; where both name one, the query counts.
    pub fn parse(query: &str, body: &str) -> Result<Self, ApiError> {
        let mut params = Self::default();
        for part in [query, body] {
            let mut own: Vec<(String, String)> = Vec::new();
            let pairs: Vec<(String, String)> = serde_urlencoded::from_str(part).unwrap_or_default();
            for (name, value) in pairs {
                if own.iter().any(|(seen, _)| *seen == name) {
                    let text = format!("Duplicate values for parameter '{name}' detected.");
                    return Err(ApiError::bad(-1101, text));
                }
                own.push((name, value));
            }
            own.retain(|(name, _)| params.get(name).is_none());
            params.pairs.extend(own);
        }
        Ok(params)
    }

    /// Parameters from pairs, for orders of a batch.
    pub fn from_pairs(pairs: Vec<(String, String)>) -> Self {
        Self { pairs }
    }

    /// Refuses parameters that the endpoint does not read.
    pub fn only(&self, known: &[&str]) -> Result<(), ApiError> {
        let is_known = |(name, _): &&(String, String)| {
            known.contains(&name.as_str()) || SIGNING.contains(&name.as_str())
        };
        let read = self.pairs.iter().filter(is_known).count();
        if read == self.pairs.len() {
            return Ok(());
        }
        let text = format!(
            "Not all sent parameters were read; read '{read}' parameter(s) but was sent '{}'.",
            self.pairs.len()
        );
        Err(ApiError::bad(-1104, text))
    }

    /// Returns a parameter, empty or not.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.pairs
            .iter()
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.as_str())
    }

    /// Returns an optional parameter; one that is sent must not be empty.
    pub fn text(&self, name: &str) -> Result<Option<&str>, ApiError> {
        match self.get(name) {
            Some("") => Err(ApiError::bad(
                -1105,
                format!("Parameter '{name}' was empty."),
            )),
            other => Ok(other),
        }
    }

    /// Returns a mandatory parameter.
    pub fn need(&self, name: &str) -> Result<&str, ApiError> {
        self.get(name)
            .filter(|value| !value.is_empty())
            .ok_or_else(|| ApiError::mandatory(name))
    }

    /// Returns an optional decimal, not below zero.
    pub fn decimal(&self, name: &str) -> Result<Option<Decimal>, ApiError> {
        self.text(name)?.map(|text| decimal(name, text)).transpose()
    }

    /// Returns an optional integer, not below zero.
    pub fn integer(&self, name: &str) -> Result<Option<u64>, ApiError> {
        let integer = |text: &str| {
            let plain = (1..=20).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit());
            let value = text.parse().ok().filter(|_| plain);
            value.ok_or_else(|| ApiError::illegal(name, INTEGER_RANGE))
        };
        self.text(name)?.map(integer).transpose()
    }

    /// Returns an optional truth value.
    pub fn flag(&self, name: &str) -> Result<Option<bool>, ApiError> {
        match self.text(name)?.map(str::to_ascii_lowercase).as_deref() {
            None => Ok(None),
            Some("true") => Ok(Some(true)),
            Some("false") => Ok(Some(false)),
            Some(_) => Err(ApiError::illegal(name, "^(true|false)$")),
        }
    }

    /// Returns an optional integer within bounds, or a default.
    pub fn limit(&self, default: usize, most: usize) -> Result<usize, ApiError> {
        let limit = self.integer("limit")?.map_or(Ok(default), usize::try_from);
        match limit {
            Ok(limit) if (1..=most).contains(&limit) => Ok(limit),
            _ => Err(ApiError::invalid("limit")),
        }
    }

    /// Returns the optional bounds of a time range, which must not be reversed.
    pub fn range(&self) -> Result<(Option<u64>, Option<u64>), ApiError> {
        let range = (self.integer("startTime")?, self.integer("endTime")?);
        match range {
            (Some(start), Some(end)) if start > end => {
                Err(ApiError::bad(-1023, "Start time is greater than end time."))
            }
            _ => Ok(range),
        }
    }
}

fn decimal(name: &str, text: &str) -> Result<Decimal, ApiError> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
    let plain = |digits: &str| {
        (1..=20).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit())
    };
    let value = Some(text).filter(|_| plain(whole) && plain(fraction));
    value
        .and_then(|text| text.parse().ok())
        .ok_or_else(|| ApiError::illegal(name, DECIMAL_RANGE))
}
