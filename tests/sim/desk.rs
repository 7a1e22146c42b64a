//! How a client reaches the order service: straight, or through the edge by gRPC or REST.

use bytes::Bytes;
use chimera_contracts::common::v1::OrderType;
use chimera_contracts::order::v1::order_service_client::OrderServiceClient;
use chimera_contracts::order::v1::{CancelOrderRequest, Order, OrderState, PlaceOrderRequest};
use chimera_runtime::Channel;
use http::{Request, header};
use http_body_util::{BodyExt, Full};
use serde_json::{Value, json};
use tonic::{Code, Status};
use url::Url;

use super::hosts::ACCOUNT;
use super::network::{PORT, connect, way};

/// The way that a client takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// Straight to the order service.
    Straight,
    /// gRPC through the edge.
    Edge,
    /// REST at the edge.
    Rest,
}

/// Where a client places its orders.
#[derive(Clone)]
pub enum Desk {
    /// By gRPC, straight.
    Straight(OrderServiceClient<Channel>),
    /// By gRPC through the edge.
    Edge(OrderServiceClient<Channel>),
    /// By REST.
    Rest,
}

impl Desk {
    /// Returns a desk at the end of a way.
    pub fn at(taken: Way) -> Self {
        match taken {
            Way::Straight => Self::Straight(OrderServiceClient::new(way("order"))),
            Way::Edge => Self::Edge(OrderServiceClient::new(way("gateway"))),
            Way::Rest => Self::Rest,
        }
    }

    /// Returns whether it is behind the edge.
    pub fn is_behind_edge(&self) -> bool {
        !matches!(self, Self::Straight(_))
    }

    /// Places an order.
    ///
    /// # Errors
    /// What the mesh says, or that it said nothing.
    pub async fn place(&mut self, request: PlaceOrderRequest) -> Result<Option<Order>, Status> {
        match self {
            Self::Straight(client) | Self::Edge(client) => {
                Ok(client.place_order(request).await?.into_inner().order)
            }
            Self::Rest => {
                let answer = post("/v1/orders", &order_json(&request)).await?;
                order(&answer["order"]).map(Some)
            }
        }
    }

    /// Cancels an order.
    ///
    /// # Errors
    /// What the mesh says, or that it said nothing.
    pub async fn cancel(&mut self, index: i64) -> Result<(), Status> {
        match self {
            Self::Straight(client) | Self::Edge(client) => {
                let request = CancelOrderRequest {
                    account: ACCOUNT.to_owned(),
                    client_order_index: index,
                };
                client.cancel_order(request).await.map(|_| ())
            }
            Self::Rest => {
                let path = format!("/v1/orders/{ACCOUNT}/{index}:cancel");
                post(&path, &json!({})).await.map(|_| ())
            }
        }
    }
}

/// Returns an order as a page writes it: what is not set is left out.
fn order_json(request: &PlaceOrderRequest) -> Value {
    let mut body = json!({
        "account": request.account,
        "venue": request.venue,
        "symbol": request.symbol,
        "side": request.side().as_str_name(),
        "type": request.r#type().as_str_name(),
        "quantity": request.quantity,
        "reduceOnly": request.reduce_only,
    });
    if let Some(index) = request.client_order_index {
        body["clientOrderIndex"] = json!(index.to_string());
    }
    if !request.price.is_empty() {
        body["price"] = json!(request.price);
    }
    if request.time_in_force != 0 {
        body["timeInForce"] = json!(request.time_in_force().as_str_name());
    }
    if let Some(tracking) = &request.tracking_limit {
        let text = |time: &prost_types::Duration| {
            let millis = time.seconds * 1_000 + i64::from(time.nanos) / 1_000_000;
            format!("{}.{:03}s", millis / 1_000, millis % 1_000)
        };
        body["trackingLimit"] = json!({
            "priceOffsetTicks": tracking.price_offset_ticks,
            "interval": tracking.interval.as_ref().map(text),
            "timeout": tracking.timeout.as_ref().map(text),
            "maxAttempts": tracking.max_attempts,
            "postOnly": tracking.post_only,
        });
    }
    body
}

/// Returns what a client keeps of an order that it was shown.
fn order(shown: &Value) -> Result<Order, Status> {
    let text = |name: &str| shown[name].as_str().unwrap_or_default();
    let index = text("clientOrderIndex").parse();
    let state = OrderState::from_str_name(text("state"));
    let (Ok(index), Some(state)) = (index, state) else {
        return Err(Status::internal(format!("no order was shown: {shown}")));
    };
    Ok(Order {
        client_order_index: index,
        state: state.into(),
        r#type: OrderType::from_str_name(text("type"))
            .unwrap_or_default()
            .into(),
        ..Default::default()
    })
}

async fn post(path: &str, body: &Value) -> Result<Value, Status> {
    let lost = |_| Status::unavailable("the edge did not answer");
    let base = Url::parse(&format!("http://gateway:{PORT}")).map_err(|_| Status::internal(path))?;
    let mut edge = connect(&base)
        .await
        .map_err(|error| Status::unavailable(error.to_string()))?;
    let request = Request::post(path)
        .header(header::HOST, format!("gateway:{PORT}"))
        .header(header::CONTENT_TYPE, "application/json")
        .body(Full::new(Bytes::from(body.to_string())))
        .map_err(|_| Status::internal(path))?;
    let answer = edge.send_request(request).await.map_err(lost)?;
    let (parts, body) = answer.into_parts();
    let body = body.collect().await.map_err(lost)?.to_bytes();
    let told: Value = serde_json::from_slice(&body)
        .map_err(|_| Status::unavailable("the edge did not answer in JSON"))?;
    match parts.status.is_success() {
        true => Ok(told),
        false => Err(refusal(&told["error"])),
    }
}

fn refusal(error: &Value) -> Status {
    let code = match error["status"].as_str().unwrap_or_default() {
        "INVALID_ARGUMENT" => Code::InvalidArgument,
        "FAILED_PRECONDITION" => Code::FailedPrecondition,
        "OUT_OF_RANGE" => Code::OutOfRange,
        "PERMISSION_DENIED" => Code::PermissionDenied,
        "NOT_FOUND" => Code::NotFound,
        "ALREADY_EXISTS" => Code::AlreadyExists,
        "RESOURCE_EXHAUSTED" => Code::ResourceExhausted,
        "DEADLINE_EXCEEDED" => Code::DeadlineExceeded,
        "UNAVAILABLE" => Code::Unavailable,
        _ => Code::Unknown,
    };
    Status::new(code, error["message"].as_str().unwrap_or_default())
}
