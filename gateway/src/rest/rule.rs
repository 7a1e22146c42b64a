//! The `google.api.http` annotations of a method, read from its descriptor.

use http::Method;
use prost_reflect::{DynamicMessage, ExtensionDescriptor, MethodDescriptor};

use super::template::TemplateError;

/// The extension that carries the rules.
pub(crate) const HTTP_EXTENSION: &str = "google.api.http";

/// An annotation that cannot be served.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum RuleError {
    /// The path is not of the grammar.
    #[error(transparent)]
    Template(#[from] TemplateError),
    /// A variable that names no single value of the request.
    #[error("`{{{variable}}}` in `{path}` names no single value of the request")]
    Variable {
        /// The variable.
        variable: String,
        /// The template.
        path: String,
    },
    /// A body that names no field of the request.
    #[error("the body `{field}` of `{path}` names no field of the request")]
    Body {
        /// The name given.
        field: String,
        /// The template.
        path: String,
    },
    /// A rule of a kind that the edge does not serve: a custom verb, a response body, a GET with a
    /// body.
    #[error("{0} is not served")]
    Unsupported(&'static str),
}

/// One rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct HttpRule {
    pub(crate) verb: Method,
    pub(crate) path: String,
    pub(crate) body: BodyRule,
}

/// Which part of the request is the body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum BodyRule {
    /// None.
    Nothing,
    /// `*`: all that the path does not hold.
    Everything,
    /// One field.
    Field(String),
}

/// Returns the rules of a method, additional bindings included; none when it is not annotated.
pub(crate) fn rules_of(
    method: &MethodDescriptor,
    extension: &ExtensionDescriptor,
) -> Result<Vec<HttpRule>, RuleError> {
    let options = method.options();
    if !options.has_extension(extension) {
        return Ok(Vec::new());
    }
    let annotation = options.get_extension(extension);
    let Some(annotation) = annotation.as_message() else {
        return Ok(Vec::new());
    };
    if method.is_client_streaming() {
        return Err(RuleError::Unsupported("a client stream"));
    }
    let mut rules = vec![rule(annotation)?];
    if let Some(additional) = annotation.get_field_by_name("additional_bindings") {
        let additional = additional.as_list().unwrap_or_default();
        for annotation in additional.iter().filter_map(|value| value.as_message()) {
            rules.push(rule(annotation)?);
        }
    }
    Ok(rules)
}

fn rule(annotation: &DynamicMessage) -> Result<HttpRule, RuleError> {
    let text = |name: &str| {
        let value = annotation.get_field_by_name(name);
        value
            .and_then(|value| value.as_str().map(str::to_owned))
            .unwrap_or_default()
    };
    let verbs = [
        ("get", Method::GET),
        ("put", Method::PUT),
        ("post", Method::POST),
        ("delete", Method::DELETE),
        ("patch", Method::PATCH),
    ];
    let pattern = verbs
        .into_iter()
        .find(|(name, _)| annotation.has_field_by_name(name));
    let (name, verb) = pattern.ok_or(RuleError::Unsupported("a custom verb"))?;
    if !text("response_body").is_empty() {
        return Err(RuleError::Unsupported("a response body that is one field"));
    }
    let body = match text("body").as_str() {
        "" => BodyRule::Nothing,
        "*" => BodyRule::Everything,
        field => BodyRule::Field(field.to_owned()),
    };
    if verb == Method::GET && body != BodyRule::Nothing {
        return Err(RuleError::Unsupported("a GET with a body"));
    }
    Ok(HttpRule {
        verb,
        path: text(name),
        body,
    })
}
