//! One rule of `google.api.http`, compiled: which path and verb it answers, and how path, query and
//! body become the method's request.

use std::collections::HashSet;

use http::Method;
use prost_reflect::{DynamicMessage, Value};

use super::json::{self, Json};
use super::percent::{self, Part};
use super::rule::{BodyRule, HttpRule, RuleError};
use super::schema::{Field, Form, Repetition, Schema, Shape, ShapeId, ValueKind};
use super::template::{Path, Template};
use crate::refusal::Refusal;

/// Deepest field that a query key can name: more than the contract nests, little enough to walk.
const QUERY_DEPTH_MAX: usize = 16;

/// One way to call one method.
pub(crate) struct Binding {
    pub(crate) verb: Method,
    pub(crate) template: Template,
    pub(crate) input: ShapeId,
    body: Body,
}

/// What of the request the body holds.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Body {
    Nothing,
    Everything,
    /// The field of this JSON name.
    Field(String),
}

impl Binding {
    /// Compiles a rule for a method that takes `input`.
    pub(crate) fn compile(
        schema: &Schema,
        input: ShapeId,
        rule: HttpRule,
    ) -> Result<Self, RuleError> {
        let template = Template::parse(&rule.path)?;
        let shape = schema.shape(input);
        for variable in template.fields() {
            let scalar = leaf(schema, shape, variable).is_some_and(|field| {
                matches!(field.repetition, Repetition::Single)
                    && field.scale.is_none()
                    && !is_object(schema, &field.kind)
            });
            if !scalar {
                return Err(RuleError::Variable {
                    variable: variable.to_owned(),
                    path: rule.path,
                });
            }
        }
        let body = match rule.body {
            BodyRule::Nothing => Body::Nothing,
            BodyRule::Everything => Body::Everything,
            BodyRule::Field(name) => match shape.field(&name) {
                Some(field) if field.scale.is_none() => Body::Field(field.json_name.clone()),
                _ => {
                    return Err(RuleError::Body {
                        field: name,
                        path: rule.path,
                    });
                }
            },
        };
        Ok(Self {
            verb: rule.verb,
            template,
            input,
            body,
        })
    }

    /// Returns whether a body is read at all.
    pub(crate) fn takes_body(&self) -> bool {
        self.body != Body::Nothing
    }

    /// Returns the method's request as path, query and body say it.
    pub(crate) fn request(
        &self,
        schema: &Schema,
        path: &Path<'_>,
        query: Option<&str>,
        body: &[u8],
    ) -> Result<DynamicMessage, Refusal> {
        let shape = schema.shape(self.input);
        let mut message = self.read_body(schema, shape, body)?;
        self.read_query(schema, shape, query.unwrap_or_default(), &mut message)?;
        self.read_path(schema, shape, path, &mut message)?;
        Ok(message)
    }

    fn read_body(
        &self,
        schema: &Schema,
        shape: &Shape,
        body: &[u8],
    ) -> Result<DynamicMessage, Refusal> {
        let empty = || DynamicMessage::new(shape.descriptor.clone());
        if body.is_empty() {
            return Ok(empty());
        }
        let json = Json::parse(body).map_err(|error| Refusal::Syntax(error.to_string()))?;
        match &self.body {
            Body::Nothing => Err(Refusal::UnexpectedBody),
            Body::Everything => match json {
                Json::Object(_) => json::read::message(schema, self.input, json),
                other => Err(Refusal::Syntax(format!(
                    "{} where an object belongs",
                    other.describe()
                ))),
            },
            Body::Field(name) => {
                let object = Json::Object(vec![(name.clone(), json)]);
                json::read::message(schema, self.input, object)
            }
        }
    }

    fn read_query(
        &self,
        schema: &Schema,
        shape: &Shape,
        query: &str,
        message: &mut DynamicMessage,
    ) -> Result<(), Refusal> {
        let mut seen = HashSet::new();
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
            let key = percent::decode(key, Part::Query)
                .map_err(|error| Refusal::misplaced("query", format!("a key {error}")))?;
            let value = percent::decode(value, Part::Query)
                .map_err(|error| Refusal::misplaced(key.as_ref(), error.to_string()))?;
            let field = leaf(schema, shape, &key).ok_or_else(|| no_such(schema, shape, &key))?;
            let name = canonical(schema, shape, &key);
            self.may_stand_in_query(schema, shape, &key, &name)?;
            let repeated = matches!(field.repetition, Repetition::List);
            if !seen.insert(name) && !repeated {
                return Err(Refusal::misplaced(key, "stands twice; it holds one value"));
            }
            if matches!(field.repetition, Repetition::Map(_))
                || field.scale.is_some()
                || is_object(schema, &field.kind)
            {
                return Err(Refusal::misplaced(key, "cannot be given in a query"));
            }
            let value = json::read::text(schema, &field.kind, &value)
                .map_err(|refusal| refusal.within(&key))?;
            let holder = holder(schema, shape, &key, message)?;
            match repeated {
                true => match holder.get_field_mut(&field.descriptor) {
                    Value::List(items) => items.push(value),
                    other => *other = Value::List(vec![value]),
                },
                false => holder.set_field(&field.descriptor, value),
            }
        }
        Ok(())
    }

    /// Refuses what the path or the body holds already: a second word on it would be lost.
    fn may_stand_in_query(
        &self,
        schema: &Schema,
        shape: &Shape,
        key: &str,
        name: &str,
    ) -> Result<(), Refusal> {
        if self
            .template
            .fields()
            .any(|variable| canonical(schema, shape, variable) == name)
        {
            return Err(Refusal::misplaced(
                key,
                "is given by the path, not by the query",
            ));
        }
        let in_body = match &self.body {
            Body::Nothing => false,
            Body::Everything => true,
            Body::Field(field) => name.split('.').next() == Some(field),
        };
        if in_body {
            return Err(Refusal::misplaced(
                key,
                "belongs into the body, not into the query",
            ));
        }
        Ok(())
    }

    fn read_path(
        &self,
        schema: &Schema,
        shape: &Shape,
        path: &Path<'_>,
        message: &mut DynamicMessage,
    ) -> Result<(), Refusal> {
        let values = self.template.values(path);
        let values = values.map_err(|(name, error)| Refusal::misplaced(name, error.to_string()))?;
        for (variable, text) in self.template.fields().zip(values) {
            // Compiled only when every variable names a field.
            let Some(field) = leaf(schema, shape, variable) else {
                continue;
            };
            let value = json::read::text(schema, &field.kind, &text)
                .map_err(|refusal| refusal.within(variable))?;
            let holder = holder(schema, shape, variable, message)?;
            if holder.has_field(&field.descriptor) && *holder.get_field(&field.descriptor) != value
            {
                return Err(Refusal::misplaced(
                    variable,
                    "differs between the path and the body",
                ));
            }
            holder.set_field(&field.descriptor, value);
        }
        Ok(())
    }
}

fn is_object(schema: &Schema, kind: &ValueKind) -> bool {
    matches!(kind, ValueKind::Message(id) if schema.shape(*id).form == Form::Object)
}

/// Returns the shape that a single message field leads to.
fn below<'a>(schema: &'a Schema, field: &Field) -> Option<&'a Shape> {
    match (&field.repetition, &field.kind) {
        (Repetition::Single, ValueKind::Message(id)) => {
            let shape = schema.shape(*id);
            (shape.form == Form::Object).then_some(shape)
        }
        _ => None,
    }
}

/// Returns the field at the end of a dotted path.
fn leaf<'a>(schema: &'a Schema, shape: &'a Shape, path: &str) -> Option<&'a Field> {
    if path.split('.').count() > QUERY_DEPTH_MAX {
        return None;
    }
    let (mut shape, mut found) = (Some(shape), None);
    for name in path.split('.') {
        let field = shape?.field(name)?;
        shape = below(schema, field);
        found = Some(field);
    }
    found
}

/// Returns the path with JSON names alone, so that two spellings of one field are one.
fn canonical(schema: &Schema, shape: &Shape, path: &str) -> String {
    let mut shape = Some(shape);
    let names = path.split('.').map(|name| {
        let field = shape.and_then(|shape| shape.field(name));
        shape = field.and_then(|field| below(schema, field));
        field.map_or(name, |field| field.json_name.as_str())
    });
    names.collect::<Vec<_>>().join(".")
}

/// Returns the refusal of a path that leads to no field, with the nearest name where it goes
/// astray.
fn no_such(schema: &Schema, shape: &Shape, path: &str) -> Refusal {
    let mut shape = shape;
    let mut before = String::new();
    for name in path.split('.').take(QUERY_DEPTH_MAX) {
        let Some(field) = shape.field(name) else {
            let refusal = json::read::unknown(shape, name);
            return if before.is_empty() {
                refusal
            } else {
                refusal.within(&before)
            };
        };
        if !before.is_empty() {
            before.push('.');
        }
        before.push_str(name);
        match below(schema, field) {
            Some(next) => shape = next,
            None => break,
        }
    }
    Refusal::misplaced(path, format!("`{before}` has no fields"))
}

/// Returns the message that holds the field at the end of `path`, made where it is absent.
fn holder<'m>(
    schema: &Schema,
    shape: &Shape,
    path: &str,
    message: &'m mut DynamicMessage,
) -> Result<&'m mut DynamicMessage, Refusal> {
    let (mut shape, mut message) = (shape, message);
    let mut names = path.split('.').peekable();
    while let Some(name) = names.next() {
        let Some(field) = shape.field(name) else {
            break;
        };
        if let Some(rival) = field.rivals.iter().find(|rival| message.has_field(rival)) {
            let rival = rival.json_name();
            let cause = format!("cannot stand beside `{rival}`: they exclude each other");
            return Err(Refusal::misplaced(path, cause));
        }
        if names.peek().is_none() {
            break;
        }
        let Some(next) = below(schema, field) else {
            break;
        };
        shape = next;
        // `below` says that this field is a single message.
        match message.get_field_mut(&field.descriptor).as_message_mut() {
            Some(nested) => message = nested,
            None => unreachable!("a field of message type holds a message"),
        }
    }
    Ok(message)
}
