"""murky-tree's tree over n leaves: `trees_murky.py ROUNDS n…`, one JSON line a size, seconds."""

import hashlib
import json
import statistics
import sys
import time

from murky_tree import SimpleMerkleTree

rounds, *sizes = map(int, sys.argv[1:])
for size in sizes:
    leaves = ["0x" + hashlib.sha256(str(i).encode()).hexdigest() for i in range(size)]
    times = []
    for _ in range(rounds):
        began = time.perf_counter()
        _ = SimpleMerkleTree.of(leaves).root
        times.append(time.perf_counter() - began)
    print(json.dumps({"peer": "murky-tree", "size": size, "seconds": statistics.median(times)}))
