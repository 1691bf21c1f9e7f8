// EAS's off-chain attestations: `node attest.mjs SECONDS` prints {sign, verify}, seconds each.
// The SDK's ES modules do not load under Node.js 20 (named imports from lodash): CommonJS's do.
import { createRequire } from "node:module";
import { performance } from "node:perf_hooks";

const require = createRequire(import.meta.url);
const { EAS, Offchain, OffchainAttestationVersion, SchemaEncoder } = require(
  "@ethereum-attestation-service/eas-sdk",
);
const { Wallet } = require("ethers");

const bytes32 = (byte) => `0x${byte.repeat(32)}`;
const address = `0x${"11".repeat(20)}`;
const signer = new Wallet(bytes32("42"));
const offchain = new Offchain(
  { address, chainId: 31337n, version: "1.4.0" },
  OffchainAttestationVersion.Version2,
  new EAS(address),
);
const data = new SchemaEncoder("bytes32 digest").encodeData([
  { name: "digest", value: bytes32("aa"), type: "bytes32" },
]);
const content = {
  schema: bytes32("bb"),
  recipient: `0x${"00".repeat(20)}`,
  time: 1790000000n,
  expirationTime: 0n,
  revocable: false,
  refUID: bytes32("00"),
  data,
};

async function median(work) {
  const times = [];
  const stop = performance.now() + 1000 * Number(process.argv[2]);
  while (times.length < 20 || performance.now() < stop) {
    const began = performance.now();
    await work();
    times.push(performance.now() - began);
  }
  return times.sort((a, b) => a - b)[times.length >> 1] / 1000;
}

const sign = () => offchain.signOffchainAttestation(content, signer, { verifyOnchain: false });
const attestation = await sign();
const verify = () => {
  if (!offchain.verifyOffchainAttestationSignature(signer.address, attestation)) throw Error();
};
console.log(JSON.stringify({ sign: await median(sign), verify: await median(verify) }));
