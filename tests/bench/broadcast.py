"""The data service that most teams write first: FastAPI, a set of WebSockets, and a loop that sends to each.

`chimera bench fanout` publishes to `/publish` and reads from `/watch`; `chimera bench rest` reads `/ticker`.
"""

from fastapi import FastAPI, WebSocket, WebSocketDisconnect

app = FastAPI()
watchers: set[WebSocket] = set()


async def broadcast(message: str):
    gone = []
    for watcher in list(watchers):
        try:
            await watcher.send_text(message)
        except Exception:
            gone.append(watcher)
    watchers.difference_update(gone)


@app.websocket("/publish")
async def publish(source: WebSocket):
    await source.accept()
    try:
        while True:
            await broadcast(await source.receive_text())
    except WebSocketDisconnect:
        pass


@app.websocket("/watch")
async def watch(watcher: WebSocket):
    await watcher.accept()
    watchers.add(watcher)
    await watcher.send_text("seated")
    try:
        while True:
            await watcher.receive_text()
    except WebSocketDisconnect:
        watchers.discard(watcher)


@app.get("/ticker")
async def ticker():
    return {
        "tickers": [
            {
                "venue": "binance-usdm",
                "symbol": "SOL-USDT-PERP",
                "bidPrice": "620.05",
                "bidQuantity": "12.5",
                "askPrice": "620.06",
                "askQuantity": "7.25",
                "lastPrice": "620.06",
                "volume24h": "1804312.11",
                "freshness": "FRESHNESS_LIVE",
                "seq": "4711",
            }
        ]
    }
