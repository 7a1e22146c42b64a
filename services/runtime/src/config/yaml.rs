//! YAML text as a tree that keeps every scalar as it was written and the line it stands on.

use saphyr_parser::{Event, Parser, ScalarStyle, ScanError, Span};

use super::{ConfigError, Place, Problem};

/// Deepest nesting; settings need four levels.
const DEPTH_MAX: usize = 32;

/// One value and where it stands.
#[derive(Debug)]
pub(super) struct Node {
    pub(super) line: usize,
    pub(super) value: Value,
}

#[derive(Debug)]
pub(super) enum Value {
    Scalar {
        text: String,
        /// Without quotes, so that it may mean a number, a truth or nothing.
        plain: bool,
    },
    Sequence(Vec<Node>),
    Mapping(Vec<(Key, Node)>),
}

#[derive(Debug)]
pub(super) struct Key {
    pub(super) line: usize,
    pub(super) text: String,
}

impl Node {
    /// Returns whether nothing stands there.
    pub(super) fn is_null(&self) -> bool {
        let Value::Scalar { text, plain: true } = &self.value else {
            return false;
        };
        matches!(text.as_str(), "" | "~" | "null" | "Null" | "NULL")
    }
}

/// Parses a text of one document.
pub(super) fn parse(text: &str) -> Result<Node, ConfigError> {
    let mut events = Events {
        parser: Parser::new_from_str(text),
        depth: 0,
    };
    let mut root = None;
    loop {
        let (event, span) = events.next()?;
        match event {
            Event::StreamEnd => break,
            Event::Nothing | Event::StreamStart | Event::DocumentStart(_) | Event::DocumentEnd => {}
            _ if root.is_some() => {
                return Err(at(
                    span,
                    Problem::Unsupported("a configuration is one document"),
                ));
            }
            event => root = Some(events.node(event, span)?),
        }
    }
    let nothing = Value::Scalar {
        text: String::new(),
        plain: true,
    };
    Ok(root.unwrap_or(Node {
        line: 0,
        value: nothing,
    }))
}

struct Events<'a> {
    parser: Parser<'a, saphyr_parser::StrInput<'a>>,
    depth: usize,
}

impl<'a> Events<'a> {
    fn next(&mut self) -> Result<(Event<'a>, Span), ConfigError> {
        match self.parser.next() {
            Some(event) => event.map_err(|error| syntax(&error)),
            None => Ok((Event::StreamEnd, Span::default())),
        }
    }

    /// Returns the value that begins with `event`.
    fn node(&mut self, event: Event<'a>, span: Span) -> Result<Node, ConfigError> {
        let refuse = |what| Err(at(span, Problem::Unsupported(what)));
        let line = span.start.line();
        let (anchor, tag) = match &event {
            Event::Scalar(_, _, anchor, tag) => (*anchor, tag.is_some()),
            Event::SequenceStart(anchor, tag) | Event::MappingStart(anchor, tag) => {
                (*anchor, tag.is_some())
            }
            Event::Alias(_) => return refuse("aliases (*name) are not allowed"),
            _ => return refuse("a value is missing"),
        };
        if anchor != 0 {
            return refuse("anchors (&name) are not allowed");
        }
        if tag {
            return refuse("tags (!name) are not allowed");
        }
        if self.depth == DEPTH_MAX {
            return refuse("values are nested too deeply");
        }
        self.depth += 1;
        let value = match event {
            Event::Scalar(text, style, ..) => Value::Scalar {
                text: text.into_owned(),
                plain: style == ScalarStyle::Plain,
            },
            Event::SequenceStart(..) => Value::Sequence(self.sequence()?),
            _ => Value::Mapping(self.mapping()?),
        };
        self.depth -= 1;
        Ok(Node { line, value })
    }

    fn sequence(&mut self) -> Result<Vec<Node>, ConfigError> {
        let mut items = Vec::new();
        loop {
            match self.next()? {
                (Event::SequenceEnd, _) => return Ok(items),
                (event, span) => items.push(self.node(event, span)?),
            }
        }
    }

    fn mapping(&mut self) -> Result<Vec<(Key, Node)>, ConfigError> {
        let mut entries: Vec<(Key, Node)> = Vec::new();
        let mut seen = std::collections::HashSet::new();
        loop {
            let (event, span) = self.next()?;
            if event == Event::MappingEnd {
                return Ok(entries);
            }
            let key = self.node(event, span)?;
            let Value::Scalar { text, .. } = key.value else {
                return Err(at(span, Problem::Unsupported("a key is one word")));
            };
            if !seen.insert(text.clone()) {
                return Err(at(span, Problem::DuplicateKey { key: text }));
            }
            let (event, span) = self.next()?;
            let value = self.node(event, span)?;
            entries.push((
                Key {
                    line: key.line,
                    text,
                },
                value,
            ));
        }
    }
}

fn at(span: Span, problem: Problem) -> ConfigError {
    let place = Place {
        line: span.start.line(),
        ..Place::default()
    };
    ConfigError { place, problem }
}

fn syntax(error: &ScanError) -> ConfigError {
    let place = Place {
        line: error.marker().line(),
        ..Place::default()
    };
    ConfigError {
        place,
        problem: Problem::Syntax(error.info().to_owned()),
    }
}
