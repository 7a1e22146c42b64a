//! Prices and quantities as integers.
//!
//! Orders count steps: [`PriceTicks`] and [`QuantityLots`] cannot hold a value off the grid.
//! Books hold decimals shifted to integers: [`ScaledPrice`] and [`ScaledQuantity`] can also hold
//! what a venue said before its tick size changed.

use std::fmt;

use serde::{Deserialize, Serialize};

macro_rules! integer {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(
            Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize,
            Deserialize,
        )]
        #[serde(transparent)]
        pub struct $name(pub i64);

        impl fmt::Display for $name {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(&self.0, formatter)
            }
        }
    };
}

integer! {
    /// A price as a number of tick sizes of the instrument and version it belongs to.
    PriceTicks
}

integer! {
    /// A quantity as a number of lot sizes of the instrument and version it belongs to.
    QuantityLots
}

integer! {
    /// A price times `10^price_scale` of the instrument it belongs to.
    ScaledPrice
}

integer! {
    /// A quantity times `10^quantity_scale` of the instrument it belongs to.
    ScaledQuantity
}
