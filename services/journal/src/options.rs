//! How a journal is opened.

/// How much an acknowledgement is worth.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Durability {
    /// Every commit is synced to the disk before it is acknowledged (`synchronous=FULL`, and
    /// `fullfsync` where the system has it). Survives `kill -9` and power loss. One sync serves all
    /// appends that waited, so the price is the disk's sync time once per batch.
    #[default]
    Full,
    /// Every commit is handed to the operating system before it is acknowledged
    /// (`synchronous=NORMAL`; checkpoints are still synced). Survives `kill -9`; power loss or a
    /// kernel crash may take the last commits, never the consistency of the file.
    Os,
}

/// What opening does about a bad record that is followed by sound ones.
///
/// A torn tail (nothing sound after the first bad record) is always cut and kept aside. Damage in
/// the middle is another matter: cutting there drops acknowledged records that are still readable.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnDamage {
    /// Refuses to open, naming the record.
    #[default]
    Refuse,
    /// Cuts from the first bad record on and keeps all of that aside. For an operator's repair.
    Cut,
}

/// How a journal is opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Options {
    /// How much an acknowledgement is worth.
    pub durability: Durability,
    /// What to do about a bad record that is followed by sound ones.
    pub on_damage: OnDamage,
    /// Largest size of the main file in bytes; at the bound the journal is poisoned, as by a full
    /// disk. Unset, the disk is the bound.
    pub max_size_bytes: Option<u64>,
    /// How many records at the end are checked at open. Bounds the time of a restart; the ones
    /// before are checked whenever they are read.
    pub tail_check_records: u64,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            durability: Durability::Full,
            on_damage: OnDamage::Refuse,
            max_size_bytes: None,
            // More than two of the largest batches: a torn write cannot reach further back.
            tail_check_records: 10_000,
        }
    }
}
