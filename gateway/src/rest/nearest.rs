//! What a misspelt name was most likely meant to be.

/// Longest name that is compared, in bytes: the comparison takes the product of both lengths.
const COMPARED_BYTES_MAX: usize = 128;

/// How alike two names must be to be offered, from 0 (nothing in common) to 1 (equal).
const LIKENESS_MIN: f64 = 0.5;

/// Returns the known name that is most like `name`, if any is alike enough.
pub(crate) fn nearest<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let likeness = |candidate: &'a str| (likeness(name, candidate), candidate);
    let best = known
        .into_iter()
        .map(likeness)
        .max_by(|left, right| left.0.total_cmp(&right.0));
    best.filter(|(likeness, _)| *likeness >= LIKENESS_MIN)
        .map(|(_, candidate)| candidate)
}

/// Returns how alike two names are, without regard to case; 0 for one too long to be compared.
pub(crate) fn likeness(left: &str, right: &str) -> f64 {
    if left.len() > COMPARED_BYTES_MAX {
        return 0.0;
    }
    let (left, right) = (left.to_ascii_lowercase(), right.to_ascii_lowercase());
    strsim::normalized_damerau_levenshtein(&left, &right)
}
