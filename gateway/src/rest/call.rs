//! A REST call on its way to the service and back.

use std::sync::Arc;

use bytes::Bytes;
use chimera_runtime::fault::into_status;
use http::{HeaderMap, HeaderValue, Request, Response, header};
use http_body_util::{BodyExt, Full};
use prost_reflect::DynamicMessage;
use tonic::body::Body;
use tonic::{Code, Status};
use tower::ServiceExt;

use super::frames::{self, AnswerFault, Frames};
use super::json;
use super::schema::{Schema, ShapeId};
use super::stream::Lines;
use crate::routes::Route;

/// The headers of an HTTP request that mean the same to a service.
const FORWARDED: [&str; 3] = ["grpc-timeout", "traceparent", "tracestate"];

/// What turns a method's messages into JSON.
#[derive(Clone)]
pub(crate) struct Renderer {
    pub(crate) schema: Arc<Schema>,
    pub(crate) output: ShapeId,
}

impl Renderer {
    /// Appends the JSON of an encoded message.
    pub(crate) fn render(&self, message: Bytes, out: &mut Vec<u8>) -> Result<(), AnswerFault> {
        let descriptor = self.schema.shape(self.output).descriptor.clone();
        let message =
            DynamicMessage::decode(descriptor, message).map_err(|_| AnswerFault::Unreadable)?;
        Ok(json::write::message(
            &self.schema,
            self.output,
            &message,
            out,
        )?)
    }
}

/// Sends `message` to the method behind `route` and returns the service's answer, raw.
pub(crate) async fn send(
    route: &Route,
    headers: &HeaderMap,
    message: &DynamicMessage,
) -> Response<Body> {
    let mut request = Request::new(Body::new(Full::new(frames::encode(message))));
    *request.method_mut() = http::Method::POST;
    *request.uri_mut() = route.uri.clone();
    *request.version_mut() = http::Version::HTTP_2;
    let forwarded = request.headers_mut();
    forwarded.insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("application/grpc"),
    );
    forwarded.insert(header::TE, HeaderValue::from_static("trailers"));
    for name in FORWARDED {
        for value in headers.get_all(name) {
            forwarded.append(name, value.clone());
        }
    }
    let answer = route.channel.clone().oneshot(request).await;
    answer.unwrap_or_else(|never| match never {})
}

/// Returns the JSON answer of a unary call.
pub(crate) async fn unary(
    renderer: &Renderer,
    answer: Response<Body>,
) -> Result<Response<Body>, Status> {
    let message = collect(answer).await?;
    let mut json = Vec::with_capacity(message.len() * 4);
    renderer.render(message, &mut json).map_err(into_status)?;
    let mut answer = Response::new(Body::new(Full::new(Bytes::from(json))));
    let headers = answer.headers_mut();
    headers.insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("application/json"),
    );
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(answer)
}

/// Returns the answer of a server stream: a line a message. A stream that failed before it began is
/// an error like any other.
pub(crate) fn stream(renderer: Renderer, answer: Response<Body>) -> Result<Response<Body>, Status> {
    if let Some(status) = Status::from_header_map(answer.headers())
        && status.code() != Code::Ok
    {
        return Err(status);
    }
    let mut answer = Response::new(Body::new(Lines::new(answer.into_body(), renderer)));
    let headers = answer.headers_mut();
    headers.insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("application/x-ndjson"),
    );
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    // Proxies that hold answers back until they end would never show a line.
    headers.insert("x-accel-buffering", HeaderValue::from_static("no"));
    Ok(answer)
}

/// Returns the one message of a unary answer, or the status it failed with.
async fn collect(answer: Response<Body>) -> Result<Bytes, Status> {
    let (head, mut body) = answer.into_parts();
    if let Some(status) = Status::from_header_map(&head.headers)
        && status.code() != Code::Ok
    {
        return Err(status);
    }
    let mut frames = Frames::default();
    let mut messages = Vec::new();
    let mut ended = None;
    while let Some(frame) = body.frame().await {
        let frame = frame?;
        if let Some(data) = frame.data_ref() {
            frames.push(data);
            while let Some(message) = frames.next().map_err(into_status)? {
                messages.push(message);
            }
        } else if let Some(trailers) = frame.trailers_ref() {
            ended = Status::from_header_map(trailers);
        }
    }
    let ended = ended.or_else(|| Status::from_header_map(&head.headers));
    match ended {
        None => Err(into_status(AnswerFault::NoStatus)),
        Some(status) if status.code() != Code::Ok => Err(status),
        Some(_) => match messages.pop() {
            Some(message) if messages.is_empty() && frames.is_empty() => Ok(message),
            last => {
                let count = messages.len() + usize::from(last.is_some());
                Err(into_status(AnswerFault::Count(count)))
            }
        },
    }
}
