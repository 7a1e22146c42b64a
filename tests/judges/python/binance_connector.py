"""Binance's own client of its USDⓈ-M futures, against the simulated venue: a second pair of eyes."""

import asyncio
import importlib.metadata
import json
from decimal import Decimal

from binance.error import ClientError
from binance.um_futures import UMFutures
from binance.websocket.um_futures.websocket_client import UMFuturesWebsocketClient

from mesh import PATIENCE_S, Judgement, exact

SYMBOL = "SOLUSDT"
PACKAGE = "binance-futures-connector"
DEPTH = 20


async def judge(mesh, endpoints):
    """Drives REST and the user stream; the market must stand still."""
    version = importlib.metadata.version(PACKAGE)
    found = Judgement(f"{PACKAGE} on {mesh.venue}", mesh.news)
    keys = endpoints["credentials"]
    rest = UMFutures(keys["api_key"], keys["api_secret"], base_url=endpoints["rest"])

    async def ask(call, **parameters):
        return await asyncio.to_thread(call, **parameters)

    async def theirs():
        book = await ask(rest.depth, symbol=SYMBOL, limit=DEPTH)
        return [[[exact(value) for value in level] for level in book[side]] for side in ("bids", "asks")]

    async def ours():
        book = await mesh.book(DEPTH)
        sides = [zip(book[f"{side}Prices"], book[f"{side}Quantities"]) for side in ("bid", "ask")]
        return [[[exact(value) for value in level] for level in side] for side in sides]

    listed = {one["symbol"] for one in (await ask(rest.exchange_info))["symbols"]}
    found.equal("instruments", sorted(listed), sorted(await mesh.instruments()))
    await found.agree("book", theirs, ours)
    heard = []
    socket = await open_user_stream(ask, rest, endpoints, heard, mesh.news)
    try:
        await trade(found, ask, rest, mesh, heard)
    finally:
        await asyncio.to_thread(socket.stop)
    print(f"{PACKAGE} {version} on {mesh.venue}: {found.compared} comparisons, all equal")


async def open_user_stream(ask, rest, endpoints, heard, news):
    key = (await ask(rest.new_listen_key))["listenKey"]
    opened = asyncio.Event()
    loop = asyncio.get_running_loop()

    # On a thread of the client's own.
    def note(_, text):
        heard.append(json.loads(text))
        loop.call_soon_threadsafe(news.set)

    socket = UMFuturesWebsocketClient(
        # Private data has an endpoint of its own since the venue split its streams.
        stream_url=f"{endpoints['ws']}/private",
        on_open=lambda _: loop.call_soon_threadsafe(opened.set),
        on_message=note,
    )
    socket.user_data(listen_key=key)
    await asyncio.wait_for(opened.wait(), PATIENCE_S)
    return socket


async def trade(found, ask, rest, mesh, heard):
    async def subscribed():
        return any("result" in one and one["result"] is None for one in heard)

    await found.until("the user stream stands", subscribed)
    bid = Decimal((await ask(rest.book_ticker, symbol=SYMBOL))["bidPrice"])
    order = {"symbol": SYMBOL, "side": "BUY", "type": "LIMIT", "timeInForce": "GTC", "quantity": "1"}
    price = str((bid * Decimal("0.9")).quantize(Decimal("0.01")))
    placed = await ask(rest.new_order, **order, price=price)
    same = {"symbol": SYMBOL, "orderId": placed["orderId"]}
    fetched = await ask(rest.query_order, **same)
    held = await found.until("the mesh knows the order", lambda: mesh.order(str(placed["orderId"])))
    for theirs, ours in (("price", "price"), ("origQty", "quantity"), ("executedQty", "filledQuantity")):
        found.equal(theirs, exact(fetched[theirs]), exact(held[ours]))
    open_orders = await ask(rest.get_orders, symbol=SYMBOL)
    found.equal("open orders", [one["orderId"] for one in open_orders], [placed["orderId"]])
    ended = await ask(rest.cancel_order, **same)
    found.equal("status", ended["status"], "CANCELED")

    market = {"symbol": SYMBOL, "type": "MARKET", "quantity": "1"}
    bought = await ask(rest.new_order, **market, side="BUY")
    await same_account(found, ask, rest, mesh)
    sold = await ask(rest.new_order, **market, side="SELL", reduceOnly="true")
    await same_account(found, ask, rest, mesh)
    await same_fills(found, ask, rest, mesh, [bought["orderId"], sold["orderId"]])
    try:
        await ask(rest.query_order, symbol=SYMBOL, orderId=1)
        found.holds("an order that nobody placed is not found", False)
    except ClientError as error:
        found.equal("its code", error.error_code, -2013)

    async def told():
        updates = [one["o"] for one in heard if one.get("e") == "ORDER_TRADE_UPDATE"]
        said = [(one["i"], one["X"]) for one in updates]
        ends = [(placed["orderId"], "CANCELED"), (bought["orderId"], "FILLED"), (sold["orderId"], "FILLED")]
        return all(end in said for end in ends)

    await found.until("the user stream tells every end", told)


async def same_account(found, ask, rest, mesh):
    async def theirs():
        account = await ask(rest.account)
        asset = next(one for one in account["assets"] if one["asset"] == "USDT")
        held = [one for one in account["positions"] if Decimal(one["positionAmt"])]
        names = ("walletBalance", "marginBalance", "availableBalance", "initialMargin", "maintMargin")
        return [exact(asset[name]) for name in names], [exact(one["positionAmt"]) for one in held]

    async def ours():
        margin, position = await mesh.margin(), await mesh.position()
        names = ("walletBalance", "marginBalance", "available", "initialMargin", "maintenanceMargin")
        held = [exact(position["quantity"])] if position else []
        return [exact(margin[name]) for name in names], held

    await found.agree("account", theirs, ours)


async def same_fills(found, ask, rest, mesh, orders):
    async def theirs():
        trades = await ask(rest.get_account_trades, symbol=SYMBOL)
        ours = [one for one in trades if one["orderId"] in orders]
        return [(str(one["id"]), exact(one["price"]), exact(one["qty"]), exact(one["commission"])) for one in ours]

    async def ours():
        wanted = [str(order) for order in orders]
        fills = [one for one in await mesh.fills() if one["venueOrderId"] in wanted]
        return [
            (one["tradeId"], exact(one["price"]), exact(one["quantity"]), exact(one["fee"]["amount"]))
            for one in fills
        ]

    told = await found.agree("fills", theirs, ours)
    found.holds("something was traded", told)
