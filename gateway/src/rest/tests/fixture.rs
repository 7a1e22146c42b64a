//! The test contract, compiled.

use std::sync::LazyLock;

use http::Method;
use prost_reflect::{DescriptorPool, DynamicMessage};

use crate::refusal::Refusal;
use crate::rest::binding::Binding;
use crate::rest::json::{self, Json};
use crate::rest::rule::{HTTP_EXTENSION, rules_of};
use crate::rest::schema::{Schema, ShapeId};
use crate::rest::template::Path;

const HERE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/src/rest/tests");
const PROTO: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../proto");

/// The descriptors of `edge.proto` and what it imports.
pub(super) fn pool() -> DescriptorPool {
    let mut compiler = protox::Compiler::new([HERE, PROTO]).unwrap();
    compiler
        .include_imports(true)
        .open_file("edge.proto")
        .unwrap();
    DescriptorPool::decode(compiler.encode_file_descriptor_set().as_slice()).unwrap()
}

/// The one method of the test contract, ready for requests.
pub(super) struct Fixture {
    pub(super) schema: Schema,
    pub(super) everything: ShapeId,
    bindings: Vec<Binding>,
}

pub(super) static FIXTURE: LazyLock<Fixture> = LazyLock::new(|| {
    let pool = pool();
    let method = pool.services().next().unwrap().methods().next().unwrap();
    let extension = pool.get_extension_by_name(HTTP_EXTENSION).unwrap();
    let mut schema = Schema::default();
    let everything = schema.add(&method.input()).unwrap();
    let bindings = rules_of(&method, &extension)
        .unwrap()
        .into_iter()
        .map(|rule| Binding::compile(&schema, everything, rule).unwrap())
        .collect();
    Fixture {
        schema,
        everything,
        bindings,
    }
});

impl Fixture {
    /// Returns the message of one request, found and bound as the edge does it.
    pub(super) fn bind(
        &self,
        verb: Method,
        target: &str,
        body: &str,
    ) -> Result<DynamicMessage, Refusal> {
        let (path, query) = match target.split_once('?') {
            Some((path, query)) => (path, Some(query)),
            None => (target, None),
        };
        let path = Path::split(path).unwrap();
        let matching = |it: &&Binding| it.verb == verb && it.template.matches(&path);
        let binding = self
            .bindings
            .iter()
            .find(matching)
            .expect("a binding of this path");
        binding.request(&self.schema, &path, query, body.as_bytes())
    }

    pub(super) fn read(&self, text: &str) -> Result<DynamicMessage, Refusal> {
        let json = Json::parse(text.as_bytes()).map_err(|it| Refusal::Syntax(it.to_string()))?;
        json::read::message(&self.schema, self.everything, json)
    }

    pub(super) fn write(&self, message: &DynamicMessage) -> String {
        let mut out = Vec::new();
        json::write::message(&self.schema, self.everything, message, &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }
}

/// Returns the field at the end of a dotted path as text.
pub(super) fn at(message: &DynamicMessage, path: &str) -> String {
    let (name, rest) = path.split_once('.').unwrap_or((path, ""));
    let value = message
        .get_field_by_name(name)
        .expect("a field of this name")
        .into_owned();
    match value.as_message() {
        Some(nested) if !rest.is_empty() => at(nested, rest),
        _ => value.to_string(),
    }
}
