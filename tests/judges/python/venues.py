"""One entry a venue: which stock client judges it, aimed by its public settings alone."""

from dataclasses import dataclass, field, replace
from typing import Callable


@dataclass(frozen=True)
class Venue:
    # The client's class in ccxt.pro.
    client: str
    # The instrument in the client's words and in the mesh's.
    symbol: str
    canonical: str
    # The asset that margin is held in.
    asset: str
    # Replaces whole values of the client's public `urls`, given the simulator's REST and WebSocket base.
    aim: Callable[[dict, str, str], None]
    # What each word of the client's balance is in the mesh: `margin` or `balance`, and the field.
    balance: dict
    # What stands in the venue's answer to what it must refuse.
    refusals: dict
    # The private streams that stand at the venue once all is watched; empty where the socket is enough.
    private_streams: tuple = ()
    # The instrument in the venue's words.
    listed: str = ""
    # More than the account's money is enough for.
    too_much: int = 1_000
    # Whether the asset itself changes hands.
    spot: bool = False
    # Whether the client gives a watched trade the time of the trade, not that of its telling.
    trade_time: bool = True
    # How long after its beginning the client dates a watched bar of a minute.
    bar_shift_ms: int = 0
    # Whether the client takes the entry price, not the break-even price, from the stream of positions.
    watched_entry: bool = True
    # The client's public options.
    options: dict = field(default_factory=dict)
    # What the client itself does not offer for this venue; checked against its `has`.
    absent: frozenset = frozenset()
    # Parameters that make an order post-only and reduce-only beyond the client's unified ones.
    post_only: dict = field(default_factory=lambda: {"postOnly": True})
    reduce_only: dict = field(default_factory=lambda: {"reduceOnly": True})


def aim_binance(urls, rest, ws):
    versions = {"": "v1", "V2": "v2", "V3": "v3"}
    for half in ("fapiPublic", "fapiPrivate"):
        for suffix, version in versions.items():
            urls["api"][half + suffix] = f"{rest}/fapi/{version}"
    urls["api"]["ws"]["linear"] = f"{ws}/ws"


def aim_backpack(urls, rest, ws):
    urls["api"]["public"] = urls["api"]["private"] = rest
    urls["api"]["ws"] = {"public": ws, "private": ws}


BACKPACK = Venue(
    client="backpack",
    symbol="SOL/USDC:USDC",
    canonical="SOL-USDC-PERP",
    listed="SOL_USDC_PERP",
    too_much=10_000,
    asset="USDC",
    aim=aim_backpack,
    balance={"total": ("balance", "total"), "free": ("balance", "available")},
    refusals={
        "an order that nobody placed": '"code":"RESOURCE_NOT_FOUND"',
        "a cancel of an order that nobody placed": '"code":"RESOURCE_NOT_FOUND"',
        "more than the account can pay": '"code":"INSUFFICIENT_MARGIN"',
        "a post-only order that would take": '"code":"INVALID_ORDER"',
    },
    private_streams=("account.orderUpdate", "account.balanceUpdate", "account.positionUpdate"),
    absent=frozenset({"watchMyTrades"}),
    trade_time=False,
    bar_shift_ms=60_000,
    watched_entry=False,
)

BACKPACK_SPOT = replace(
    BACKPACK,
    symbol="SOL/USDC",
    canonical="SOL-USDC",
    listed="SOL_USDC",
    spot=True,
    refusals={**BACKPACK.refusals, "more than the account can pay": '"code":"INSUFFICIENT_FUNDS"'},
)

# What is judged by the simulator's own books beside what the mesh trades.
BY_THE_BOOKS = {"backpack": (BACKPACK, BACKPACK_SPOT)}

VENUES = {
    "backpack": BACKPACK,
    "binance-usdm": Venue(
        client="binanceusdm",
        symbol="SOL/USDT:USDT",
        canonical="SOL-USDT-PERP",
        asset="USDT",
        aim=aim_binance,
        balance={
            "total": ("margin", "marginBalance"),
            "free": ("margin", "available"),
            "used": ("margin", "initialMargin"),
        },
        refusals={
            "an order that nobody placed": '"code":-2013',
            "a cancel of an order that nobody placed": '"code":-2011',
            "more than the account can pay": '"code":-2019',
            "a post-only order that would take": '"code":-5022',
        },
        # Wallet endpoints of another product of the venue: this house simulates futures only.
        options={"fetchCurrencies": False},
    ),
}
