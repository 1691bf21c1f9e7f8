"""merkly's tree over n leaves: `trees_merkly.py ROUNDS n…`, one JSON line a size, seconds."""

import hashlib
import json
import statistics
import sys
import time

from merkly.mtree import MerkleTree

rounds, *sizes = map(int, sys.argv[1:])
for size in sizes:
    leaves = [hashlib.sha256(str(i).encode()).hexdigest() for i in range(size)]
    times = []
    for _ in range(rounds):
        began = time.perf_counter()
        _ = MerkleTree(leaves).root
        times.append(time.perf_counter() - began)
    print(json.dumps({"peer": "merkly", "size": size, "seconds": statistics.median(times)}))
