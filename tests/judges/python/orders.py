"""Orders, fills, positions and balances of one account: the client's word against the mesh's."""

import asyncio
from decimal import Decimal

import ccxt

from mesh import exact, near, sockets

# What is traded, in base units.
QUANTITY = "2"
# What is sold again where the fee has been taken from what was bought.
SOLD_SPOT = "1.9"
# How far below the touch an order rests: inside every venue's price band, out of reach.
RESTING = Decimal("0.9")

STATUSES = {
    "open": {"ORDER_STATE_OPEN", "ORDER_STATE_PARTIALLY_FILLED"},
    "closed": {"ORDER_STATE_FILLED"},
    "canceled": {"ORDER_STATE_CANCELLED"},
    "expired": {"ORDER_STATE_EXPIRED"},
}


def status(state):
    return next((word for word, states in STATUSES.items() if state in states), state)


def told(order):
    """An order in the client's words."""
    price = exact(order["price"]) if order["type"] == "limit" else None
    filled, average = exact(order["filled"]), near(order["average"])
    numbers = (exact(order["amount"]), price, filled, average if filled else None)
    return order["id"], order["side"], order["type"], *numbers, order["status"]


def held(order):
    """The same of the mesh."""
    if order is None:
        return None
    side = order["side"].removeprefix("SIDE_").lower()
    kind = order["type"].removeprefix("ORDER_TYPE_").lower()
    price, filled = exact(order["price"]), exact(order["filledQuantity"])
    average = near(order["averagePrice"])
    numbers = (exact(order["quantity"]), price, filled, average if filled else None)
    return order["venueOrderId"], side, kind, *numbers, status(order["state"])


class Account:
    """Both sides' view of one account."""

    def __init__(self, found, client, venue, mesh):
        self.found, self.client, self.venue, self.mesh = found, client, venue, mesh
        self.symbol = venue.symbol

    async def same_order(self, what, order_id):
        async def theirs():
            return told(await self.client.fetch_order(order_id, self.symbol))

        async def ours():
            return held(await self.mesh.order(order_id))

        return await self.found.agree(what, theirs, ours)

    async def same_open_orders(self, what):
        async def theirs():
            return sorted(told(one) for one in await self.client.fetch_open_orders(self.symbol))

        async def ours():
            return sorted(held(one) for one in await self.mesh.open_orders())

        return await self.found.agree(what, theirs, ours)

    async def same_holdings(self, what):
        """Positions, their marks and the account's money."""
        await self.found.agree(f"position {what}", self.their_position, self.our_position)
        await self.found.agree(f"balance {what}", self.their_balance, self.our_balance)

    async def their_position(self):
        if self.venue.spot:
            return None
        held = await self.client.fetch_positions([self.symbol])
        one = next((one for one in held if one["contracts"]), None)
        if one is None:
            return None
        prices = [near(one[name]) for name in ("entryPrice", "markPrice", "unrealizedPnl")]
        return [signed(one), *prices]

    async def our_position(self):
        one = await self.mesh.position()
        if one is None:
            return None
        # The venue's word is part of the mesh's: both must be the client's.
        self.found.equal("the mesh's position and the venue's", one["venueQuantity"], one["quantity"])
        prices = [near(one[name]) for name in ("averagePrice", "markPrice", "unrealizedPnl")]
        return [exact(one["quantity"]), *prices]

    async def their_balance(self):
        balance = (await self.client.fetch_balance()).get(self.venue.asset, {})
        return {word: exact(balance.get(word)) for word in self.venue.balance}

    async def our_balance(self):
        views = {"margin": await self.mesh.margin()}
        views["balance"] = (await self.mesh.balances())[self.venue.asset]
        words = self.venue.balance.items()
        return {word: exact(views[view][name]) for word, (view, name) in words}


def signed(position):
    contracts = exact(position["contracts"])
    return -contracts if position["side"] == "short" else contracts


class Watched:
    """What the private streams told; each word is news."""

    def __init__(self, client, venue, news):
        self.client, self.venue, self.news = client, venue, news
        self.orders, self.trades, self.balance, self.positions = {}, {}, {}, {}
        self.tasks = []

    async def start(self, found):
        self.client.on_connected = self.connected(self.client.on_connected)
        offered = {
            "watchOrders": self.watch_orders,
            "watchMyTrades": self.watch_trades,
            "watchBalance": self.watch_balance,
            "watchPositions": self.watch_positions,
        }
        for name, watch in offered.items():
            has = bool(self.client.has[name])
            found.equal(f"the client's {name}", has, name not in self.venue.absent)
            if has:
                self.tasks.append(asyncio.create_task(watch()))

    def connected(self, inner):
        """The client's hook for its user, which does not end a watch: a stream that stands is news."""

        def noted(stream, *rest):
            inner(stream, *rest)
            self.news.set()

        return noted

    async def watch_orders(self):
        while True:
            for one in await self.client.watch_orders(self.venue.symbol):
                self.orders.setdefault(one["id"], []).append(dict(one))
            self.news.set()

    async def watch_trades(self):
        while True:
            for one in await self.client.watch_my_trades(self.venue.symbol):
                self.trades[one["id"]] = dict(one)
            self.news.set()

    async def watch_balance(self):
        while True:
            self.balance = dict(await self.client.watch_balance())
            self.news.set()

    async def watch_positions(self):
        while True:
            for one in await self.client.watch_positions([self.venue.symbol]):
                self.positions[one["symbol"]] = dict(one)
            self.news.set()

    async def stop(self):
        for task in self.tasks:
            task.cancel()
        ended = await asyncio.gather(*self.tasks, return_exceptions=True)
        for end in ended:
            if not isinstance(end, asyncio.CancelledError):
                raise end


async def judge(found, client, venue, mesh):
    account = Account(found, client, venue, mesh)
    watched = Watched(client, venue, mesh.news)
    await account.same_open_orders("open orders at the start")
    await account.same_holdings("at the start")
    await watched.start(found)
    try:
        await subscribed(found, watched, mesh.steer, venue.private_streams)
        await rest_and_cancel(account, watched)
        if mesh.places:
            await mesh_order_seen_by_the_client(account)
        await take_and_close(account, watched)
        await refusals(found, client, venue)
        await account.same_open_orders("open orders at the end")
    finally:
        await watched.stop()


async def subscribed(found, watched, steer, wanted):
    """Waits until the private streams stand: an order placed earlier would be told to nobody."""

    async def streams():
        for task in watched.tasks:
            if task.done():
                task.result()
        private = await sockets(steer)
        # The simulator keeps accounts apart by a number before the name.
        names = [name.rpartition("/")[2] for one in private for name in one["streams"]]
        return private and all(any(name.startswith(one) for name in names) for one in wanted)

    await found.until("the private stream stands", streams)


async def rest_and_cancel(account, watched):
    found, client, symbol = account.found, account.client, account.symbol
    bid = (await client.fetch_order_book(symbol, 5))["bids"][0][0]
    price = client.price_to_precision(symbol, Decimal(str(bid)) * RESTING)
    placed = await client.create_order(symbol, "limit", "buy", float(QUANTITY), float(price))
    await account.same_order("resting order", placed["id"])
    opened = await account.same_open_orders("open orders with one")
    found.equal("open orders", [one[0] for one in opened], [placed["id"]])
    await account.same_holdings("with a resting order")
    await client.cancel_order(placed["id"], symbol)
    ended = await account.same_order("cancelled order", placed["id"])
    found.equal("the cancelled order's status", ended[-1], "canceled")

    async def statuses():
        seen = [one["status"] for one in watched.orders.get(placed["id"], [])]
        return seen if seen[-1:] == ["canceled"] else None

    seen = await found.until("the stream tells of the cancelled order", statuses)
    found.equal("the first status on the stream", seen[0], "open")


async def mesh_order_seen_by_the_client(account):
    """An order of the mesh is the same order for the client, down to its client id."""
    found, client, mesh = account.found, account.client, account.mesh
    bid = exact((await mesh.ticker())["bidPrice"])
    price = client.price_to_precision(account.symbol, bid * RESTING)
    order = {"side": "SIDE_BUY", "type": "ORDER_TYPE_LIMIT", "quantity": QUANTITY, "price": price}
    placed = await mesh.place(**order)
    [theirs] = await client.fetch_open_orders(account.symbol)
    found.equal("the mesh's order", told(theirs), held(placed))
    found.equal("its client id", str(theirs["clientOrderId"]), placed["clientOrderId"])
    await mesh.cancel(placed["clientOrderIndex"])
    await account.same_order("the mesh's cancelled order", placed["venueOrderId"])


async def take_and_close(account, watched):
    found, client, symbol = account.found, account.client, account.symbol
    before = {one["tradeId"] for one in await account.mesh.fills()}
    bought = await client.create_order(symbol, "market", "buy", float(QUANTITY))
    filled = await account.same_order("market order", bought["id"])
    found.equal("the market order's status", filled[-1], "closed")
    await account.same_holdings("with a position")
    held = await account.our_position()
    found.equal("the position", held and held[0], None if account.venue.spot else exact(QUANTITY))
    await same_watched_holdings(account, watched)
    back = SOLD_SPOT if account.venue.spot else QUANTITY
    closing = {} if account.venue.spot else account.venue.reduce_only
    sold = await client.create_order(symbol, "market", "sell", float(back), None, closing)
    await account.same_order("closing order", sold["id"])
    await account.same_holdings("when flat")
    found.equal("the position when flat", await account.our_position(), None)

    async def theirs():
        trades = await client.fetch_my_trades(symbol)
        return sorted(their_fill(one) for one in trades if one["id"] not in before)

    async def ours():
        fills = await account.mesh.fills()
        return sorted(our_fill(one) for one in fills if one["tradeId"] not in before)

    fills = await found.agree("my trades", theirs, ours)
    quantity = sum(fill[3] for fill in fills)
    found.equal("what was traded", quantity, exact(QUANTITY) + exact(back))

    async def orders_told():
        ends = [watched.orders.get(name, [{}])[-1].get("status") for name in (bought["id"], sold["id"])]
        return ends == ["closed", "closed"]

    await found.until("the stream tells of both filled orders", orders_told)
    if "watchMyTrades" not in account.venue.absent:

        async def trades_told():
            told = [their_fill(one) for one in watched.trades.values()]
            return sorted(one for one in told if one[0] not in before) == fills

        await found.until("the stream tells of the same trades", trades_told)


async def same_watched_holdings(account, watched):
    found, venue = account.found, account.venue

    known = 2 if venue.watched_entry else 1
    if "watchPositions" not in venue.absent and not venue.spot:

        async def told_position():
            one = watched.positions.get(venue.symbol)
            return one and [signed(one), near(one["entryPrice"])][:known]

        async def our_position():
            return (await account.our_position())[:known]

        await found.agree("watched position", told_position, our_position)
    if "watchBalance" not in venue.absent:

        async def told_balance():
            # The newest state where the client keeps one by asset: of two updates that come at once
            # the second is told to nobody.
            kept = watched.client.balance
            balance = kept if venue.asset in kept else watched.balance
            return exact(balance.get(venue.asset, {}).get("total"))

        async def our_balance():
            return exact((await account.mesh.balances())[venue.asset]["total"])

        await found.agree("watched balance", told_balance, our_balance)


def their_fill(trade):
    fee = (trade["fee"]["currency"], exact(trade["fee"]["cost"]))
    numbers = (exact(trade["price"]), exact(trade["amount"]))
    return trade["id"], trade["order"], trade["side"], numbers[1], numbers[0], *fee, trade["takerOrMaker"]


def our_fill(fill):
    side = fill["side"].removeprefix("SIDE_").lower()
    numbers = (exact(fill["quantity"]), exact(fill["price"]))
    fee = (fill["fee"]["asset"], exact(fill["fee"]["amount"]))
    liquidity = fill["liquidity"].removeprefix("LIQUIDITY_").lower()
    return fill["tradeId"], fill["venueOrderId"], side, *numbers, *fee, liquidity


async def refusals(found, client, venue):
    """The venue's own codes, as the client shows them."""
    book = await client.fetch_order_book(venue.symbol, 5)
    bid, ask = book["bids"][0][0], book["asks"][0][0]

    def buy(quantity, price, params=None):
        return client.create_order(venue.symbol, "limit", "buy", quantity, price, params or {})

    cases = {
        "an order that nobody placed": lambda: client.fetch_order("1", venue.symbol),
        "a cancel of an order that nobody placed": lambda: client.cancel_order("1", venue.symbol),
        "more than the account can pay": lambda: buy(venue.too_much, bid),
        "a post-only order that would take": lambda: buy(float(QUANTITY), ask, venue.post_only),
    }
    found.equal("the refusals of the entry", sorted(venue.refusals), sorted(cases))
    for what, ask_for in cases.items():
        try:
            answer = await ask_for()
            found.holds(f"{what} is refused, not answered with {answer}", False)
        except ccxt.BaseError as error:
            # Not the error's type: the client picks some types by the venue's own host name, and
            # takes some refusals for an outage.
            found.holds(f"{what} is {venue.refusals[what]}: {error}", venue.refusals[what] in str(error))
