//! Pages of lists: their tokens, and fills read from the journal.

use chimera_contracts::order::v1 as pb;
use chimera_model::ClientOrderIndex;

use crate::difference::identify;
use crate::error::OrderError;
use crate::handle::Handle;
use crate::journal_log::{Body, Logged, is_fill};
use crate::key::OrderKey;
use crate::watch::{Filter, Token};

/// Entries of a page when the caller does not say.
const PAGE_SIZE: usize = 100;

/// Entries of a page at most.
const PAGE_SIZE_MAX: usize = 1_000;

/// Records read for one page of fills: a page ends early rather than read a long journal for a rare
/// fill, and the next one goes on.
const RECORDS_MAX: u64 = 100_000;

/// Returns how many entries a page is to have.
pub(crate) fn size(asked: i32) -> Result<usize, OrderError> {
    match usize::try_from(asked) {
        Ok(0) => Ok(PAGE_SIZE),
        Ok(size) if size <= PAGE_SIZE_MAX => Ok(size),
        _ => Err(OrderError::field(
            "page_size",
            "1 to 1,000; 100 when absent",
        )),
    }
}

/// Returns a page token for a place in a list of one filter.
pub(crate) fn write(place: &str, check: &str) -> String {
    format!("{}.{place}", identify(&["order-page", place, check]))
}

fn read<'a>(token: &'a str, check: &str) -> Result<&'a str, OrderError> {
    let (mark, place) = token.split_once('.').ok_or(OrderError::InvalidPageToken)?;
    if mark != identify(&["order-page", place, check]) {
        return Err(OrderError::InvalidPageToken);
    }
    Ok(place)
}

/// Returns the text that ties a token to the filter of a list of orders.
pub(crate) fn orders_check(request: &pb::ListOrdersRequest) -> String {
    format!(
        "orders/{}/{}/{}/{:?}/{}",
        request.account,
        request.venue,
        request.symbol,
        request.states,
        request.parent_client_order_index
    )
}

/// Returns the order that a page begins after.
pub(crate) fn orders_before(
    request: &pb::ListOrdersRequest,
) -> Result<Option<OrderKey>, OrderError> {
    if request.page_token.is_empty() {
        return Ok(None);
    }
    let place = read(&request.page_token, &orders_check(request))?;
    OrderKey::parse(place)
        .map(Some)
        .ok_or(OrderError::InvalidPageToken)
}

/// Which fills to list.
#[derive(Debug, Clone)]
pub(crate) struct Fills {
    filter: Filter,
    index: Option<ClientOrderIndex>,
    count: usize,
    after: u64,
    check: String,
}

/// Reads a request for fills.
pub(crate) fn fills(request: &pb::ListFillsRequest) -> Result<Fills, OrderError> {
    let filter = crate::requests::filter(&request.account, &request.venue, &request.symbol)?;
    let index = match request.client_order_index {
        0 => None,
        index => {
            let field = "client_order_index";
            Some(ClientOrderIndex::new(index).map_err(|error| OrderError::id(field, &error))?)
        }
    };
    let check = format!(
        "fills/{}/{}/{}/{}",
        request.account, request.venue, request.symbol, request.client_order_index
    );
    let after = match request.page_token.as_str() {
        "" => 0,
        token => read(token, &check)?
            .parse()
            .map_err(|_| OrderError::InvalidPageToken)?,
    };
    Ok(Fills {
        filter,
        index,
        count: size(request.page_size)?,
        after,
        check,
    })
}

/// Reads a page of fills from the journal, which has every one of them.
pub(crate) async fn list_fills(
    orders: &Handle,
    wanted: Fills,
) -> Result<pb::ListFillsResponse, OrderError> {
    let (epoch, last) = orders.mark().await?;
    let mut page = pb::ListFillsResponse::default();
    let (mut at, until) = (wanted.after, wanted.after.saturating_add(RECORDS_MAX));
    while at < last && at < until {
        let batch = orders
            .store
            .read(at + 1)
            .await
            .map_err(|_| OrderError::JournalFailed)?;
        if batch.is_empty() {
            break;
        }
        for placed in batch.into_iter().filter(|placed| placed.seq <= last) {
            at = placed.seq;
            if !is_fill(&placed.record) {
                continue;
            }
            if let Some(fill) = fill_in(orders, &wanted, &placed).await? {
                page.fills.push(fill);
            }
            if page.fills.len() == wanted.count {
                page.next_page_token = write(&at.to_string(), &wanted.check);
                return Ok(page);
            }
        }
    }
    if at < last {
        page.next_page_token = write(&at.to_string(), &wanted.check);
    } else {
        page.resume_token = Token { seq: last }.text(&epoch, &wanted.filter);
    }
    Ok(page)
}

/// Returns the fill that a record books, when it is wanted.
async fn fill_in(
    orders: &Handle,
    wanted: &Fills,
    placed: &crate::store::Placed,
) -> Result<Option<pb::Fill>, OrderError> {
    let logged = Logged::decode(&placed.record)
        .map_err(|_| OrderError::Internal("a record cannot be read"))?;
    let (Some(key), Body::Event { event, .. }) = (logged.key, &logged.body) else {
        return Ok(None);
    };
    let other_account = wanted
        .filter
        .account
        .is_some_and(|account| account != key.account());
    if other_account || wanted.index.is_some_and(|index| key.index() != Some(index)) {
        return Ok(None);
    }
    let (chimera_model::order::Event::Fill(fill) | chimera_model::order::Event::Restated(fill)) =
        event
    else {
        return Ok(None);
    };
    let Some(entry) = orders.recorded(&key).await? else {
        return Ok(None);
    };
    let spec = entry.order.spec();
    let other = wanted.filter.venue.is_some_and(|venue| venue != spec.venue)
        || wanted
            .filter
            .symbol
            .is_some_and(|symbol| symbol != spec.symbol);
    Ok((!other).then(|| crate::render::fill(&entry, fill, placed.seq)))
}
