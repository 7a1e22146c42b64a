//! An answer over HTTP, and what a script may do to one: the same for every venue.

use std::time::Duration;

use axum::body::Body;
use axum::response::Response;
use serde::Serialize;

use crate::faults::{Facts, FaultKind, Faults, Loss, VenueCode};
use crate::transport::Peer;

/// How long a lost reply keeps its connection before it is cut: longer than any client waits.
const LOST_REPLY_HOLD: Duration = Duration::from_secs(600);

const JSON: &str = "application/json";

/// What goes back.
#[derive(Debug)]
pub(crate) struct Answer {
    pub status: u16,
    pub content_type: &'static str,
    pub body: String,
    pub headers: Vec<(&'static str, String)>,
}

impl Answer {
    /// An answer with HTTP 200 whose text is JSON already.
    pub fn text(body: impl Into<String>) -> Self {
        Self {
            status: 200,
            content_type: JSON,
            body: body.into(),
            headers: Vec::new(),
        }
    }

    /// An answer with HTTP 200.
    pub fn json(value: &impl Serialize) -> Self {
        // Answers are plain structures of text and numbers; those always serialise.
        Self::text(serde_json::to_string(value).unwrap_or_else(|_| "null".to_owned()))
    }

    /// An answer of plain text.
    pub fn plain(status: u16, body: impl Into<String>) -> Self {
        Self {
            status,
            content_type: "text/plain; charset=utf-8",
            body: body.into(),
            headers: Vec::new(),
        }
    }

    /// The same answer with another HTTP status.
    pub fn with_status(self, status: u16) -> Self {
        Self { status, ..self }
    }

    fn into_response(self) -> Response {
        let mut response = Response::builder()
            .status(self.status)
            .header("content-type", self.content_type)
            .header("server", "nginx");
        for (name, value) in self.headers {
            response = response.header(name, value);
        }
        response.body(Body::from(self.body)).unwrap_or_default()
    }
}

/// A refusal that a script has ordered.
#[derive(Clone, Debug)]
pub(crate) struct Rejection {
    pub status: u16,
    pub code: VenueCode,
    pub message: String,
}

/// What a venue says in its own words where a script puts words into its mouth.
pub(crate) trait Words {
    /// Returns a refusal.
    fn refuse(&self, rejection: Rejection) -> Answer;

    /// Returns the answer that leaves an outcome unknown in this way.
    fn unknown(&self, loss: Loss) -> Answer;
}

/// What a script does to one request.
#[derive(Debug)]
pub(crate) struct Plan {
    delay_request: Option<Duration>,
    delay_reply: Option<Duration>,
    loss: Option<Loss>,
    accept: bool,
    reject: Option<Rejection>,
}

impl Plan {
    /// Takes what is in force for a request.
    pub fn take(faults: &mut Faults, facts: &Facts<'_>) -> Self {
        let mut plan = Self {
            delay_request: None,
            delay_reply: None,
            loss: None,
            accept: true,
            reject: None,
        };
        let delayed = faults.take(facts, |kind| matches!(kind, FaultKind::DelayRequest { .. }));
        if let Some(FaultKind::DelayRequest { ms }) = delayed {
            plan.delay_request = Some(Duration::from_millis(ms));
        }
        let delayed = faults.take(facts, |kind| matches!(kind, FaultKind::DelayReply { .. }));
        if let Some(FaultKind::DelayReply { ms }) = delayed {
            plan.delay_reply = Some(Duration::from_millis(ms));
        }
        let rejected = faults.take(facts, |kind| matches!(kind, FaultKind::Reject { .. }));
        if let Some(FaultKind::Reject {
            status,
            code,
            message,
        }) = rejected
        {
            plan.reject = Some(Rejection {
                status,
                code,
                message,
            });
        }
        let dropped = faults.take(facts, |kind| matches!(kind, FaultKind::DropReply { .. }));
        if let Some(FaultKind::DropReply { how, accept }) = dropped {
            plan.loss = Some(how);
            plan.accept = accept;
        }
        plan
    }

    /// Answers a request as planned; `process` is what the venue does with it.
    pub async fn carry_out(
        self,
        peer: &Peer,
        words: &impl Words,
        process: impl FnOnce() -> Answer,
    ) -> Response {
        if let Some(delay) = self.delay_request {
            tokio::time::sleep(delay).await;
        }
        let answer = match self.reject {
            Some(rejection) => words.refuse(rejection),
            None if self.loss.is_some() && !self.accept => Answer::text("{}"),
            None => process(),
        };
        if let Some(delay) = self.delay_reply {
            tokio::time::sleep(delay).await;
        }
        match self.loss {
            None => answer.into_response(),
            Some(loss) => lose(loss, answer, peer, words).await,
        }
    }
}

async fn lose(loss: Loss, answer: Answer, peer: &Peer, words: &impl Words) -> Response {
    match loss {
        Loss::Close => {
            peer.switch.cut();
            Response::default()
        }
        Loss::Timeout => {
            tokio::time::sleep(LOST_REPLY_HOLD).await;
            peer.switch.cut();
            Response::default()
        }
        Loss::ServerError | Loss::Unavailable | Loss::BackendTimeout | Loss::BackendUnknown => {
            words.unknown(loss).into_response()
        }
        Loss::Html => {
            let page = "<html>\r\n<head><title>502 Bad Gateway</title></head>\r\n<body>\r\n\
                        <center><h1>502 Bad Gateway</h1></center>\r\n</body>\r\n</html>\r\n";
            let mut answer = Answer::plain(502, page);
            answer.content_type = "text/html";
            answer.into_response()
        }
        Loss::Accepted => Answer::plain(202, "").into_response(),
        Loss::Truncated => {
            let half = answer.body.len() / 2;
            let body = String::from_utf8_lossy(&answer.body.as_bytes()[..half]).into_owned();
            Answer { body, ..answer }.into_response()
        }
    }
}
