#!/usr/bin/env python3
"""Stock clients, unmodified, against simulated venues alone: their numbers against the venue's own books.

This judges what the mesh does not trade. Usage: by_books.py SIMULATOR_CONTROL_URL
"""

import asyncio
import sys

import ccxt

import bpx_client
import market
import orders
from books import Books
from judge import open_client, pauser
from mesh import Judgement, call
from venues import BY_THE_BOOKS

# The venue's other client beside ccxt, by venue.
OWN_CLIENTS = {"backpack": bpx_client.judge}


async def judge(control, endpoints, venue):
    steer = f"{control}/v1/venues/{endpoints['venue']}"
    books = Books(venue, endpoints, steer)
    found = Judgement(f"ccxt on {venue.listed}", books.news)
    client, pause = open_client(venue, endpoints), pauser(steer)
    try:
        await client.load_markets()
        seen = await market.watch_streams(found, client, venue)
        await pause(True)
        async with books.followed():
            await market.judge_by_books(found, client, venue, books, seen)
            await orders.judge(found, client, venue, books)
            print(f"ccxt {ccxt.__version__} on {venue.listed}: {found.compared} comparisons, all equal")
    finally:
        await pause(False)
        await client.close()


async def main():
    [control] = sys.argv[1:]
    simulated = {one["venue"]: one for one in call(f"{control}/v1/venues")["venues"]}
    for name, markets in BY_THE_BOOKS.items():
        for venue in markets:
            await judge(control, simulated[name], venue)
        await OWN_CLIENTS[name](control, simulated[name])


asyncio.run(main())
