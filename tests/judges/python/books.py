"""What the simulated venue has on its own books: the truth where no mesh trades the market."""

import asyncio
import contextlib
from decimal import Decimal

import aiohttp

from mesh import PATIENCE_S, call

STATES = {
    "new": "OPEN",
    "partially_filled": "PARTIALLY_FILLED",
    "filled": "FILLED",
    "cancelled": "CANCELLED",
    "expired": "EXPIRED",
    "expired_on_self": "EXPIRED",
}


class Books:
    """One account of one market, in the mesh's words."""

    # It is read only.
    places = False

    def __init__(self, venue, endpoints, steer):
        self.venue, self.endpoints, self.steer = venue, endpoints, steer
        self.news = asyncio.Event()

    @contextlib.asynccontextmanager
    async def followed(self):
        """Listens to the venue, which tells its mark prices every second: a reason to ask again."""
        frame = {"method": "SUBSCRIBE", "params": ["markPrice.SOL_USDC_PERP"]}
        async with aiohttp.ClientSession() as session:
            async with session.ws_connect(self.endpoints["ws"]) as socket:
                await socket.send_json(frame)
                task = asyncio.create_task(self.follow(socket))
                try:
                    yield
                finally:
                    task.cancel()
                    await asyncio.gather(task, return_exceptions=True)

    async def follow(self, socket):
        while True:
            await socket.receive(PATIENCE_S)
            self.news.set()

    async def rows(self, name):
        account = self.endpoints["credentials"]["account"]
        ledger = await asyncio.to_thread(call, f"{self.steer}/ledger?account={account}")
        return ledger[name]

    async def listing(self):
        return await asyncio.to_thread(call, f"{self.steer}/instruments/{self.venue.listed}")

    async def all_orders(self):
        return [order(row) for row in await self.rows("orders") if row["symbol"] == self.venue.listed]

    async def order(self, venue_order_id):
        orders = await self.all_orders()
        return next((one for one in orders if one["venueOrderId"] == venue_order_id), None)

    async def open_orders(self):
        live = ("ORDER_STATE_OPEN", "ORDER_STATE_PARTIALLY_FILLED")
        return [one for one in await self.all_orders() if one["state"] in live]

    async def fills(self):
        return [fill(row) for row in await self.rows("fills") if row["symbol"] == self.venue.listed]

    async def position(self):
        [account] = await self.rows("accounts")
        held = (one for one in account["positions"] if one["symbol"] == self.venue.listed)
        one = next((one for one in held if Decimal(one["quantity"])), None)
        if one is None:
            return None
        mark = Decimal((await self.listing())["mark"])
        quantity, entry = Decimal(one["quantity"]), Decimal(one["cost"]) / Decimal(one["quantity"])
        return {
            "quantity": quantity,
            "venueQuantity": quantity,
            "averagePrice": entry,
            "markPrice": mark,
            "unrealizedPnl": quantity * mark - Decimal(one["cost"]),
        }

    async def margin(self):
        return None

    async def balances(self):
        [account] = await self.rows("accounts")
        held = {self.venue.asset: account["wallet"], **account["holdings"]}
        orders = [one for one in await self.open_orders() if self.venue.spot]
        bids = (one for one in orders if one["side"] == "SIDE_BUY")
        bound = sum((Decimal(one["price"]) * left(one) for one in bids), Decimal(0))
        view = {asset: {"total": total, "available": total} for asset, total in held.items()}
        view[self.venue.asset]["available"] = Decimal(held[self.venue.asset]) - bound
        return view


def left(order):
    return Decimal(order["quantity"]) - Decimal(order["filledQuantity"])


def order(row):
    filled = Decimal(row["executed"])
    return {
        "venueOrderId": str(row["id"]),
        "side": f"SIDE_{row['side'].upper()}",
        "type": f"ORDER_TYPE_{row['kind'].upper()}",
        "price": row["price"] if row["kind"] == "limit" else None,
        "quantity": row["quantity"],
        "filledQuantity": row["executed"],
        "averagePrice": Decimal(row["executed_quote"]) / filled if filled else None,
        "state": f"ORDER_STATE_{STATES[row['status']]}",
    }


def fill(row):
    return {
        "tradeId": str(row["trade"]),
        "venueOrderId": str(row["order"]),
        "side": f"SIDE_{row['side'].upper()}",
        "price": row["price"],
        "quantity": row["quantity"],
        "fee": {"asset": row["fee_asset"], "amount": row["fee"]},
        "liquidity": "LIQUIDITY_MAKER" if row["maker"] else "LIQUIDITY_TAKER",
    }
