//! Listen keys: the sessions of private streams.

use std::collections::BTreeMap;

use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use serde_json::json;

use super::error::ApiError;
use super::rest::{Answer, Call, answer};
use crate::engine::AccountId;

/// A listen key lives this long after it was made or last kept alive.
pub(super) const LIFETIME_MS: u64 = 60 * 60 * 1000;

/// Letters of a listen key.
const KEY_LENGTH: usize = 64;

/// The letters that keys are made of.
const ALPHABET: &[u8] = b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";

/// Draws a text of letters and digits.
pub(crate) fn draw(rng: &mut ChaCha8Rng, length: usize) -> String {
    (0..length)
        .map(|_| char::from(ALPHABET[rng.random_range(0..ALPHABET.len())]))
        .collect()
}

/// One session.
#[derive(Clone, Debug)]
pub(super) struct Session {
    pub key: String,
    pub expires_ms: u64,
}

/// The sessions of a venue: at most one an account, as the venue has it.
#[derive(Debug, Default)]
pub(super) struct Sessions {
    by_account: BTreeMap<AccountId, Session>,
}

impl Sessions {
    /// Returns the key of an account's session, new or extended.
    pub fn create(&mut self, account: AccountId, now_ms: u64, rng: &mut ChaCha8Rng) -> &str {
        let expires_ms = now_ms + LIFETIME_MS;
        let session = self.by_account.entry(account).or_insert_with(|| Session {
            key: draw(rng, KEY_LENGTH),
            expires_ms,
        });
        session.expires_ms = expires_ms;
        &session.key
    }

    /// Extends an account's session.
    pub fn keep_alive(&mut self, account: AccountId, now_ms: u64) -> Option<&str> {
        let session = self.by_account.get_mut(&account)?;
        session.expires_ms = now_ms + LIFETIME_MS;
        Some(&session.key)
    }

    /// Ends an account's session.
    pub fn close(&mut self, account: AccountId) -> Option<Session> {
        self.by_account.remove(&account)
    }

    /// Returns the key of an account's session.
    pub fn key(&self, account: AccountId) -> Option<&str> {
        self.by_account
            .get(&account)
            .map(|session| session.key.as_str())
    }

    /// Returns the account of a key.
    pub fn account(&self, key: &str) -> Option<AccountId> {
        let found = self
            .by_account
            .iter()
            .find(|(_, session)| session.key == key);
        found.map(|(account, _)| *account)
    }

    /// Takes out the sessions that are over; `None` is a time that ends all.
    pub fn expired(
        &mut self,
        account: Option<AccountId>,
        now_ms: Option<u64>,
    ) -> Vec<(AccountId, Session)> {
        let due = |(id, session): &(&AccountId, &Session)| {
            account.is_none_or(|account| account == **id)
                && now_ms.is_none_or(|now_ms| session.expires_ms <= now_ms)
        };
        let ids: Vec<AccountId> = self
            .by_account
            .iter()
            .filter(due)
            .map(|(account, _)| *account)
            .collect();
        ids.into_iter()
            .filter_map(|id| Some((id, self.by_account.remove(&id)?)))
            .collect()
    }
}

fn unknown() -> ApiError {
    ApiError::bad(-1125, "This listenKey does not exist.")
}

pub(super) fn create(call: &mut Call<'_>) -> Result<Answer, ApiError> {
    let account = call.account()?;
    let dialect = &mut call.core.dialect;
    let key = dialect
        .sessions
        .create(account, call.now_ms, &mut dialect.rng);
    Ok(answer(&json!({ "listenKey": key })))
}

pub(super) fn keep_alive(call: &mut Call<'_>) -> Result<Answer, ApiError> {
    let account = call.account()?;
    let sent = call.params.text("listenKey")?;
    let sessions = &mut call.core.dialect.sessions;
    if sent.is_some_and(|sent| sessions.key(account) != Some(sent)) {
        return Err(unknown());
    }
    let key = sessions
        .keep_alive(account, call.now_ms)
        .ok_or_else(unknown)?;
    Ok(answer(&json!({ "listenKey": key })))
}

pub(super) fn close(call: &mut Call<'_>) -> Result<Answer, ApiError> {
    let account = call.account()?;
    call.core
        .dialect
        .sessions
        .close(account)
        .ok_or_else(unknown)?;
    Ok(Answer::text("{}"))
}
