// Peers' trees over n leaves: `node trees.mjs ROUNDS n…`, one JSON line a peer and size, seconds.
import { createHash } from "node:crypto";
import { performance } from "node:perf_hooks";
import { MerkleTree } from "merkletreejs";
import { SimpleMerkleTree } from "@openzeppelin/merkle-tree";
import { keccak_256 } from "@noble/hashes/sha3";

const [rounds, ...sizes] = process.argv.slice(2).map(Number);
const median = (times) => times.sort((a, b) => a - b)[times.length >> 1];
const timed = (work) =>
  median(
    Array.from({ length: rounds }, () => {
      const began = performance.now();
      work();
      return (performance.now() - began) / 1000;
    }),
  );

for (const size of sizes) {
  const leaves = Array.from({ length: size }, (_, i) =>
    createHash("sha256").update(String(i)).digest(),
  );
  const hex = leaves.map((leaf) => `0x${leaf.toString("hex")}`);
  const keccak = (data) => Buffer.from(keccak_256(data));
  const peers = {
    merkletreejs: () => new MerkleTree(leaves, keccak).getRoot(),
    "@openzeppelin/merkle-tree": () => SimpleMerkleTree.of(hex).root,
  };
  for (const [peer, work] of Object.entries(peers)) {
    console.log(JSON.stringify({ peer, size, seconds: timed(work) }));
  }
}
