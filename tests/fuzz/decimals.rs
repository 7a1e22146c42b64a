//! Decimal text: what is read is read exactly, and is written so that it is read back.

use chimera_model::{
    Decimal,
    decimal::{MAX_DIGITS, scaled_from_text},
};

use super::mutation::feed;

/// Decimals of the book that texts are read into.
const SCALE: u8 = 8;

#[test]
fn no_text_is_read_as_another_number() {
    let seeds = [
        "0",
        "-0.0150",
        "1",
        "620.06",
        "1.5e-7",
        "0.0000000000000000000000000001",
        "12345678901234",
        "3.00000000000000000000000000000000000000000000000000000000000000000000",
    ]
    .map(|text| text.as_bytes().to_vec());
    let (mut strictly, mut of_a_venue) = (0, 0);
    feed("decimals", &seeds, 50_000, |bytes| {
        let Ok(text) = std::str::from_utf8(bytes) else {
            return;
        };
        // Venues pad with zeros and write exponents; what is read of them is exact all the same.
        let read = Decimal::parse_venue(text);
        let scaled = scaled_from_text(text, SCALE);
        let careful = read.clone().and_then(|number| number.to_scaled(SCALE));
        assert_eq!(scaled.ok(), careful.ok(), "{text}");
        if let Ok(number) = &read {
            of_a_venue += 1;
            assert_eq!(number.to_string().parse(), Ok(*number), "{text}");
            assert_eq!(meaning(text), meaning(&number.to_string()), "{text}");
        }
        // Ours are the plain form and nothing else.
        match text.parse::<Decimal>() {
            Ok(number) => {
                strictly += 1;
                assert!(is_plain(text), "{text} is not plain");
                assert_eq!(read, Ok(number), "{text}");
            }
            Err(_) => {
                let small = text.len() <= MAX_DIGITS as usize;
                assert!(!(small && is_plain(text)), "{text} is plain");
            }
        }
    });
    assert!(
        strictly > 100 && of_a_venue > 1_000,
        "{strictly}, {of_a_venue}"
    );
}

/// Returns sign, significant digits and power of ten: a reading that shares no code with the one
/// under test. Only for text that is a number.
fn meaning(text: &str) -> (bool, String, i64) {
    let (negative, text) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text),
    };
    let (digits, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
    let (whole, part) = digits.split_once('.').unwrap_or((digits, ""));
    let all = format!("{whole}{part}");
    let kept = all.trim_end_matches('0');
    let significant = kept.trim_start_matches('0');
    if significant.is_empty() {
        return (false, String::new(), 0);
    }
    let exponent: i64 = exponent.parse().unwrap();
    let power = exponent - part.len() as i64 + (all.len() - kept.len()) as i64;
    (negative, significant.to_owned(), power)
}

/// Returns whether a text is `-?digits(.digits)?` without leading zeros and other than `-0`.
fn is_plain(text: &str) -> bool {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let (whole, part) = digits.split_once('.').unwrap_or((digits, "0"));
    let all_digits = |text: &str| !text.is_empty() && text.bytes().all(|it| it.is_ascii_digit());
    let zero = digits.bytes().all(|it| matches!(it, b'0' | b'.'));
    let padded = whole.starts_with('0') && whole.len() > 1;
    all_digits(whole) && all_digits(part) && !padded && !(zero && text.starts_with('-'))
}
