//! Our index to their client id and back: the index with the highest of 32 bits set.
//!
//! The venue's client id is an unsigned number of 32 bits, and an index has 31: one bit is left to
//! tell ours from strangers', and none to tell instances apart. The small numbers that people and
//! other programs choose are strangers'; two instances must not trade one account here.

use chimera_model::report::OrderOrigin;
use chimera_model::{ClientOrderId, ClientOrderIndex};

/// The bit that marks an id as ours.
const OURS: u32 = 1 << 31;

/// Returns the venue's number of an index. One to one.
pub(super) const fn number(index: ClientOrderIndex) -> u32 {
    OURS | index.get()
}

/// Returns the client id of an index.
pub(super) fn encode(index: ClientOrderIndex) -> ClientOrderId {
    ClientOrderId::new(&number(index).to_string())
        .expect("invariant: ten digits are printable and short")
}

/// Returns the index of a client id, if it is one of ours.
pub(super) fn decode(id: &str) -> Option<ClientOrderIndex> {
    let number: u32 = id.parse().ok()?;
    let index = ClientOrderIndex::new(i64::from(number & !OURS)).ok()?;
    // Also refuses other spellings of the same number.
    (encode(index).as_str() == id).then_some(index)
}

/// Returns who made the order of a client id, as far as the id tells.
pub(super) fn origin(id: Option<&str>) -> OrderOrigin {
    match id.and_then(decode) {
        Some(_) => OrderOrigin::Ours,
        None => OrderOrigin::External,
    }
}
