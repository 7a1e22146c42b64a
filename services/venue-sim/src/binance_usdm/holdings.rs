//! Balances, positions, margin and settings over REST.

use serde::Serialize;
use serde_json::json;

use super::error::ApiError;
use super::format;
use super::holdings_wire::{AccountV2, AccountV3, Balance, PositionRiskV2, PositionRiskV3};
use super::rest::{Answer, Call, answer};
use crate::exchange::{Income, IncomeKind, InstrumentId};

pub(super) fn balance(call: &mut Call<'_>) -> Result<Answer, ApiError> {
    let account = call.account()?;
    Ok(answer(&[Balance::new(&call.core.exchange, account)]))
}

pub(super) fn account_v2(call: &mut Call<'_>) -> Result<Answer, ApiError> {
    let account = call.account()?;
    Ok(answer(&AccountV2::new(&call.core.exchange, account)))
}

pub(super) fn account_v3(call: &mut Call<'_>) -> Result<Answer, ApiError> {
    let account = call.account()?;
    Ok(answer(&AccountV3::new(&call.core.exchange, account)))
}

/// Version 2 lists every symbol.
pub(super) fn position_risk_v2(call: &mut Call<'_>) -> Result<Answer, ApiError> {
    let account = call.account()?;
    let named = call.maybe_instrument()?;
    let exchange = &call.core.exchange;
    let ids = (0..exchange.instruments().len()).filter(|id| named.is_none_or(|named| named == *id));
    let views = ids.map(|id| PositionRiskV2::new(exchange, account, id));
    Ok(answer(&views.collect::<Vec<_>>()))
}

/// Version 3 lists symbols with a position or an open order.
pub(super) fn position_risk_v3(call: &mut Call<'_>) -> Result<Answer, ApiError> {
    let account = call.account()?;
    let named = call.maybe_instrument()?;
    let exchange = &call.core.exchange;
    let in_use = |id: &InstrumentId| {
        !exchange.account(account).position(*id).quantity.is_zero()
            || exchange
                .open_orders(account)
                .any(|order| order.terms.instrument == *id)
    };
    let ids = (0..exchange.instruments().len())
        .filter(|id| named.is_none_or(|named| named == *id))
        .filter(in_use);
    let views = ids.map(|id| PositionRiskV3::new(exchange, account, id));
    Ok(answer(&views.collect::<Vec<_>>()))
}

pub(super) fn set_leverage(call: &mut Call<'_>) -> Result<Answer, ApiError> {
    let (account, id) = (call.account()?, call.instrument()?);
    call.params.need("leverage")?;
    let wanted = call.params.integer("leverage")?.unwrap_or_default();
    let exchange = &mut call.core.exchange;
    let most = exchange.instrument(id).max_leverage();
    let leverage = u32::try_from(wanted)
        .ok()
        .filter(|wanted| (1..=most).contains(wanted));
    let invalid = || ApiError::bad(-4028, format!("Leverage {wanted} is not valid"));
    let leverage = leverage.ok_or_else(invalid)?;
    let mut exposure = exchange.exposure(account, id);
    let before = exposure.initial_margin();
    exposure.leverage = leverage;
    if exposure.position.abs() > exchange.instrument(id).cap_at(leverage) {
        let text = "Exceeded the maximum allowable position at current leverage.";
        return Err(ApiError::bad(-2027, text));
    }
    let more = exposure.initial_margin() - before;
    if more > exchange.margin(account).available() {
        let text = "Leverage is smaller than permitted: insufficient margin balance";
        return Err(ApiError::bad(-2028, text));
    }
    exchange.set_leverage(call.now_ms, account, id, leverage);
    let instrument = exchange.instrument(id);
    let cap = instrument.cap_at(leverage).normalize().to_string();
    #[derive(Serialize)]
    #[serde(rename_all = "camelCase")]
    struct Leverage<'a> {
        symbol: &'a str,
        leverage: u32,
        max_notional_value: String,
    }
    Ok(answer(&Leverage {
        symbol: &instrument.symbol,
        leverage,
        max_notional_value: cap,
    }))
}

/// Only cross margin is simulated.
pub(super) fn set_margin(call: &mut Call<'_>) -> Result<Answer, ApiError> {
    call.instrument()?;
    match call.params.need("marginType")? {
        "CROSSED" => Err(ApiError::bad(-4046, "No need to change margin type.")),
        "ISOLATED" => Err(ApiError::unsupported()),
        _ => Err(ApiError::bad(
            -1128,
            "Combination of optional parameters invalid.",
        )),
    }
}

pub(super) fn position_mode(call: &mut Call<'_>) -> Result<Answer, ApiError> {
    let hedge = call.core.exchange.account(call.account()?).hedge;
    Ok(answer(&json!({ "dualSidePosition": hedge })))
}

/// Only one position an instrument is simulated; a script may still show an account as hedged.
pub(super) fn set_position_mode(call: &mut Call<'_>) -> Result<Answer, ApiError> {
    let account = call.account()?;
    call.params.need("dualSidePosition")?;
    let wanted = call.params.flag("dualSidePosition")?.unwrap_or_default();
    let holder = call.core.exchange.account(account);
    if holder.hedge == wanted {
        return Err(ApiError::bad(-4059, "No need to change position side."));
    }
    if !holder.open.is_empty() {
        let text = "Position side cannot be changed if there exists open orders.";
        return Err(ApiError::bad(-4067, text));
    }
    if holder
        .positions
        .values()
        .any(|position| !position.quantity.is_zero())
    {
        let text = "Position side cannot be changed if there exists position.";
        return Err(ApiError::bad(-4068, text));
    }
    if wanted {
        return Err(ApiError::unsupported());
    }
    call.core.exchange.account_mut(account).hedge = false;
    Ok(answer(&json!({ "code": 200, "msg": "success" })))
}

pub(super) fn multi_assets(_: &mut Call<'_>) -> Result<Answer, ApiError> {
    Ok(answer(&json!({ "multiAssetsMargin": false })))
}

pub(super) fn account_config(call: &mut Call<'_>) -> Result<Answer, ApiError> {
    #[derive(Serialize)]
    #[serde(rename_all = "camelCase")]
    struct Config {
        fee_tier: u32,
        can_trade: bool,
        can_deposit: bool,
        can_withdraw: bool,
        dual_side_position: bool,
        update_time: u64,
        multi_assets_margin: bool,
        trade_group_id: i64,
    }
    let hedge = call.core.exchange.account(call.account()?).hedge;
    Ok(answer(&Config {
        fee_tier: 0,
        can_trade: true,
        can_deposit: true,
        can_withdraw: true,
        dual_side_position: hedge,
        update_time: 0,
        multi_assets_margin: false,
        trade_group_id: -1,
    }))
}

pub(super) fn symbol_config(call: &mut Call<'_>) -> Result<Answer, ApiError> {
    #[derive(Serialize)]
    #[serde(rename_all = "camelCase")]
    struct Config {
        symbol: String,
        margin_type: &'static str,
        is_auto_add_margin: bool,
        leverage: u32,
        max_notional_value: String,
    }
    let account = call.account()?;
    let named = call.maybe_instrument()?;
    let exchange = &call.core.exchange;
    let ids = (0..exchange.instruments().len()).filter(|id| named.is_none_or(|named| named == *id));
    let config = |id: InstrumentId| {
        let leverage = exchange.account(account).leverage(id);
        let cap = exchange.instrument(id).cap_at(leverage);
        Config {
            symbol: exchange.instrument(id).symbol.clone(),
            margin_type: "CROSSED",
            is_auto_add_margin: false,
            leverage,
            max_notional_value: cap.normalize().to_string(),
        }
    };
    Ok(answer(&ids.map(config).collect::<Vec<_>>()))
}

pub(super) fn commission_rate(call: &mut Call<'_>) -> Result<Answer, ApiError> {
    #[derive(Serialize)]
    #[serde(rename_all = "camelCase")]
    struct Rate {
        symbol: String,
        maker_commission_rate: String,
        taker_commission_rate: String,
    }
    let (account, id) = (call.account()?, call.instrument()?);
    let holder = call.core.exchange.account(account);
    Ok(answer(&Rate {
        symbol: call.core.exchange.instrument(id).symbol.clone(),
        maker_commission_rate: format::fixed(holder.maker_rate, 6),
        taker_commission_rate: format::fixed(holder.taker_rate, 6),
    }))
}

pub(super) fn leverage_bracket(call: &mut Call<'_>) -> Result<Answer, ApiError> {
    #[derive(Serialize)]
    #[serde(rename_all = "camelCase")]
    struct Step {
        bracket: usize,
        initial_leverage: u32,
        notional_cap: serde_json::Number,
        notional_floor: serde_json::Number,
        maint_margin_ratio: serde_json::Number,
        cum: serde_json::Number,
    }
    #[derive(Serialize)]
    struct Steps {
        symbol: String,
        brackets: Vec<Step>,
    }
    let named = call.maybe_instrument()?;
    let exchange = &call.core.exchange;
    let ids = (0..exchange.instruments().len()).filter(|id| named.is_none_or(|named| named == *id));
    let number = |value: rust_decimal::Decimal| {
        // The venue writes these as numbers; the text of a decimal is one.
        serde_json::from_str(&value.normalize().to_string()).unwrap_or(serde_json::Number::from(0))
    };
    let steps = |id: InstrumentId| {
        let instrument = exchange.instrument(id);
        let mut floor = rust_decimal::Decimal::ZERO;
        let brackets = instrument
            .brackets()
            .iter()
            .enumerate()
            .map(|(index, bracket)| Step {
                bracket: index + 1,
                initial_leverage: bracket.leverage,
                notional_cap: number(bracket.cap),
                notional_floor: number(std::mem::replace(&mut floor, bracket.cap)),
                maint_margin_ratio: number(bracket.maintenance),
                cum: number(bracket.deduction),
            });
        Steps {
            symbol: instrument.symbol.clone(),
            brackets: brackets.collect(),
        }
    };
    Ok(answer(&ids.map(steps).collect::<Vec<_>>()))
}

pub(super) fn income(call: &mut Call<'_>) -> Result<Answer, ApiError> {
    #[derive(Serialize)]
    #[serde(rename_all = "camelCase")]
    struct Row {
        symbol: String,
        income_type: &'static str,
        income: String,
        asset: &'static str,
        time: u64,
        info: String,
        tran_id: u64,
        trade_id: String,
    }
    let account = call.account()?;
    let params = call.params;
    let limit = params.limit(100, 1000)?;
    let (start, end) = params.range()?;
    let kind = params.text("incomeType")?;
    let named = call.maybe_instrument()?;
    let exchange = &call.core.exchange;
    let fits = |income: &&Income| {
        income.account == account
            && named.is_none_or(|named| income.instrument == Some(named))
            && kind.is_none_or(|kind| kind == word(income.kind))
            && start.is_none_or(|start| income.time_ms >= start)
            && end.is_none_or(|end| income.time_ms <= end)
    };
    let row = |income: &Income| Row {
        symbol: income
            .instrument
            .map_or_else(String::new, |id| exchange.instrument(id).symbol.clone()),
        income_type: word(income.kind),
        income: format::money(income.amount),
        asset: "USDT",
        time: income.time_ms,
        info: income
            .trade
            .map_or_else(|| word(income.kind).to_owned(), |id| id.to_string()),
        tran_id: income.id,
        trade_id: income.trade.map_or_else(String::new, |id| id.to_string()),
    };
    let page = usize::try_from(params.integer("page")?.unwrap_or(1).max(1) - 1).unwrap_or(0);
    let ours = exchange.incomes().filter(fits);
    let rows: Vec<Row> = if start.is_some() {
        ours.skip(page.saturating_mul(limit))
            .take(limit)
            .map(row)
            .collect()
    } else {
        let last: Vec<Row> = ours
            .rev()
            .skip(page.saturating_mul(limit))
            .take(limit)
            .map(row)
            .collect();
        last.into_iter().rev().collect()
    };
    Ok(answer(&rows))
}

fn word(kind: IncomeKind) -> &'static str {
    match kind {
        IncomeKind::RealisedProfit => "REALIZED_PNL",
        IncomeKind::Commission => "COMMISSION",
        IncomeKind::Funding => "FUNDING_FEE",
        // There is no spot here; no income is ever of that kind.
        IncomeKind::Transfer | IncomeKind::Spot => "TRANSFER",
    }
}

pub(super) fn order_limits(call: &mut Call<'_>) -> Result<Answer, ApiError> {
    let limits = call.core.dialect.limits.config;
    Ok(answer(&json!([
        { "rateLimitType": "ORDERS", "interval": "SECOND", "intervalNum": 10,
          "limit": limits.orders_10s },
        { "rateLimitType": "ORDERS", "interval": "MINUTE", "intervalNum": 1,
          "limit": limits.orders_1m },
    ])))
}

/// Wallets outside futures are not simulated: there are no currencies and no pairs to list.
pub(super) fn none_of_these(_: &mut Call<'_>) -> Result<Answer, ApiError> {
    Ok(Answer::text("[]"))
}
