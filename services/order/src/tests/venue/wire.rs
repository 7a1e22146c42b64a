//! The scripted venue's side of the contract: how it takes commands and answers questions.

use chimera_runtime::fault::{Fault, Outcome};
use chimera_runtime::trace::TraceContext;

use super::*;

struct Submit {
    index: i64,
    side: common::Side,
    lots: i64,
    ticks: Option<i64>,
    tif: common::TimeInForce,
    reduce_only: bool,
    seq: u64,
    lowers_exposure: bool,
}

type Answered = (
    pb::Outcome,
    Option<pb::OutcomeDetail>,
    Option<pb::OrderReport>,
);

fn detail(reason: &str, code: &str) -> pb::OutcomeDetail {
    pb::OutcomeDetail {
        reason: reason.into(),
        venue_code: code.into(),
        venue_message: "as scripted".into(),
        ..Default::default()
    }
}

/// A failure of the call itself.
#[derive(Debug, thiserror::Error)]
#[error("as scripted")]
struct CallFailure {
    reason: &'static str,
    outcome: Option<Outcome>,
}

impl Fault for CallFailure {
    fn code(&self) -> tonic::Code {
        tonic::Code::Unavailable
    }

    fn reason(&self) -> &'static str {
        self.reason
    }

    fn facts(&self) -> Vec<(&'static str, String)> {
        self.outcome.map(Outcome::fact).into_iter().collect()
    }
}

impl Venue {
    async fn submit(&self, submit: Submit) -> Result<Answered, Status> {
        let script = self.with(|state| {
            state.submits.push(submit.index);
            let trace = TraceContext::current();
            state.traces.push(trace.map(TraceContext::trace_id));
            state.on_submit.pop_front().unwrap_or(OnSubmit::Accept)
        });
        let unknown = || {
            Ok((
                pb::Outcome::Unknown,
                Some(detail("ORDER_OUTCOME_UNKNOWN", "")),
                None,
            ))
        };
        match script {
            OnSubmit::Accept => Ok((pb::Outcome::Accepted, None, Some(self.accept(&submit)))),
            OnSubmit::Fill => {
                self.accept(&submit);
                let report = self.with(|state| {
                    let rest = submit.lots - state.orders.last().unwrap().filled;
                    state.fill(submit.index, rest);
                    let order = state.orders.last().unwrap().clone();
                    order.report(state, pb::ReportSource::Acknowledgement)
                });
                Ok((pb::Outcome::Accepted, None, Some(report)))
            }
            OnSubmit::Slow(pause) => {
                let report = self.accept(&submit);
                tokio::time::sleep(pause).await;
                Ok((pb::Outcome::Accepted, None, Some(report)))
            }
            OnSubmit::Queue(pause) => {
                let withdrawn = |state: &State| {
                    let (before, spare) = state.withdrawn;
                    submit.seq < before && !(spare && submit.lowers_exposure)
                };
                match tokio::time::timeout(pause, self.until(withdrawn)).await {
                    Ok(()) => {
                        let detail = Some(detail("TRADING_HALTED", ""));
                        Ok((pb::Outcome::NotSent, detail, None))
                    }
                    Err(_) => Ok((pb::Outcome::Accepted, None, Some(self.accept(&submit)))),
                }
            }
            OnSubmit::Reject(code) => Ok((
                pb::Outcome::Rejected,
                Some(detail("ORDER_REJECTED", code)),
                None,
            )),
            OnSubmit::LoseReply => {
                self.accept(&submit);
                unknown()
            }
            OnSubmit::LoseRequest => unknown(),
            OnSubmit::AcceptLater(after) => {
                let venue = self.clone();
                tokio::spawn(async move {
                    tokio::time::sleep(after).await;
                    venue.accept(&submit);
                });
                unknown()
            }
            OnSubmit::Duplicate => {
                self.accept(&submit);
                let said = pb::OutcomeDetail {
                    duplicate_client_id: true,
                    ..detail("ORDER_REJECTED", "-4116")
                };
                Ok((pb::Outcome::Rejected, Some(said), None))
            }
            OnSubmit::NotSent(reason) => Ok((pb::Outcome::NotSent, Some(detail(reason, "")), None)),
            OnSubmit::Break => {
                self.accept(&submit);
                Err(Status::unavailable("the connection broke"))
            }
            OnSubmit::Fail(reason) => {
                self.accept(&submit);
                let outcome = None;
                Err(CallFailure { reason, outcome }.into_status())
            }
            OnSubmit::Refuse(reason) => {
                let outcome = Some(Outcome::NotBegun);
                Err(CallFailure { reason, outcome }.into_status())
            }
        }
    }

    fn accept(&self, submit: &Submit) -> pb::OrderReport {
        self.with(|state| {
            let order = VenueOrder {
                index: submit.index,
                id: state.next_id(),
                side: submit.side,
                lots: submit.lots,
                ticks: submit.ticks.unwrap_or(10_000),
                filled: 0,
                status: pb::ReportedStatus::New,
                tif: submit.tif,
                reduce_only: submit.reduce_only,
            };
            let report = order.report(state, pb::ReportSource::Acknowledgement);
            state.take(order);
            // A market order takes what it wants at once; what it may not take ends.
            if submit.ticks.is_none() {
                state.fill(submit.index, submit.lots);
                state.end(submit.index, pb::ReportedStatus::Expired);
                let order = state.orders.last().unwrap().clone();
                return order.report(state, pb::ReportSource::Acknowledgement);
            }
            report
        })
    }

    async fn cancel(&self, index: i64) -> Answered {
        let script = self.with(|state| {
            state.cancels.push(index);
            state.on_cancel.pop_front().unwrap_or(OnCancel::Accept)
        });
        let not_found = || {
            (
                pb::Outcome::NotFound,
                Some(detail("ORDER_NOT_FOUND", "-2011")),
                None,
            )
        };
        let unknown = || {
            (
                pb::Outcome::Unknown,
                Some(detail("ORDER_OUTCOME_UNKNOWN", "")),
                None,
            )
        };
        let report = |state: &mut State| {
            let at = state.find(index).unwrap();
            let order = state.orders[at].clone();
            order.report(state, pb::ReportSource::Acknowledgement)
        };
        match script {
            OnCancel::Accept => self.with(|state| {
                if state.end(index, pb::ReportedStatus::Cancelled) {
                    (pb::Outcome::Accepted, None, Some(report(state)))
                } else {
                    not_found()
                }
            }),
            OnCancel::AcceptQuietly => self.with(|state| {
                state.end(index, pb::ReportedStatus::Cancelled);
                (pb::Outcome::Accepted, None, None)
            }),
            OnCancel::NotFound => not_found(),
            OnCancel::FillFirst => self.with(|state| {
                let at = state.find(index).unwrap();
                let rest = state.orders[at].lots - state.orders[at].filled;
                state.fill(index, rest);
                not_found()
            }),
            OnCancel::LoseReply => {
                self.with(|state| state.end(index, pb::ReportedStatus::Cancelled));
                unknown()
            }
            OnCancel::LoseRequest => unknown(),
            OnCancel::Reject => (
                pb::Outcome::Rejected,
                Some(detail("VENUE_REFUSED", "-1")),
                None,
            ),
            OnCancel::Slow(pause) => {
                tokio::time::sleep(pause).await;
                self.with(|state| {
                    if state.end(index, pb::ReportedStatus::Cancelled) {
                        (pb::Outcome::Accepted, None, Some(report(state)))
                    } else {
                        not_found()
                    }
                })
            }
        }
    }
}

type Streamed<T> = Pin<Box<dyn Stream<Item = Result<T, Status>> + Send>>;

#[tonic::async_trait]
impl ConnectorService for Venue {
    async fn list_venues(
        &self,
        _: Request<pb::ListVenuesRequest>,
    ) -> Result<Response<pb::ListVenuesResponse>, Status> {
        let aliases = [("SOL".to_owned(), SYMBOL.to_owned())].into();
        let venue = pb::VenueAccounts {
            venue: VENUE.into(),
            accounts: vec![ACCOUNT.into()],
            aliases,
        };
        Ok(Response::new(pb::ListVenuesResponse {
            venues: vec![venue],
        }))
    }

    async fn get_capabilities(
        &self,
        _: Request<pb::GetCapabilitiesRequest>,
    ) -> Result<Response<pb::GetCapabilitiesResponse>, Status> {
        Ok(Response::new(pb::GetCapabilitiesResponse {
            venue: VENUE.into(),
            validity_window: Some(prost_types::Duration {
                seconds: 5,
                nanos: 0,
            }),
            ..self.with(|state| state.offers.clone())
        }))
    }

    async fn get_instrument(
        &self,
        request: Request<pb::GetInstrumentRequest>,
    ) -> Result<Response<pb::GetInstrumentResponse>, Status> {
        let name = request.into_inner().symbol;
        if ![SYMBOL, "SOL", "SOLUSDT"].contains(&name.as_str()) {
            let error = crate::OrderError::UnknownInstrument {
                venue: VENUE.parse().unwrap(),
                symbol: name,
            };
            return Err(chimera_runtime::fault::into_status(error));
        }
        let instrument = Some(self.with(|state| state.instrument()));
        Ok(Response::new(pb::GetInstrumentResponse { instrument }))
    }

    async fn get_top_of_book(
        &self,
        _: Request<pb::GetTopOfBookRequest>,
    ) -> Result<Response<pb::GetTopOfBookResponse>, Status> {
        let top = self.with(|state| pb::TopOfBook {
            venue: VENUE.into(),
            symbol: SYMBOL.into(),
            bid_ticks: state.bid,
            bid_lots: 100,
            ask_ticks: state.ask,
            ask_lots: 100,
            instrument_version: state.version,
            stale: state.stale,
            ..Default::default()
        });
        Ok(Response::new(pb::GetTopOfBookResponse { top: Some(top) }))
    }

    async fn submit_limit_order(
        &self,
        request: Request<pb::SubmitLimitOrderRequest>,
    ) -> Result<Response<pb::SubmitLimitOrderResponse>, Status> {
        let request = request.into_inner();
        let submit = Submit {
            index: request.client_order_index,
            side: request.side(),
            lots: request.quantity_lots,
            ticks: Some(request.price_ticks),
            tif: request.time_in_force(),
            reduce_only: request.reduce_only,
            seq: request.submission_seq,
            lowers_exposure: request.lowers_exposure,
        };
        let (outcome, detail, report) = self.submit(submit).await?;
        Ok(Response::new(pb::SubmitLimitOrderResponse {
            outcome: outcome.into(),
            detail,
            report,
            sent_time: None,
        }))
    }

    async fn withdraw_submissions(
        &self,
        request: Request<pb::WithdrawSubmissionsRequest>,
    ) -> Result<Response<pb::WithdrawSubmissionsResponse>, Status> {
        let request = request.into_inner();
        self.with(|state| {
            if state.deaf {
                return Err(Status::unavailable("deaf"));
            }
            state.withdrawn = (request.before_seq, request.spare_lowering);
            Ok(Response::new(pb::WithdrawSubmissionsResponse {}))
        })
    }

    async fn submit_market_order(
        &self,
        request: Request<pb::SubmitMarketOrderRequest>,
    ) -> Result<Response<pb::SubmitMarketOrderResponse>, Status> {
        let request = request.into_inner();
        let submit = Submit {
            index: request.client_order_index,
            side: request.side(),
            lots: request.quantity_lots,
            ticks: None,
            tif: common::TimeInForce::Ioc,
            reduce_only: request.reduce_only,
            seq: request.submission_seq,
            lowers_exposure: request.lowers_exposure,
        };
        let (outcome, detail, report) = self.submit(submit).await?;
        Ok(Response::new(pb::SubmitMarketOrderResponse {
            outcome: outcome.into(),
            detail,
            report,
            sent_time: None,
        }))
    }

    async fn cancel_order(
        &self,
        request: Request<pb::CancelOrderRequest>,
    ) -> Result<Response<pb::CancelOrderResponse>, Status> {
        let (outcome, detail, report) = self.cancel(request.into_inner().client_order_index).await;
        Ok(Response::new(pb::CancelOrderResponse {
            outcome: outcome.into(),
            detail,
            report,
        }))
    }

    async fn get_order(
        &self,
        request: Request<pb::GetOrderRequest>,
    ) -> Result<Response<pb::GetOrderResponse>, Status> {
        let request = request.into_inner();
        self.with(|state| {
            state.queries.push(request.client_order_index);
            if state.down || state.failing_queries > 0 {
                state.failing_queries = state.failing_queries.saturating_sub(1);
                return Err(Status::unavailable("the venue does not answer"));
            }
            if state.blind_queries > 0 {
                state.blind_queries -= 1;
                return Ok(Response::new(pb::GetOrderResponse::default()));
            }
            let found = state
                .orders
                .iter()
                .rfind(|order| match request.client_order_index {
                    0 => order.id == request.venue_order_id,
                    index => order.index == index,
                });
            let report = found.map(|order| order.report(state, pb::ReportSource::Query));
            Ok(Response::new(pb::GetOrderResponse {
                found: report.is_some(),
                report,
            }))
        })
    }

    async fn list_open_orders(
        &self,
        _: Request<pb::ListOpenOrdersRequest>,
    ) -> Result<Response<pb::ListOpenOrdersResponse>, Status> {
        self.with(|state| {
            state.lists += 1;
            if state.down {
                return Err(Status::unavailable("the venue does not answer"));
            }
            let open = state.orders.iter().filter(|order| order.is_open());
            let orders = open
                .map(|it| it.report(state, pb::ReportSource::Query))
                .collect();
            Ok(Response::new(pb::ListOpenOrdersResponse { orders }))
        })
    }

    async fn list_fills(
        &self,
        request: Request<pb::ListFillsRequest>,
    ) -> Result<Response<pb::ListFillsResponse>, Status> {
        let request = request.into_inner();
        self.with(|state| {
            if state.down {
                return Err(Status::unavailable("the venue does not answer"));
            }
            let after: u64 = request.after_trade_id.parse().unwrap_or(0);
            let fills = state.fills.iter().filter(|fill| {
                let wanted = request.venue_order_id.is_empty()
                    || fill.venue_order_id == request.venue_order_id;
                wanted && fill.trade_id.parse::<u64>().unwrap() > after && !state.list_fills_empty
            });
            let fills = fills.cloned().map(|mut fill| {
                fill.set_source(pb::ReportSource::Query);
                if !state.lists_bear_our_ids {
                    fill.client_order_index = 0;
                }
                fill
            });
            Ok(Response::new(pb::ListFillsResponse {
                fills: fills.collect(),
                more: false,
            }))
        })
    }

    async fn get_positions(
        &self,
        _: Request<pb::GetPositionsRequest>,
    ) -> Result<Response<pb::GetPositionsResponse>, Status> {
        let pause = self.with(|state| state.slow_positions);
        tokio::time::sleep(pause).await;
        let positions = self.with(|state| {
            vec![pb::PositionReport {
                venue: VENUE.into(),
                account: ACCOUNT.into(),
                symbol: SYMBOL.into(),
                quantity: quantity(state.position_lots),
                entry_price: "0".into(),
                leverage: "10".into(),
                ..Default::default()
            }]
        });
        Ok(Response::new(pb::GetPositionsResponse { positions }))
    }

    async fn get_margin(
        &self,
        _: Request<pb::GetMarginRequest>,
    ) -> Result<Response<pb::GetMarginResponse>, Status> {
        self.with(|state| {
            if state.down {
                return Err(Status::unavailable("the venue does not answer"));
            }
            let margin = pb::MarginReport {
                venue: VENUE.into(),
                account: ACCOUNT.into(),
                asset: "USDT".into(),
                available: state.available.clone(),
                ..Default::default()
            };
            Ok(Response::new(pb::GetMarginResponse {
                margin: Some(margin),
                balances: state.balance.iter().map(|total| usdt(total)).collect(),
            }))
        })
    }

    type WatchMarketStream = Streamed<pb::WatchMarketResponse>;

    async fn watch_market(
        &self,
        _: Request<pb::WatchMarketRequest>,
    ) -> Result<Response<Self::WatchMarketStream>, Status> {
        Err(Status::unimplemented("not scripted"))
    }

    type WatchAccountStream = Streamed<pb::WatchAccountResponse>;

    async fn watch_account(
        &self,
        _: Request<pb::WatchAccountRequest>,
    ) -> Result<Response<Self::WatchAccountStream>, Status> {
        let (sender, receiver) = mpsc::unbounded_channel();
        self.with(|state| {
            if state.down {
                return Err(Status::unavailable("the venue does not answer"));
            }
            let snapshot = pb::AccountSnapshot {
                seq: state.seq,
                session: Some(state.session()),
            };
            let frame = pb::WatchAccountResponse {
                frame: Some(Frame::Snapshot(snapshot)),
            };
            let _ = sender.send(Ok(frame));
            state.streams.push(sender);
            Ok(())
        })?;
        let frames = tokio_stream::wrappers::UnboundedReceiverStream::new(receiver);
        Ok(Response::new(Box::pin(frames)))
    }

    async fn get_session(
        &self,
        _: Request<pb::GetSessionRequest>,
    ) -> Result<Response<pb::GetSessionResponse>, Status> {
        let session = Some(self.with(|state| state.session()));
        Ok(Response::new(pb::GetSessionResponse { session }))
    }
}
