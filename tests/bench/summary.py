"""Prints what `chimera bench` saved as one Markdown table: what, the target, what was measured, the peer.

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


def orders(bench):
    peer = ""
    if "peer" in bench:
        (row,) = rows(bench, load="in turn", side=bench["peer"])
        peer = f"{bench['peer']}: P50 {n(row['p50_us'])} µs, {n(bench['peer_overhead_to_ours_p50'])} × our overhead"
    (mesh,), (bare,) = rows(bench, load="in turn", side="mesh"), rows(bench, load="in turn", side="bare")
    ratio = f"{n(bench['ratio_p50'])} × at P50 ({n(mesh['p50_us'])} to {n(bare['p50_us'])} µs), {n(bench['ratio_p99'])} × at P99"
    yield "order: client → venue → client, to one bare signed call", "≤ 2.5 × at P50", ratio, peer
    for row in rows(bench, side="mesh"):
        if row["load"] != "in turn":
            target = "P50 ≤ 150 µs, P99 ≤ 1 ms" if row["load"] == "1000/s" else ""
            own = f"P50 {n(row['own_p50_us'])}, P99 {n(row['own_p99_us'])} µs ({row['failed']} failed)"
            yield f"own overhead of the order path at {row['load']}, journal to the OS", target, own, ""


def orders_full(bench):
    for row in rows(bench, load="1000/s", side="mesh"):
        own = f"P50 {n(row['own_p50_us'])}, P99 {n(row['own_p99_us'])} µs ({row['failed']} failed)"
        yield "the same at 1000/s, journal to the disk", "P99 ≤ 5 ms", own, ""


def fanout(bench):
    targets = {0: "1,000,000/s, P95 ≤ 2 ms", 1: "2,000,000/s, P95 ≤ 10 ms"}
    for at, row in enumerate(rows(bench, side="mesh")):
        what = f"fan-out to {bench['readers']:,} readers of one instrument, {row['load'].split(' ')[0]}"
        yield what, targets.get(at, ""), fan(row), peers(bench, row["load"], fan)


def streams(bench):
    for row in rows(bench, side="mesh"):
        what = f"{bench['readers']:,} open streams over {bench['topics']:,} instruments"
        yield what, "100,000/s, P95 ≤ 10, P99 ≤ 25 ms, ≤ 400 MB", f"{fan(row)}, {n(row['rss_mb'])} MB", ""


def books(bench):
    for row in bench["rows"]:
        target = "≥ 1,500,000/s a core" if row["messages"] == "trades" else "≥ 250,000/s a core"
        yield f"venue feed: {row['messages']}", target, f"{row['per_core_s']:,.0f}/s a core", ""


def rest(bench):
    for row in rows(bench, side="mesh"):
        target = "P95 ≤ 1 ms" if row["load"] == "5000/s" else ""
        yield f"REST read of a ticker at {row['load']}", target, latencies(row), peers(bench, row["load"], latencies)


def start(bench):
    for row in bench["rows"]:
        ready = f"{n(row['ready_p50_ms'])} ms, idle {n(row['idle_mb'])} MB"
        yield f"start → ready, {row['mesh']}", "< 1 s, idle ≤ 60 MB", ready, ""


def main():
    folder = Path(sys.argv[1])
    print("| what | target | measured | beside it |\n|---|---|---|---|")
    for tell in (orders, orders_full, fanout, streams, rest, books, start):
        file = folder / f"{tell.__name__.replace('_', '-')}.json"
        bench = json.loads(file.read_text())
        for row in tell(bench):
            print("| " + " | ".join(row) + " |")
    machine = bench["machine"]
    print(
        f"\n{machine['processors']} × {machine['processor']}, {machine['memory_mb']:,} MB,"
        f" Linux {machine['kernel']}, {machine['build']} build."
    )


main()
