#!/usr/bin/env python3
"""Stock clients, unmodified, against the simulated venues behind a running mesh.

Every number that the client shows must equal what the mesh reports for the same account. The market is
stopped while numbers are compared; orders still match. Usage: judge.py MESH_URL SIMULATOR_CONTROL_URL
"""

import asyncio
import sys

import ccxt.pro

import binance_connector
import market
import orders
from mesh import Judgement, Mesh, call
from venues import VENUES

# The venue's own client beside ccxt, by venue.
OWN_CLIENTS = {"binance-usdm": binance_connector.judge}

# A call of the client that does not come back has failed; ten times what the slowest one takes here.
CALL_MS = 20_000


def open_client(venue, endpoints):
    keys = endpoints["credentials"]
    settings = {
        "apiKey": keys["api_key"],
        "secret": keys["api_secret"],
        "timeout": CALL_MS,
        "options": venue.options,
    }
    client = getattr(ccxt.pro, venue.client)(settings)
    venue.aim(client.urls, endpoints["rest"], endpoints["ws"])
    return client


def pauser(steer):
    def pause(paused):
        return asyncio.to_thread(call, f"{steer}/market", {"paused": paused})

    return pause


async def judge(server, control, endpoints):
    name = endpoints["venue"]
    # A venue without an entry would be simulated and never judged.
    assert name in VENUES, f"{name} has no entry in venues.py"
    venue = VENUES[name]
    client = open_client(venue, endpoints)
    steer = f"{control}/v1/venues/{name}"
    mesh = Mesh(server, name, venue.canonical, endpoints["credentials"]["account"], steer)
    found = Judgement(f"ccxt on {name}", mesh.news)
    pause = pauser(steer)
    try:
        await client.load_markets()
        await market.judge_instruments(found, client, mesh)
        streams = await market.open_streams(found, client, venue, mesh)
        await pause(True)
        async with mesh.followed():
            await market.judge_at_rest(found, client, venue, mesh, streams)
            await orders.judge(found, client, venue, mesh)
            print(f"ccxt {ccxt.__version__} on {name}: {found.compared} comparisons, all equal")
            if name in OWN_CLIENTS:
                await OWN_CLIENTS[name](mesh, endpoints)
    finally:
        await pause(False)
        await client.close()


async def main():
    server, control = sys.argv[1:3]
    for endpoints in call(f"{control}/v1/venues")["venues"]:
        await judge(server, control, endpoints)


if __name__ == "__main__":
    asyncio.run(main())
