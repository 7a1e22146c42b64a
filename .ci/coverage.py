"""Prints the line coverage of rooms from an llvm-cov summary, and fails below a floor.

usage: coverage.py SUMMARY.json FLOOR_PERCENT ROOM...
"""

import json
import sys

summary, floor, *rooms = sys.argv[1:]
files = json.load(open(summary))["data"][0]["files"]
low = False
for room in rooms:
    lines = [
        file["summary"]["lines"]
        for file in files
        if f"/services/{room}/src/" in file["filename"] and "/tests" not in file["filename"]
    ]
    count, covered = sum(line["count"] for line in lines), sum(line["covered"] for line in lines)
    percent = 100 * covered / count if count else 0
    low |= percent < float(floor)
    print(f"coverage of {room}: {percent:.1f} % of {count} lines")
sys.exit(low)
