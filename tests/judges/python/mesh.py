"""What Chimera itself says: the mesh over REST, and the simulators' control interface."""

import asyncio
import contextlib
import json
import urllib.error
import urllib.parse
import urllib.request
from decimal import Decimal

import aiohttp

# A hundred times what a quiet account needs to settle on an idle machine.
PATIENCE_S = 20
# What is watched of the instrument.
CHANNELS = ("TICKER", "BOOK", "TRADES", "BARS")


class Refused(Exception):
    """The mesh said no; `reason` is its typed reason."""

    def __init__(self, reason, body):
        super().__init__(f"{reason}: {body}")
        self.reason = reason


def call(url, body=None):
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data, {"content-type": "application/json"})
    try:
        with urllib.request.urlopen(request, timeout=PATIENCE_S) as answer:
            return json.load(answer)
    except urllib.error.HTTPError as error:
        text = error.read().decode()
        details = json.loads(text).get("error", {}).get("details", [{}])
        raise Refused(details[0].get("reason", str(error.code)), text) from error


class Mesh:
    """One account of one venue, as the mesh reports it."""

    # Whether it places orders of its own.
    places = True

    def __init__(self, server, venue, symbol, account, steer):
        self.server, self.venue, self.symbol, self.account = server, venue, symbol, account
        # The venue's simulator.
        self.steer = steer
        # Set whenever a stream, of the mesh or of a client, told something: a reason to ask again.
        self.news = asyncio.Event()

    @contextlib.asynccontextmanager
    async def followed(self):
        """Follows the mesh's streams, whose every word is news, for as long as the context lasts."""
        instrument = {"venue": self.venue, "symbol": self.symbol, "interval": "BAR_INTERVAL_1M"}
        subscriptions = [{**instrument, "channel": f"CHANNEL_{name}"} for name in CHANNELS]
        account = urllib.parse.urlencode({"account": self.account, "venue": self.venue})
        timeout = aiohttp.ClientTimeout(total=None, sock_read=PATIENCE_S)
        async with aiohttp.ClientSession(self.server, timeout=timeout) as session:
            streams = (
                session.get(f"/v1/orders:watch?{account}"),
                session.get(f"/v1/positions:watch?{account}"),
                session.post("/v1/market-data:watch", json={"subscriptions": subscriptions}),
            )
            tasks = [asyncio.create_task(self.follow(stream)) for stream in streams]
            try:
                yield
            finally:
                for task in tasks:
                    task.cancel()
                for end in await asyncio.gather(*tasks, return_exceptions=True):
                    if not isinstance(end, asyncio.CancelledError):
                        raise end

    async def follow(self, stream):
        async with stream as answer:
            answer.raise_for_status()
            async for _ in answer.content.iter_any():
                self.news.set()
        raise AssertionError(f"{answer.url} ended")

    async def get(self, path, **query):
        text = urllib.parse.urlencode(query)
        return await asyncio.to_thread(call, f"{self.server}{path}?{text}")

    async def post(self, path, body):
        return await asyncio.to_thread(call, f"{self.server}{path}", body)

    async def instruments(self):
        listed = await self.get("/v1/instruments", venue=self.venue, page_size=1000)
        return {one["venueSymbol"]: one for one in listed["instruments"]}

    async def ticker(self):
        listed = await self.get("/v1/tickers", venue=self.venue, symbols=self.symbol)
        return listed["tickers"][0]

    async def book(self, depth):
        answer = await self.get(f"/v1/books/{self.venue}/{self.symbol}", depth=depth, require_live="true")
        return answer["book"]

    async def trades(self, limit):
        answer = await self.get(f"/v1/trades/{self.venue}/{self.symbol}", limit=limit)
        return answer["trades"]

    async def bars(self, limit):
        path = f"/v1/bars/{self.venue}/{self.symbol}"
        return (await self.get(path, interval="BAR_INTERVAL_1M", limit=limit))["bars"]

    async def balances(self):
        listed = await self.get("/v1/balances", account=self.account, venue=self.venue)
        return {one["asset"]: one for one in listed["balances"]}

    async def margin(self):
        return (await self.get(f"/v1/margin/{self.account}/{self.venue}"))["margin"]

    async def position(self):
        """The position, or None when flat."""
        of = {"account": self.account, "venue": self.venue, "symbol": self.symbol}
        held = (await self.get("/v1/positions", **of))["positions"]
        return held[0] if held and Decimal(held[0]["quantity"]) else None

    async def order(self, venue_order_id):
        """The order with the venue's id, or None."""
        of = {"account": self.account, "venue": self.venue, "page_size": 1000}
        orders = (await self.get("/v1/orders", **of))["orders"]
        return next((one for one in orders if one["venueOrderId"] == venue_order_id), None)

    async def open_orders(self):
        of = [("account", self.account), ("venue", self.venue), ("page_size", 1000)]
        of += [("states", f"ORDER_STATE_{state}") for state in ("OPEN", "PARTIALLY_FILLED")]
        path = f"{self.server}/v1/orders?{urllib.parse.urlencode(of)}"
        return (await asyncio.to_thread(call, path))["orders"]

    async def fills(self):
        of = {"account": self.account, "venue": self.venue, "page_size": 1000}
        return (await self.get("/v1/fills", **of))["fills"]

    async def place(self, **order):
        of = {"account": self.account, "venue": self.venue, "symbol": self.symbol}
        return (await self.post("/v1/orders", {**of, **order}))["order"]

    async def cancel(self, index):
        return await self.post(f"/v1/orders/{self.account}/{index}:cancel", {})


async def sockets(steer):
    """The connections of the account's private streams, as the simulated venue sees them."""
    listed = await asyncio.to_thread(call, f"{steer}/sockets")
    return [one for one in listed if one["account"] is not None]


class Judgement:
    """Counts what was found equal and ends at the first difference."""

    def __init__(self, name, news):
        self.name, self.news, self.compared = name, news, 0

    def equal(self, what, theirs, ours):
        assert theirs == ours, f"{self.name}: {what}: the client says {theirs}, we say {ours}"
        self.compared += 1

    def holds(self, what, condition):
        assert condition, f"{self.name}: {what}"
        self.compared += 1

    async def agree(self, what, theirs, ours):
        """Asks both, again at any news, until they say the same; reports the last difference."""
        said = held = None

        async def same():
            nonlocal said, held
            said, held = await theirs(), await ours()
            return said == held

        await self.ask_until(same)
        self.equal(what, said, held)
        return said

    async def until(self, what, ask):
        """Asks, again at any news, until there is an answer, within the bound."""
        answer = await self.ask_until(ask)
        self.holds(f"within {PATIENCE_S} s: {what}", answer)
        return answer

    async def ask_until(self, ask):
        """The first answer that is one, or the last when the bound is over."""
        answer = None
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(PATIENCE_S):
                while True:
                    # Before asking: what is told meanwhile may not be in the answer.
                    self.news.clear()
                    answer = await ask()
                    if answer:
                        break
                    await self.news.wait()
        return answer


def exact(number):
    """What a client shows as a float or text, as the shortest decimal that names it; None stays None."""
    return None if number is None or number == "" else Decimal(str(number)).normalize()


def near(number):
    """The same of a quotient, whose last digits everybody cuts as they like."""
    value = exact(number)
    return value and value.quantize(Decimal("1e-8")).normalize()
