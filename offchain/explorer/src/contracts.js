// The contracts' views that the page reads. A test holds them against the committed artefacts.

import { decodeEventLog, encodeEventTopics, parseAbi } from 'viem'
import { RpcTrouble } from './failures.js'

export const LEDGER = parseAbi([
  'struct Receipt { address signer; uint64 sequence; bytes32 model; bytes32 runtime; bytes32 request; bytes32 inputs; bytes32 outputs; uint64 issuedAt; uint64 settleBy; }',
  'struct Inclusion { uint64 first; uint64 size; uint64 postedAt; bytes32[] path; }',
  'struct LogRecord { address operator; uint64 openedAt; uint64 closesAt; uint64 revokedAt; uint32 maxDelay; uint64 nextSequence; }',
  'function domain_separator() view returns (bytes32)',
  'function log_record(address signer) view returns (LogRecord)',
  'function batch_word(address signer, uint64 first) view returns (bytes32)',
  'function verify(Receipt receipt, Inclusion inclusion) view returns (bool)',
  'event BatchPosted(address indexed signer, uint64 indexed first, uint64 size, bytes32 root, uint64 postedAt, string uri)',
])

export const REGISTRY = parseAbi([
  'struct ModelRecord { string name; string version; string uri; bytes32 metadata; bytes32 program; uint64 publishedAt; uint64 deprecatedAt; }',
  'function record(address publisher, bytes32 model) view returns (ModelRecord)',
])

export const COURT = parseAbi([
  'struct Standing { uint64 markedAt; uint256 reason; uint16 count; }',
  'struct Bond { uint256 amount; uint256 unit; uint64 askedAt; uint64 cases; }',
  'function ledger() view returns (address)',
  'function standing(address signer) view returns (Standing)',
  'function clean_at(address signer, uint64 time) view returns (bool)',
  'function bond(address signer) view returns (Bond)',
])

/** IBonds.Offence, bit by bit. */
export const OFFENCES = ['late', 'conflict', 'double-sign', 'withheld', 'fault']

const SPAN = 10_000n
const MOST_REQUESTS = 24
const MOST_BATCHES = 200

/** A block not later than the first one whose time is at least `time`. */
async function blockAt(rpc, time, head) {
  let [low, high] = [0n, head]
  while (low < high) {
    const middle = (low + high) / 2n
    const block = await rpc.block(middle)
    if (block === null || block.time < time) low = middle + 1n
    else high = middle
  }
  return low
}

/**
 * A log's batches, the oldest first, as the ledger's events tell.
 * @returns {{batches: object[], whole: boolean}} whole: none was left out
 */
export async function batchesOf(rpc, ledger, signer, openedAt) {
  const head = await rpc.number('eth_blockNumber')
  const start = await blockAt(rpc, openedAt, head)
  const topics = encodeEventTopics({ abi: LEDGER, eventName: 'BatchPosted', args: { signer } })
  const batches = []
  let [stop, span, requests] = [head, SPAN, 0]
  while (stop >= start && requests < MOST_REQUESTS && batches.length < MOST_BATCHES) {
    const low = stop - span + 1n > start ? stop - span + 1n : start
    requests += 1
    let found
    try {
      found = await rpc.ask('eth_getLogs', {
        address: ledger,
        topics,
        fromBlock: `0x${low.toString(16)}`,
        toBlock: `0x${stop.toString(16)}`,
      })
    } catch (error) {
      if (error.kind !== 'RangeTooWide' || low === stop) throw error
      span = (stop - low + 1n) / 4n || 1n
      continue
    }
    batches.push(...(Array.isArray(found) ? found : []).map((entry) => posted(rpc, ledger, signer, entry)))
    stop = low - 1n
  }
  batches.sort((one, other) => (one.first < other.first ? -1 : 1))
  return { batches, whole: stop < start }
}

function posted(rpc, ledger, signer, entry) {
  const bad = new RpcTrouble('BadAnswer', `${rpc.host} gives other events than it was asked for`)
  if (String(entry?.address).toLowerCase() !== ledger.toLowerCase()) throw bad
  let args
  try {
    args = decodeEventLog({ abi: LEDGER, topics: entry.topics, data: entry.data, strict: true }).args
  } catch {
    throw bad
  }
  if (args.signer !== signer) throw bad
  return { ...args, block: rpc.quantity(entry.blockNumber), transaction: String(entry.transactionHash) }
}
