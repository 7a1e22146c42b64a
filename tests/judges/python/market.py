"""Public market data: the client's word against the mesh's."""

import asyncio

import ccxt

from mesh import PATIENCE_S, exact

# Levels a side that are compared.
DEPTH = 20
# Trades and bars that are compared.
RECENT = 20
# Updates of the watched book that are followed before the market is stopped.
BOOK_UPDATES = 30


async def judge_instruments(found, client, mesh):
    traded = [one for one in client.markets.values() if one["active"] and (one["swap"] or one["spot"])]
    theirs = {one["id"]: one for one in traded}
    ours = await mesh.instruments()
    found.equal("instruments", sorted(theirs), sorted(ours))
    for name, market in theirs.items():
        limits = market["limits"]
        said = {
            "tickSize": market["precision"]["price"],
            "lotSize": market["precision"]["amount"],
            "minQuantity": limits["amount"]["min"],
            "maxQuantity": limits["amount"]["max"],
            "minNotional": limits["cost"]["min"],
        }
        for rule, value in said.items():
            # None is a client that does not read this rule, not a rule of None.
            if value is not None:
                found.equal(f"{name} {rule}", exact(value), exact(ours[name][rule]))
        # Where the asset itself changes hands the client names nothing that settles.
        assets = (market["base"], market["quote"], market["settle"] or market["quote"])
        held = (ours[name]["baseAsset"], ours[name]["quoteAsset"], ours[name]["settleAsset"])
        found.equal(f"{name} assets", assets, held)


async def open_streams(found, client, venue, mesh):
    """Follows every public stream while the market runs, and returns what was seen."""
    # The mesh follows what was asked for once: it must have begun before the market stops.
    await mesh.ticker()
    await mesh.book(DEPTH)
    return await watch_streams(found, client, venue)


async def watch_streams(found, client, venue):
    seen = {"trades": {}, "candles": {}}

    async def book():
        last = 0
        for _ in range(BOOK_UPDATES):
            held = await client.watch_order_book(venue.symbol)
            found.holds("the watched book is not crossed", held["bids"][0][0] < held["asks"][0][0])
            found.holds("the watched book goes forward", held["nonce"] >= last)
            last = held["nonce"]

    async def trades():
        for _ in range(3):
            for one in await client.watch_trades(venue.symbol):
                seen["trades"][one["id"]] = one

    async def ticker():
        await client.watch_ticker(venue.symbol)

    async def candles():
        for one in await client.watch_ohlcv(venue.symbol, "1m"):
            seen["candles"][one[0]] = one

    watching = asyncio.gather(book(), trades(), ticker(), candles())
    await asyncio.wait_for(watching, PATIENCE_S)
    return seen


async def judge_at_rest(found, client, venue, mesh, seen):
    """Compares everything public while the market stands still."""
    symbol = venue.symbol

    def levels(side):
        return [[exact(price), exact(quantity)] for price, quantity, *_ in side[:DEPTH]]

    async def our_book():
        book = await mesh.book(DEPTH)
        sides = ("bid", "ask")
        pairs = [list(zip(book[f"{side}Prices"], book[f"{side}Quantities"])) for side in sides]
        return [levels(side) for side in pairs]

    async def fetched_book():
        book = await client.fetch_order_book(symbol, DEPTH)
        return [levels(book["bids"]), levels(book["asks"])]

    async def watched_book():
        book = client.orderbooks[symbol]
        return [levels(book["bids"]), levels(book["asks"])]

    await found.agree("fetched book", fetched_book, our_book)
    await found.agree("watched book", watched_book, our_book)

    async def touch():
        (bid, *_), (ask, *_) = await fetched_book()
        return [*bid, *ask]

    async def our_touch():
        ticker = await mesh.ticker()
        names = ("bidPrice", "bidQuantity", "askPrice", "askQuantity")
        return [exact(ticker[name]) for name in names]

    await found.agree("touch", touch, our_touch)

    def last(ticker):
        return [exact(ticker["last"]), exact(ticker["baseVolume"])]

    async def fetched_last():
        return last(await client.fetch_ticker(symbol))

    async def watched_last():
        return last(client.tickers[symbol])

    async def our_last():
        ticker = await mesh.ticker()
        return [exact(ticker["lastPrice"]), exact(ticker["volume24h"])]

    await found.agree("fetched ticker", fetched_last, our_last)
    await found.agree("watched ticker", watched_last, our_last)
    await judge_trades_and_bars(found, client, venue, mesh, seen)


async def judge_trades_and_bars(found, client, venue, mesh, seen):
    symbol = venue.symbol

    def told(trade):
        side = f"SIDE_{trade['side'].upper()}"
        return trade["id"], exact(trade["price"]), exact(trade["amount"]), side, trade["timestamp"]

    def held(trade):
        price, quantity = exact(trade["price"]), exact(trade["quantity"])
        return trade["tradeId"], price, quantity, trade["aggressor"], millis(trade["venueTime"])

    async def fetched():
        return [told(one) for one in await client.fetch_trades(symbol, limit=RECENT)]

    async def ours():
        return [held(one) for one in await mesh.trades(RECENT)]

    await found.agree("fetched trades", fetched, ours)
    known = {one["tradeId"]: held(one) for one in await mesh.trades(1000)}
    found.holds("trades were watched", seen["trades"])
    for name, trade in seen["trades"].items():
        told_time = slice(None if venue.trade_time else -1)
        found.equal(f"watched trade {name}", told(trade)[told_time], known.get(name, ())[told_time])

    async def bars():
        rows = await client.fetch_ohlcv(symbol, "1m", limit=RECENT)
        return [[row[0], *map(exact, row[1:])] for row in rows]

    async def our_bars():
        return [bar(one) for one in await mesh.bars(RECENT)]

    await found.agree("fetched bars", bars, our_bars)

    async def watched_bar():
        newest = client.ohlcvs[symbol]["1m"][-1]
        return [newest[0] - venue.bar_shift_ms, *map(exact, newest[1:])]

    async def our_watched_bar():
        opened = client.ohlcvs[symbol]["1m"][-1][0] - venue.bar_shift_ms
        return next((one for one in await our_bars() if one[0] == opened), None)

    await found.agree("watched bar", watched_bar, our_watched_bar)


async def judge_by_books(found, client, venue, books, seen):
    """Compares what is fetched with what is watched, and both with the venue's own listing."""
    symbol = venue.symbol

    def top(book):
        return [[exact(value) for value in level[:2]] for side in ("bids", "asks") for level in book[side][:DEPTH]]

    async def fetched_book():
        return top(await client.fetch_order_book(symbol, DEPTH))

    async def watched_book():
        return top(client.orderbooks[symbol])

    await found.agree("watched book and fetched book", watched_book, fetched_book)
    listing = await books.listing()
    rules = client.market(symbol)
    for name, value in (("tick", rules["precision"]["price"]), ("step", rules["precision"]["amount"])):
        found.equal(name, exact(value), exact(listing[name]))
    found.equal("least quantity", exact(rules["limits"]["amount"]["min"]), exact(listing["min_quantity"]))
    book = await client.fetch_order_book(symbol, DEPTH)
    for side, name in (("bids", "bid"), ("asks", "ask")):
        held = [exact(value) for value in listing["book"][name]]
        found.equal(f"best {name}", [exact(value) for value in book[side][0][:2]], held)

    trades = {one["id"]: one for one in await client.fetch_trades(symbol, limit=1000)}
    found.holds("trades were watched", seen["trades"])
    for name, trade in seen["trades"].items():
        for key in ("price", "amount", "side", *(["timestamp"] if venue.trade_time else [])):
            found.equal(f"{key} of trade {name}", trade[key], trades.get(name, {}).get(key))
    last = trades[max(trades, key=int)]["price"]

    async def watched_last():
        return client.tickers[symbol]["last"], client.ohlcvs[symbol]["1m"][-1][4]

    async def fetched_last():
        newest = (await client.fetch_ohlcv(symbol, "1m", limit=3))[-1]
        ticker = await client.fetch_ticker(symbol)
        found.equal("the last price", ticker["last"], last)
        return ticker["last"], newest[4]

    await found.agree("ticker and bar", watched_last, fetched_last)


def bar(one):
    numbers = [exact(one[name]) for name in ("open", "high", "low", "close", "volume")]
    return [millis(one["openTime"]), *numbers]


def millis(text):
    """RFC 3339 in UTC, as the mesh writes it, in milliseconds of the epoch."""
    return ccxt.Exchange.parse8601(text)
