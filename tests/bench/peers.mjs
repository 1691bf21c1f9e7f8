// Peers' contracts: `node peers.mjs` prints {name: {abi, bytecode}}, compiled by npm's solc.
import { createRequire } from "node:module";
import { readFileSync } from "node:fs";

const require = createRequire(import.meta.url);
const solc = require("solc");

const ROOTS = `
// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.24;
import {MerkleProof} from "@openzeppelin/contracts/utils/cryptography/MerkleProof.sol";

contract Roots {
    mapping(uint256 => bytes32) public roots;
    uint256 public next;

    constructor() { next = 1; }

    function post(bytes32 root) external { roots[next++] = root; }

    function verify(uint256 batch, bytes32 leaf, bytes32[] calldata proof) external view returns (bool) {
        return MerkleProof.verifyCalldata(proof, roots[batch], leaf);
    }
}`;

const input = {
  language: "Solidity",
  sources: { "Roots.sol": { content: ROOTS } },
  settings: {
    evmVersion: "cancun",
    optimizer: { enabled: true, runs: 1_000_000 },
    outputSelection: { "*": { Roots: ["abi", "evm.bytecode.object"] } },
  },
};
const found = (path) => ({ contents: readFileSync(require.resolve(path), "utf8") });
const made = JSON.parse(solc.compile(JSON.stringify(input), { import: found }));
const wrong = (made.errors ?? []).filter((each) => each.severity === "error");
if (wrong.length) throw new Error(wrong[0].formattedMessage);
const { abi, evm } = made.contracts["Roots.sol"].Roots;
console.log(JSON.stringify({ Roots: { abi, bytecode: `0x${evm.bytecode.object}` } }));
