"""Prints what `tests/bench/run` saved as one Markdown table: what, what is aimed at, what was measured,
whether that meets the aim, and the peer.

    summary.py FOLDER
"""

import json
import sys
from pathlib import Path


def rows(bench, **wanted):
    return [row for row in bench["rows"] if all(row.get(key) == value for key, value in wanted.items())]


def n(figure):
    return f"{figure:,.0f}" if figure >= 100 else f"{figure:g}"


def fan(row):
    lost = f", {row['lost']:,} lost" if row["lost"] else ""
    return f"{row['delivered_per_s']:,.0f}/s, P50 {n(row['p50_ms'])}, P95 {n(row['p95_ms'])}, P99 {n(row['p99_ms'])} ms{lost}"


def latencies(row):
    return f"P50 {n(row['p50_us'])}, P95 {n(row['p95_us'])}, P99 {n(row['p99_us'])} µs"


def peers(bench, load, words):
    return "; ".join(f"{row['side']}: {words(row)}" for row in rows(bench, load=load) if row["side"] != "mesh")


def met(*holds):
    return "met" if all(holds) else "missed"


def orders(bench):
    peer, less = "", None
    if "peer" in bench:
        (row,) = rows(bench, load="in turn", side=bench["peer"])
        less = bench["peer_overhead_to_ours_p50"]
        peer = f"{bench['peer']}: P50 {n(row['p50_us'])} µs, {n(less)} × our overhead"
    (mesh,), (bare,) = rows(bench, load="in turn", side="mesh"), rows(bench, load="in turn", side="bare")
    ratio = f"{n(bench['ratio_p50'])} × at P50 ({n(mesh['p50_us'])} to {n(bare['p50_us'])} µs), {n(bench['ratio_p99'])} × at P99"
    aim = "≤ 2.5 × at P50; ≥ 10 × less overhead than ccxt"
    kept = met(bench["ratio_p50"] <= 2.5, less is None or less >= 10)
    yield "order: client → venue → client, to one bare signed call", aim, ratio, kept, peer
    for row in rows(bench, side="mesh"):
        if row["load"] == "in turn":
            continue
        aim, kept = "", ""
        if row["load"] == "1000/s":
            aim, kept = "P50 ≤ 150 µs, P99 ≤ 1 ms", met(row["own_p50_us"] <= 150, row["own_p99_us"] <= 1e3, not row["failed"])
        yield f"own overhead of the order path at {row['load']}, journal to the OS", aim, own(row), kept, ""


def own(row):
    placed = f"{n(row['placed_per_s'])}/s placed, own P50 {n(row['own_p50_us'])}, P99 {n(row['own_p99_us'])} µs"
    return placed + (f", {row['failed']:,} refused or failed" if row["failed"] else "")


def orders_full(bench):
    for row in rows(bench, load="1000/s", side="mesh"):
        kept = met(row["own_p99_us"] <= 5e3, not row["failed"])
        yield "the same at 1000/s, journal to the disk", "P99 ≤ 5 ms", own(row), kept, ""


def fanout(bench):
    aims = [("1,000,000/s, P95 ≤ 2 ms", 1e6, 2), ("2,000,000/s, P95 ≤ 10 ms", 2e6, 10)]
    for at, row in enumerate(rows(bench, side="mesh")):
        what = f"fan-out to {bench['readers']:,} readers of one instrument, {row['load'].split(' ')[0]}"
        aim, kept = "", ""
        if at < len(aims):
            aim, rate, p95 = aims[at]
            # The load is what is offered; a rate is kept to the last hundredth.
            kept = met(row["delivered_per_s"] >= 0.99 * rate, row["p95_ms"] <= p95, not row["lost"])
        yield what, aim, fan(row), kept, peers(bench, row["load"], fan)


def streams(bench):
    for row in rows(bench, side="mesh"):
        what = f"{bench['readers']:,} open streams over {bench['topics']:,} instruments"
        kept = met(row["delivered_per_s"] >= 99e3, row["p95_ms"] <= 10, row["p99_ms"] <= 25, row["rss_mb"] <= 400)
        yield what, "100,000/s, P95 ≤ 10, P99 ≤ 25 ms, ≤ 400 MB", f"{fan(row)}, {n(row['rss_mb'])} MB", kept, ""


def edge(bench):
    added = f"{n(bench['added_p50_us'])} µs by gRPC, {n(bench['added_rest_p50_us'])} µs by REST at P50; Envoy was not measured"
    kept = met(bench["added_p50_us"] <= 100, bench["added_rest_p50_us"] <= 100)
    yield "edge, a process of its own, in front of a unary call: added", "≤ 100 µs at P50; ≤ 1.2 × Envoy's transcoder", added, kept, ""


def books(bench):
    for row in bench["rows"]:
        aim = 1_500_000 if row["messages"] == "trades" else 250_000
        kept = met(row["per_core_s"] >= aim)
        yield f"venue feed: {row['messages']}", f"≥ {aim:,}/s a core", f"{row['per_core_s']:,.0f}/s a core", kept, ""


def rest(bench):
    for row in rows(bench, side="mesh"):
        aim, kept = "", ""
        if row["load"] == "5000/s":
            aim, kept = "P95 ≤ 1 ms", met(row["p95_us"] <= 1e3)
        yield f"REST read of a ticker at {row['load']}", aim, latencies(row), kept, peers(bench, row["load"], latencies)


def restart(chaos):
    took = chaos["recovery"]
    what = f"SIGKILL → first order taken again, {chaos['open_orders']:,} open orders"
    measured = f"P50 {took['p50_ms']:,} ms, at most {took['max_ms']:,} ms in {took['count']} kills"
    yield what, "≤ 2 s", measured, met(took["max_ms"] <= 2_000, chaos["ok"]), ""


def kill_switch(chaos):
    last, gone = chaos["last_order"], chaos["gone_at_venue"]
    what = f"kill switch at {chaos['rate']:,} orders a second → last order at the venue; all cancelled"
    measured = f"P99 {last['p99_ms']:,} ms; at most {gone['max_ms']:,} ms in {chaos['rounds']} throws"
    yield what, "P99 ≤ 5 ms; ≤ 1 s", measured, met(last["p99_ms"] <= 5, gone["max_ms"] <= 1_000, chaos["ok"]), ""


def start(bench):
    for row in bench["rows"]:
        ready = f"{n(row['ready_p50_ms'])} ms, idle {n(row['idle_mb'])} MB"
        kept = met(row["ready_p50_ms"] < 1_000, row["idle_mb"] <= 60)
        yield f"start → ready, {row['mesh']}", "< 1 s, idle ≤ 60 MB", ready, kept, ""


def main():
    folder = Path(sys.argv[1])
    print("| what | aim | measured | | beside it |\n|---|---|---|---|---|")
    for tell in (orders, orders_full, fanout, streams, rest, edge, books, restart, kill_switch, start):
        file = folder / f"{tell.__name__.replace('_', '-')}.json"
        saved = json.loads(file.read_text())
        for row in tell(saved):
            print("| " + " | ".join(row) + " |")
    machine = saved["machine"]
    print(
        f"\n{machine['processors']} × {machine['processor']}, {machine['memory_mb']:,} MB,"
        f" Linux {machine['kernel']}, {machine['build']} build."
    )


main()
