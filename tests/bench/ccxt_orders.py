"""Places orders with ccxt's async client when `chimera bench orders` says so.

The venue comes by the environment. Each line of standard input is a client id and a price; each line of
standard output says `ok` and how many nanoseconds the call took by this process's clock, or why it failed.
"""

import asyncio
import gc
import os
import sys
import time

import ccxt.async_support as ccxt

SYMBOL = "SOL/USDT:USDT"
QUANTITY = 0.01


def aim(urls, rest):
    versions = {"": "v1", "V2": "v2", "V3": "v3"}
    for half in ("fapiPublic", "fapiPrivate"):
        for suffix, version in versions.items():
            urls["api"][half + suffix] = f"{rest}/fapi/{version}"


async def main():
    exchange = ccxt.binanceusdm(
        {
            "apiKey": os.environ["CHIMERA_BENCH_API_KEY"],
            "secret": os.environ["CHIMERA_BENCH_API_SECRET"],
            # Its own throttle would be what is measured.
            "enableRateLimit": False,
            "options": {"fetchCurrencies": False},
        }
    )
    aim(exchange.urls, os.environ["CHIMERA_BENCH_REST"])
    try:
        await exchange.load_markets()
        # A collection in the midst of a call is the interpreter's business, not the client's.
        gc.disable()
        print("ready", flush=True)
        for line in sys.stdin:
            client_id, price = line.split()
            params = {"timeInForce": "IOC", "newClientOrderId": client_id}
            begun = time.perf_counter_ns()
            try:
                await exchange.create_order(SYMBOL, "limit", "buy", QUANTITY, price, params)
                print("ok", time.perf_counter_ns() - begun, flush=True)
            except ccxt.BaseError as error:
                print("failed", str(error).replace("\n", " "), flush=True)
    finally:
        await exchange.close()


asyncio.run(main())
