//! A server stream as NDJSON: one message a line, sent as soon as it is there.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use chimera_runtime::fault::into_status;
use http_body::{Frame, SizeHint};
use tonic::body::Body;
use tonic::{Code, Status};

use super::call::Renderer;
use super::errors;
use super::frames::{AnswerFault, Frames};

/// The lines of a stream. Reads no further than its reader does, so that a slow reader is the
/// service's slow reader too; dropped, it ends the call.
///
/// A stream that fails ends with one line `{"error":{…}}`; without it, the end was an orderly one.
pub(super) struct Lines {
    /// Gone once the stream has ended.
    body: Option<Body>,
    frames: Frames,
    renderer: Renderer,
}

impl Lines {
    /// Returns the lines of the messages in `body`.
    pub(super) fn new(body: Body, renderer: Renderer) -> Self {
        Self {
            body: Some(body),
            frames: Frames::default(),
            renderer,
        }
    }

    /// Returns the lines of all messages that are there in full.
    fn lines(&mut self) -> Result<Vec<u8>, (Vec<u8>, AnswerFault)> {
        let mut lines = Vec::new();
        loop {
            let message = match self.frames.next() {
                Ok(Some(message)) => message,
                Ok(None) => return Ok(lines),
                Err(fault) => return Err((lines, fault)),
            };
            // A message that fails halfway leaves no half line behind.
            let before = lines.len();
            match self.renderer.render(message, &mut lines) {
                Ok(()) => lines.push(b'\n'),
                Err(fault) => {
                    lines.truncate(before);
                    return Err((lines, fault));
                }
            }
        }
    }

    /// Ends the stream behind `lines`, with a line for the error if it is one.
    fn end(&mut self, mut lines: Vec<u8>, status: &Status) -> Option<Frame<Bytes>> {
        self.body = None;
        if status.code() != Code::Ok {
            lines.extend(errors::line(status));
        }
        (!lines.is_empty()).then(|| Frame::data(lines.into()))
    }
}

impl http_body::Body for Lines {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        task: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        let this = &mut *self;
        loop {
            let Some(body) = this.body.as_mut() else {
                return Poll::Ready(None);
            };
            let end = match ready!(Pin::new(body).poll_frame(task)) {
                Some(Ok(frame)) => match (frame.data_ref(), frame.trailers_ref()) {
                    (Some(data), _) => {
                        this.frames.push(data);
                        match this.lines() {
                            Ok(lines) if lines.is_empty() => continue,
                            Ok(lines) => {
                                return Poll::Ready(Some(Ok(Frame::data(lines.into()))));
                            }
                            Err((lines, fault)) => this.end(lines, &into_status(fault)),
                        }
                    }
                    (_, Some(trailers)) => {
                        let status = Status::from_header_map(trailers);
                        let mut status =
                            status.unwrap_or_else(|| into_status(AnswerFault::NoStatus));
                        if status.code() == Code::Ok && !this.frames.is_empty() {
                            status = into_status(AnswerFault::Unreadable);
                        }
                        this.end(Vec::new(), &status)
                    }
                    _ => continue,
                },
                Some(Err(status)) => this.end(Vec::new(), &status),
                None => this.end(Vec::new(), &into_status(AnswerFault::NoStatus)),
            };
            return Poll::Ready(end.map(Ok));
        }
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_none()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::default()
    }
}
