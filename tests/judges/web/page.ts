// A trader's page: places, watches, cancels and is refused, by stock gRPC-web in a real browser.
import { createClient, ConnectError, Code } from "@connectrpc/connect";
import { createGrpcWebTransport } from "@connectrpc/connect-web";
import { OrderService, OrderState } from "./generated/chimera/order/v1/order_pb.ts";
import { MarketDataService } from "./generated/chimera/market_data/v1/market_data_pb.ts";
import { OrderType, Side } from "./generated/chimera/common/v1/trading_pb.ts";

const query = new URLSearchParams(location.search);
const transport = createGrpcWebTransport({ baseUrl: query.get("server")!, useBinaryFormat: true });
const venue = query.get("venue")!;
const orders = createClient(OrderService, transport);
const market = createClient(MarketDataService, transport);

function check(condition: boolean, what: string): asserts condition {
  if (!condition) throw new Error(what);
}

async function trade(): Promise<string> {
  const listed = await market.listInstruments({ venue });
  const instrument = listed.instruments.find((one) => one.symbol === "SOL-USDT-PERP");
  check(instrument !== undefined, "SOL-USDT-PERP is listed");

  const { tickers } = await market.listTickers({ venue, symbols: [instrument.symbol] });
  check(tickers.length === 1 && tickers[0].bidPrice !== "", "the ticker has a bid");
  // Ten percent below the touch, on the tick: rests, and is inside the venue's price band.
  const tick = Number(instrument.tickSize);
  const decimals = (instrument.tickSize.split(".")[1] ?? "").length;
  const price = (Math.round((Number(tickers[0].bidPrice) * 0.9) / tick) * tick).toFixed(decimals);

  const seen: OrderState[] = [];
  const watching = new AbortController();
  const watched = (async () => {
    for await (const { frame } of orders.watchOrders({ account: "main" }, { signal: watching.signal })) {
      if (frame.case === "change" && frame.value.order) seen.push(frame.value.order.state);
      if (seen.includes(OrderState.CANCELLED)) return;
    }
  })();

  const placed = await orders.placeOrder({
    account: "main", venue, symbol: "SOL", side: Side.BUY, type: OrderType.LIMIT, quantity: "1", price,
  });
  check(placed.order?.state === OrderState.OPEN, `open, not ${OrderState[placed.order?.state ?? 0]}`);
  const key = { account: "main", clientOrderIndex: placed.order.clientOrderIndex };
  await orders.cancelOrder(key);
  await watched;
  const ended = await orders.getOrder(key);
  check(ended.order?.state === OrderState.CANCELLED, "cancelled");

  try {
    await orders.placeOrder({
      account: "main", venue, symbol: "SOL", side: Side.BUY, type: OrderType.LIMIT, quantity: "1,5", price,
    });
    check(false, "a malformed quantity was taken");
  } catch (error) {
    const refused = ConnectError.from(error);
    check(refused.code === Code.InvalidArgument, `INVALID_ARGUMENT, not ${Code[refused.code]}: ${refused.message}`);
  }
  return `order ${key.clientOrderIndex} open and cancelled at ${price}; states seen ${seen.map((s) => OrderState[s])}`;
}

trade().then(
  (verdict) => { document.title = `ok: ${verdict}`; },
  (error) => { document.title = `failed: ${error}`; },
);
