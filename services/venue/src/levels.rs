//! Levels as they stand in a frame, read without a copy.

use chimera_model::book::Level;
use chimera_model::decimal::scaled_from_text;
use chimera_model::{Instrument, ScaledPrice, ScaledQuantity};

use crate::error::VenueError;

/// Most levels read of one side of one message; venues' largest snapshots have 5,000.
const LEVELS_MAX: usize = 10_000;

/// One side of a book's message: JSON text `[["price","quantity",…],…]`, not yet read.
///
/// Reading needs the instrument's scales, which the owner of the book knows; until then the text
/// stays where it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RawLevels<'a>(pub(crate) &'a str);

impl RawLevels<'_> {
    /// Appends the levels, scaled exactly.
    ///
    /// # Errors
    /// Fails on text that is not such an array, on numbers below zero, and on numbers with more
    /// decimals than the instrument has: its tick size has changed (F68).
    pub fn read_into(
        &self,
        instrument: &Instrument,
        levels: &mut Vec<Level>,
    ) -> Result<(), VenueError> {
        let mut scanner = Scanner {
            text: self.0.as_bytes(),
            at: 0,
        };
        let start = levels.len();
        scanner.expect(b'[')?;
        if scanner.take(b']') {
            return scanner.end();
        }
        loop {
            if levels.len() - start >= LEVELS_MAX {
                return Err(VenueError::unreadable("more levels than a venue sends"));
            }
            scanner.expect(b'[')?;
            let price = scaled(scanner.string(self.0)?, instrument.price_scale, "price")?;
            scanner.expect(b',')?;
            let quantity = scaled(
                scanner.string(self.0)?,
                instrument.quantity_scale,
                "quantity",
            )?;
            if price <= 0 || quantity < 0 {
                return Err(VenueError::unreadable("a level below zero"));
            }
            levels.push(Level {
                price: ScaledPrice(price),
                quantity: ScaledQuantity(quantity),
            });
            scanner.skip_rest_of_level()?;
            if scanner.take(b']') {
                return scanner.end();
            }
            scanner.expect(b',')?;
        }
    }
}

fn scaled(text: &str, scale: u8, field: &str) -> Result<i64, VenueError> {
    scaled_from_text(text, scale)
        .map_err(|error| VenueError::unreadable(format!("{field} of a level: {error}")))
}

/// Walks an array that a JSON parser has already found to be well-formed, or fails.
struct Scanner<'a> {
    text: &'a [u8],
    at: usize,
}

impl Scanner<'_> {
    fn blank(&mut self) {
        while matches!(self.text.get(self.at), Some(b' ' | b'\n' | b'\r' | b'\t')) {
            self.at += 1;
        }
    }

    fn take(&mut self, byte: u8) -> bool {
        self.blank();
        let found = self.text.get(self.at) == Some(&byte);
        self.at += usize::from(found);
        found
    }

    fn expect(&mut self, byte: u8) -> Result<(), VenueError> {
        if self.take(byte) {
            Ok(())
        } else {
            Err(malformed())
        }
    }

    /// Returns the text of a string or number; a number's text is `source`'s, never a float's.
    fn string<'s>(&mut self, source: &'s str) -> Result<&'s str, VenueError> {
        let quoted = self.take(b'"');
        let start = self.at;
        while let Some(byte) = self.text.get(self.at) {
            let ends = if quoted {
                *byte == b'"'
            } else {
                matches!(byte, b',' | b']' | b' ')
            };
            if ends || *byte == b'\\' {
                break;
            }
            self.at += 1;
        }
        let end = self.at;
        if quoted {
            self.expect(b'"')?;
        }
        source.get(start..end).ok_or_else(malformed)
    }

    /// Skips what follows price and quantity in a level: counts, flags, an empty array.
    fn skip_rest_of_level(&mut self) -> Result<(), VenueError> {
        let mut depth = 1_u32;
        let mut quoted = false;
        while let Some(byte) = self.text.get(self.at) {
            self.at += 1;
            match byte {
                b'"' => quoted = !quoted,
                b'\\' => return Err(malformed()),
                b'[' if !quoted => depth += 1,
                b']' if !quoted => {
                    depth -= 1;
                    if depth == 0 {
                        return Ok(());
                    }
                }
                _ => {}
            }
        }
        Err(malformed())
    }

    fn end(&mut self) -> Result<(), VenueError> {
        self.blank();
        if self.at == self.text.len() {
            Ok(())
        } else {
            Err(malformed())
        }
    }
}

fn malformed() -> VenueError {
    VenueError::unreadable("levels are not an array of [price, quantity]")
}
