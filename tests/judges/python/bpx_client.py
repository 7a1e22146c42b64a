"""Backpack's Python client, against the simulated venue: a second pair of eyes."""

import asyncio
import importlib.metadata
from decimal import Decimal

from bpx.account import Account
from bpx.base.base_account import BaseAccount
from bpx.base.base_public import BasePublic
from bpx.public import Public

from books import Books
from mesh import Judgement, call, exact
from venues import BY_THE_BOOKS

PACKAGE = "bpx-py"
CLIENT_ID = 4_000_000_007


async def judge(control, endpoints):
    """Drives REST in both markets; the market must stand still."""
    # The client has no parameter for it: a public attribute of its classes.
    BaseAccount.BPX_API_URL = BasePublic.BASE_URL = f"{endpoints['rest']}/"
    keys = endpoints["credentials"]
    account = Account(keys["api_key"], keys["api_secret"])
    steer = f"{control}/v1/venues/{endpoints['venue']}"
    version = importlib.metadata.version(PACKAGE)
    await ask(call, f"{steer}/market", {"paused": True})
    try:
        for venue in BY_THE_BOOKS[endpoints["venue"]]:
            books = Books(venue, endpoints, steer)
            found = Judgement(f"{PACKAGE} on {venue.listed}", books.news)
            await listing(found, books)
            await trade(found, account, books)
            await refusals(found, account, venue.listed)
            print(f"{PACKAGE} {version} on {venue.listed}: {found.compared} comparisons, all equal")
    finally:
        await ask(call, f"{steer}/market", {"paused": False})


async def ask(function, *arguments, **named):
    return await asyncio.to_thread(function, *arguments, **named)


async def listing(found, books):
    public, symbol = Public(), books.venue.listed
    ours = await books.listing()
    markets = {one["symbol"]: one for one in await ask(public.get_markets)}
    filters = markets[symbol]["filters"]
    found.equal("tick", exact(filters["price"]["tickSize"]), exact(ours["tick"]))
    found.equal("step", exact(filters["quantity"]["stepSize"]), exact(ours["step"]))
    depth = await ask(public.get_depth, symbol)
    # Lowest price first on both sides.
    found.equal("best bid", depth["bids"][-1], ours["book"]["bid"])
    found.equal("best ask", depth["asks"][0], ours["book"]["ask"])
    newest, *_ = await ask(public.get_recent_trades, symbol)
    ticker = await ask(public.get_ticker, symbol)
    found.equal("last price", ticker["lastPrice"], newest["price"])
    started = int(await ask(public.get_time)) // 1000 - 120
    bars = await ask(public.get_klines, symbol, "1m", started)
    found.equal("close", bars[-1]["close"], newest["price"])
    found.equal("status", (await ask(public.get_status))["status"], "Ok")


async def trade(found, account, books):
    symbol, spot = books.venue.listed, books.venue.spot
    bid = Decimal((await books.listing())["book"]["bid"][0])
    price = str((bid * Decimal("0.95")).quantize(Decimal("0.01")))
    order = {"quantity": "0.5", "price": price, "client_id": CLIENT_ID, "post_only": True}
    placed = await ask(account.execute_order, symbol, "Bid", "Limit", **order)
    found.equal("client id", placed["clientId"], CLIENT_ID)
    held = await books.order(placed["id"])
    for theirs, ours in (("price", "price"), ("quantity", "quantity"), ("executedQuantity", "filledQuantity")):
        found.equal(theirs, exact(placed[theirs]), exact(held[ours]))
    found.equal("open orders", await ask(account.get_open_orders, symbol=symbol), [placed])
    found.equal("open order", await ask(account.get_open_order, symbol, client_id=CLIENT_ID), placed)
    ended = await ask(account.cancel_order, symbol, client_id=CLIENT_ID)
    found.equal("status", ended["status"], "Cancelled")
    found.equal("its end", (await books.order(placed["id"]))["state"], "ORDER_STATE_CANCELLED")

    bought = await ask(account.execute_order, symbol, "Bid", "Market", quantity="1")
    await same_holdings(found, account, books)
    close = {} if spot else {"reduce_only": True}
    sold = await ask(account.execute_order, symbol, "Ask", "Market", quantity="0.9", **close)
    await same_holdings(found, account, books)
    ids = [bought["id"], sold["id"]]
    told = [one for one in await ask(account.get_fill_history, symbol=symbol) if one["orderId"] in ids]
    ours = [one for one in await books.fills() if one["venueOrderId"] in ids]
    theirs = [(str(one["tradeId"]), exact(one["price"]), exact(one["quantity"]), exact(one["fee"])) for one in told]
    booked = [
        (one["tradeId"], exact(one["price"]), exact(one["quantity"]), exact(one["fee"]["amount"])) for one in ours
    ]
    found.equal("fills", sorted(theirs), sorted(booked))
    found.holds("something was traded", theirs)
    history = {one["id"]: one["status"] for one in await ask(account.get_order_history, symbol=symbol)}
    found.equal("history", [history[name] for name in ids], ["Filled", "Filled"])


async def same_holdings(found, account, books):
    capital = await ask(account.get_balances)
    for asset, held in (await books.balances()).items():
        of = capital[asset]
        found.equal(f"{asset}", Decimal(of["available"]) + Decimal(of["locked"]), Decimal(held["total"]))
    theirs = {one["symbol"]: Decimal(one["netQuantity"]) for one in await ask(account.get_open_positions)}
    ours = await books.position()
    found.equal("position", theirs.get(books.venue.listed), ours and Decimal(ours["quantity"]))


async def refusals(found, account, symbol):
    far = await ask(account.execute_order, symbol, "Bid", "Limit", quantity="1", price="1")
    found.equal("a price far away", far["code"], "INVALID_PRICE")
    gone = await ask(account.cancel_order, symbol, order_id="1")
    found.equal("a cancel of nothing", gone["code"], "RESOURCE_NOT_FOUND")
    stranger = Account(account.public_key, "A" * 43 + "=")
    forged = await ask(stranger.get_balances)
    found.equal("another's signature", forged["code"], "INVALID_SIGNATURE")
