"""One entry a venue: which stock client judges it, aimed by its public settings alone."""

from dataclasses import dataclass, field
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


VENUES = {
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
