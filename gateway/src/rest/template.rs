//! Path templates of `google.api.http`: the grammar of its documentation, compiled once.
//!
//! A path is matched as it was sent: case counts, nothing is normalised, and only the values of
//! variables are percent-decoded. A colon in the last segment that is not percent-encoded begins a
//! verb, always; so `/v1/orders/main/7:cancle` is an unknown path and never the order `7:cancle`.

use std::ops::Range;

use super::percent::{self, Part, PercentError};

/// Most segments of a path that is looked at: far above any template, far below what a header
/// holds.
const SEGMENTS_MAX: usize = 64;

/// A template that the grammar does not allow.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the path template `{template}` is not valid: {cause}")]
pub(crate) struct TemplateError {
    template: String,
    cause: &'static str,
}

/// One compiled template.
#[derive(Clone, Debug)]
pub(crate) struct Template {
    text: String,
    segments: Vec<Segment>,
    verb: Option<String>,
    variables: Vec<Variable>,
}

/// What one segment of a path must be. The order is the order of precedence.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Segment {
    /// Exactly this.
    Literal(String),
    /// One segment that is not empty: `*`.
    One,
    /// All that follow, none included: `**`.
    Rest,
}

/// A variable: the field that it names, and the segments that it stands for.
#[derive(Clone, Debug)]
struct Variable {
    field: String,
    segments: Range<usize>,
}

/// A path as it was sent, split once for all templates.
#[derive(Debug)]
pub(crate) struct Path<'a> {
    segments: Vec<&'a str>,
    verb: Option<&'a str>,
}

impl<'a> Path<'a> {
    /// Splits a path; nothing when it has more segments than any template.
    pub(crate) fn split(path: &'a str) -> Option<Self> {
        let mut segments: Vec<&str> = path
            .strip_prefix('/')?
            .split('/')
            .take(SEGMENTS_MAX + 1)
            .collect();
        if segments.len() > SEGMENTS_MAX {
            return None;
        }
        let last = segments.last_mut()?;
        let verb = last.rsplit_once(':').map(|(before, verb)| {
            *last = before;
            verb
        });
        Some(Self { segments, verb })
    }
}

impl Template {
    /// Compiles a template.
    pub(crate) fn parse(text: &str) -> Result<Self, TemplateError> {
        let refuse = |cause| TemplateError {
            template: text.to_owned(),
            cause,
        };
        let body = text
            .strip_prefix('/')
            .ok_or_else(|| refuse("it begins with a slash"))?;
        // A colon behind the last brace and the last slash begins the verb.
        let (body, verb) = match body.rsplit_once(':') {
            Some((before, verb)) if !verb.contains(['/', '}', '{']) => (before, Some(verb)),
            _ => (body, None),
        };
        if verb.is_some_and(|verb| !is_literal(verb)) {
            return Err(refuse("a verb is a word"));
        }
        let mut template = Self {
            text: text.to_owned(),
            segments: Vec::new(),
            verb: verb.map(str::to_owned),
            variables: Vec::new(),
        };
        let mut rest = body;
        loop {
            rest = template.take_part(rest).map_err(refuse)?;
            match rest.strip_prefix('/') {
                Some(after) => rest = after,
                None if rest.is_empty() => break,
                None => return Err(refuse("a slash stands between segments")),
            }
        }
        let before_last = template.segments.len() - 1;
        if template.segments[..before_last].contains(&Segment::Rest) {
            return Err(refuse("`**` is the last segment"));
        }
        let mut fields: Vec<&str> = template
            .variables
            .iter()
            .map(|variable| variable.field.as_str())
            .collect();
        fields.sort_unstable();
        if fields.windows(2).any(|pair| pair[0] == pair[1]) {
            return Err(refuse("a variable stands in it twice"));
        }
        Ok(template)
    }

    /// Reads one segment or one variable; returns what follows it.
    fn take_part<'t>(&mut self, text: &'t str) -> Result<&'t str, &'static str> {
        let Some(inside) = text.strip_prefix('{') else {
            let end = text.find('/').unwrap_or(text.len());
            self.segments.push(segment(&text[..end])?);
            return Ok(&text[end..]);
        };
        let (variable, rest) = inside.split_once('}').ok_or("a brace is not closed")?;
        let (field, pattern) = variable.split_once('=').unwrap_or((variable, "*"));
        if !field.split('.').all(is_name) {
            return Err("a variable is a path of field names");
        }
        let begin = self.segments.len();
        for part in pattern.split('/') {
            self.segments.push(segment(part)?);
        }
        let segments = begin..self.segments.len();
        self.variables.push(Variable {
            field: field.to_owned(),
            segments,
        });
        Ok(rest)
    }

    /// Returns the template as it was written.
    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    /// Returns the fields that its variables name, in the order of [`Template::values`].
    pub(crate) fn fields(&self) -> impl Iterator<Item = &str> {
        self.variables
            .iter()
            .map(|variable| variable.field.as_str())
    }

    /// Returns by what templates are ordered, so that the more exact one is tried first, and
    /// compared: two with the same key match the same paths.
    pub(crate) fn precedence(&self) -> (&[Segment], Option<&str>) {
        (&self.segments, self.verb.as_deref())
    }

    /// Returns whether `path` is of this form.
    pub(crate) fn matches(&self, path: &Path<'_>) -> bool {
        if self.verb.as_deref() != path.verb {
            return false;
        }
        let (fixed, open) = match self.segments.split_last() {
            Some((Segment::Rest, fixed)) => (fixed, true),
            _ => (self.segments.as_slice(), false),
        };
        let long_enough = match open {
            true => path.segments.len() >= fixed.len(),
            false => path.segments.len() == fixed.len(),
        };
        long_enough
            && fixed
                .iter()
                .zip(&path.segments)
                .all(|(segment, sent)| match segment {
                    Segment::Literal(literal) => literal == sent,
                    Segment::One | Segment::Rest => !sent.is_empty(),
                })
    }

    /// Returns the values of the variables, decoded, of a path that [matches](Template::matches).
    /// The error names the variable that cannot be decoded.
    pub(crate) fn values<'a>(
        &'a self,
        path: &Path<'_>,
    ) -> Result<Vec<String>, (&'a str, PercentError)> {
        let value = |variable: &'a Variable| {
            let spans_rest = self.segments[variable.segments.clone()].contains(&Segment::Rest);
            let end = if spans_rest {
                path.segments.len()
            } else {
                variable.segments.end
            };
            let sent = path
                .segments
                .get(variable.segments.start..end)
                .unwrap_or_default();
            let part = match variable.segments.len() == 1 && !spans_rest {
                true => Part::Segment,
                false => Part::SpanningSegment,
            };
            let decoded: Result<Vec<_>, _> = sent
                .iter()
                .map(|segment| percent::decode(segment, part))
                .collect();
            let decoded = decoded.map_err(|error| (variable.field.as_str(), error))?;
            Ok(decoded.join("/"))
        };
        self.variables.iter().map(value).collect()
    }
}

fn segment(text: &str) -> Result<Segment, &'static str> {
    match text {
        "*" => Ok(Segment::One),
        "**" => Ok(Segment::Rest),
        literal if is_literal(literal) => Ok(Segment::Literal(literal.to_owned())),
        _ => Err("a segment is `*`, `**`, a word or a variable"),
    }
}

/// Literals are compared with what was sent, undecoded, so they hold unreserved characters alone.
fn is_literal(text: &str) -> bool {
    let unreserved = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    !text.is_empty() && text.bytes().all(unreserved)
}

fn is_name(text: &str) -> bool {
    let valid = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    !text.is_empty() && text.bytes().all(valid)
}
