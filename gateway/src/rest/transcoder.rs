//! All bindings of the mounted services, and the way of a request through them.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use chimera_runtime::context::CallContext;
use http::{HeaderMap, Method, Request, Response, header};
use http_body::Body as _;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use prost_reflect::DescriptorPool;
use tonic::body::Body;

use super::binding::Binding;
use super::call::{self, Renderer};
use super::errors;
use super::nearest::likeness;
use super::rule::{HTTP_EXTENSION, RuleError, rules_of};
use super::schema::{Schema, SchemaError};
use super::template::Path;
use crate::refusal::Refusal;
use crate::routes::{Route, Routes};

/// How many paths are named to whoever asks for one that is not served.
const NEAR_MAX: usize = 3;

/// How alike a path must be to be named.
const NEAR_LIKENESS_MIN: f64 = 0.4;

/// A contract whose annotations cannot be served.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TranscoderError {
    /// An annotation that cannot be compiled.
    #[error("{method}: {source}")]
    Rule {
        /// The method.
        method: Arc<str>,
        /// What is wrong with it.
        source: RuleError,
    },
    /// A message that has no JSON form here.
    #[error("{method}: {source}")]
    Schema {
        /// The method.
        method: Arc<str>,
        /// What is wrong with its messages.
        source: SchemaError,
    },
    /// Two annotations that answer the same requests.
    #[error("{first} and {second} both answer {verb} {path}")]
    Conflict {
        /// A method.
        first: Arc<str>,
        /// Another one, or the same by another binding.
        second: Arc<str>,
        /// The verb of both.
        verb: Method,
        /// The path of the second.
        path: String,
    },
}

/// What a request may cost before it is a call.
#[derive(Clone, Copy, Debug)]
pub(crate) struct BodyLimits {
    /// Most bytes of a body.
    pub(crate) bytes_max: usize,
    /// Longest that a body may take to arrive.
    pub(crate) deadline: Duration,
}

/// Answers REST requests.
pub(crate) struct Transcoder {
    schema: Arc<Schema>,
    /// The more exact path before the less exact one.
    served: Vec<Served>,
    limits: BodyLimits,
}

/// A binding and where it leads.
struct Served {
    binding: Binding,
    route: Route,
    renderer: Renderer,
}

impl Transcoder {
    /// Compiles the annotations of every service in `routes`.
    pub(crate) fn new(
        pool: &DescriptorPool,
        routes: &Routes,
        limits: BodyLimits,
    ) -> Result<Self, TranscoderError> {
        let mut schema = Schema::default();
        let mut compiled = Vec::new();
        let extension = pool.get_extension_by_name(HTTP_EXTENSION);
        for method in pool
            .services()
            .flat_map(|service| service.methods().collect::<Vec<_>>())
        {
            let (Some(route), Some(extension)) = (routes.of(&method), &extension) else {
                continue;
            };
            let label = route.label.clone();
            let broken = |source| TranscoderError::Rule {
                method: label.clone(),
                source,
            };
            let unknown = |source| TranscoderError::Schema {
                method: label.clone(),
                source,
            };
            for rule in rules_of(&method, extension).map_err(broken)? {
                let input = schema.add(&method.input()).map_err(unknown)?;
                let output = schema.add(&method.output()).map_err(unknown)?;
                let binding = Binding::compile(&schema, input, rule).map_err(broken)?;
                compiled.push((binding, route.clone(), output));
            }
        }
        compiled.sort_by(|left, right| {
            left.0
                .template
                .precedence()
                .cmp(&right.0.template.precedence())
        });
        refuse_conflicts(&compiled)?;
        let schema = Arc::new(schema);
        let served = compiled.into_iter().map(|(binding, route, output)| {
            let renderer = Renderer {
                schema: schema.clone(),
                output,
            };
            Served {
                binding,
                route,
                renderer,
            }
        });
        Ok(Self {
            served: served.collect(),
            schema,
            limits,
        })
    }

    /// Returns what is served, as `(method, verb, path)`.
    pub(crate) fn served(&self) -> impl Iterator<Item = (&str, &Method, &str)> {
        self.served.iter().map(|served| {
            (
                &*served.route.label,
                &served.binding.verb,
                served.binding.template.text(),
            )
        })
    }

    /// Answers one request. The call runs in what `context` returns for a method, told whether it
    /// is unary. The label of the method comes back too, for the metrics.
    pub(crate) async fn answer(
        &self,
        request: Request<Body>,
        context: impl Fn(bool) -> CallContext,
    ) -> (Option<Arc<str>>, Response<Body>) {
        let (head, body) = request.into_parts();
        let found = Path::split(head.uri.path())
            .ok_or_else(|| Refusal::UnknownPath { near: Vec::new() })
            .and_then(|path| {
                self.find(&head.method, head.uri.path(), &path)
                    .map(|it| (it, path))
            });
        let (served, path) = match found {
            Ok(found) => found,
            Err(refusal) => return (None, errors::refuse(refusal)),
        };
        let label = Some(served.route.label.clone());
        let message = match self.read_body(served, &head.headers, body).await {
            Ok(body) => served
                .binding
                .request(&self.schema, &path, head.uri.query(), &body),
            Err(refusal) => Err(refusal),
        };
        let message = match message {
            Ok(message) => message,
            Err(refusal) => return (label, errors::refuse(refusal)),
        };
        let called = async {
            let answer = call::send(&served.route, &head.headers, &message).await;
            match served.route.streams {
                true => call::stream(served.renderer.clone(), answer),
                false => call::unary(&served.renderer, answer).await,
            }
        };
        let answer = context(!served.route.streams).scope(called).await;
        (
            label,
            answer.unwrap_or_else(|status| errors::answer(&status)),
        )
    }

    fn find(&self, verb: &Method, text: &str, path: &Path<'_>) -> Result<&Served, Refusal> {
        let matching = || {
            self.served
                .iter()
                .filter(|served| served.binding.template.matches(path))
        };
        if let Some(served) = matching().find(|served| served.binding.verb == *verb) {
            return Ok(served);
        }
        let mut allowed: Vec<&str> = matching()
            .map(|served| served.binding.verb.as_str())
            .collect();
        allowed.sort_unstable();
        allowed.dedup();
        if allowed.is_empty() {
            return Err(Refusal::UnknownPath {
                near: self.near(text),
            });
        }
        Err(Refusal::WrongVerb {
            allow: allowed.join(", "),
        })
    }

    /// Returns the paths that look most like `path`.
    fn near(&self, path: &str) -> Vec<String> {
        let scored = self.served.iter().map(|served| {
            let template = served.binding.template.text();
            (
                likeness(path, template),
                served.binding.verb.as_str(),
                template,
            )
        });
        let mut scored: Vec<_> = scored
            .filter(|(score, ..)| *score >= NEAR_LIKENESS_MIN)
            .collect();
        scored.sort_by(|left, right| right.0.total_cmp(&left.0));
        let named = scored.into_iter().take(NEAR_MAX);
        named
            .map(|(_, verb, template)| format!("{verb} {template}"))
            .collect()
    }

    /// Reads the body within its limits, and refuses one that is not for this method.
    async fn read_body(
        &self,
        served: &Served,
        headers: &HeaderMap,
        body: Body,
    ) -> Result<Bytes, Refusal> {
        let BodyLimits {
            bytes_max,
            deadline,
        } = self.limits;
        let too_large = || Refusal::BodyTooLarge { limit: bytes_max };
        if body.is_end_stream() {
            return Ok(Bytes::new());
        }
        if body.size_hint().lower() > bytes_max as u64 {
            return Err(too_large());
        }
        check_media(headers)?;
        let collected = tokio::time::timeout(deadline, Limited::new(body, bytes_max).collect());
        let bytes = match collected.await {
            Err(_) => return Err(Refusal::BodyTooSlow),
            Ok(Err(error)) if error.is::<LengthLimitError>() => return Err(too_large()),
            Ok(Err(_)) => return Err(Refusal::Framing("the body ended before its end")),
            Ok(Ok(collected)) => collected.to_bytes(),
        };
        if !bytes.is_empty() && !served.binding.takes_body() {
            return Err(Refusal::UnexpectedBody);
        }
        Ok(bytes)
    }
}

/// Two bindings of one verb whose paths are told apart by nothing.
fn refuse_conflicts<T>(compiled: &[(Binding, Route, T)]) -> Result<(), TranscoderError> {
    for (index, (binding, route, ..)) in compiled.iter().enumerate() {
        let key = binding.template.precedence();
        let rival = compiled[..index]
            .iter()
            .find(|(other, ..)| other.verb == binding.verb && other.template.precedence() == key);
        if let Some((_, rival, ..)) = rival {
            return Err(TranscoderError::Conflict {
                first: rival.label.clone(),
                second: route.label.clone(),
                verb: binding.verb.clone(),
                path: binding.template.text().to_owned(),
            });
        }
    }
    Ok(())
}

/// Refuses a body that is not plain JSON. A page of another origin can send only other types
/// without asking first.
fn check_media(headers: &HeaderMap) -> Result<(), Refusal> {
    let valid = "send application/json";
    let json = headers
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok());
    let json = json.map(|value| value.split(';').next().unwrap_or_default().trim());
    if !json.is_some_and(|json| json.eq_ignore_ascii_case("application/json")) {
        return Err(Refusal::Media {
            header: "content-type",
            valid,
        });
    }
    let encoding = headers.get(header::CONTENT_ENCODING);
    if encoding.is_some_and(|encoding| encoding != "identity") {
        return Err(Refusal::Media {
            header: "content-encoding",
            valid: "send the body as it is",
        });
    }
    Ok(())
}
