// Whom the reader believes: this page's list and the reader's own additions, never the file's.

import known from './known.json' with { type: 'json' }
import { unhex } from './bytes.js'
import { Failure } from './failures.js'
import { checksummed } from './signature.js'

/** Chain id of a developer's own node: everybody's is another chain. Source: anvil's default. */
export const LOCAL_CHAIN = 31337n

/** Chain id of the chain inside a program, which ends with it. Source: eth-tester's own. */
export const EMBEDDED_CHAIN = 131277322940537n

const pair = (chainId, ledger) => `${chainId}:${ledger.toLowerCase()}`

export function address(text) {
  if (!/^0x[0-9a-fA-F]{40}$/.test(text)) {
    throw new Failure('BadSetting', `${text} is no address: 0x and 40 digits`)
  }
  const found = checksummed(unhex(text.toLowerCase()))
  if (![found.slice(2), text.slice(2).toLowerCase(), text.slice(2).toUpperCase()].includes(text.slice(2))) {
    throw new Failure('BadSetting', `${text} has a wrong checksum: a digit is mistyped`)
  }
  return found
}

export class Trust {
  #ledgers = new Map()
  publishers = []

  constructor() {
    for (const each of known) this.#add(each)
  }

  /** What is not named of a ledger that is on the list already stays. */
  #add({ chainId, ledger, ...more }) {
    const { registry = null, court = null } = { ...this.of(chainId, ledger), ...more }
    this.#ledgers.set(pair(chainId, ledger), { chainId: BigInt(chainId), ledger, registry, court })
  }

  /**
   * This page's list with the reader's additions.
   * @param {string} ledgers a line each: CHAIN_ID:LEDGER [registry=ADDRESS] [court=ADDRESS]
   * @param {string} publishers addresses, whose word on a model counts
   */
  static with(ledgers, publishers) {
    const trust = new Trust()
    for (const line of ledgers.split('\n')) {
      const [first, ...rest] = line.trim().split(/\s+/)
      if (!first) continue
      const found = /^([0-9]{1,78}):(.*)$/.exec(first)
      if (found === null) {
        throw new Failure('BadSetting', `a ledger is CHAIN_ID:ADDRESS, not ${first}`)
      }
      const more = {}
      for (const word of rest) {
        const [name, value] = word.split('=')
        if (!['registry', 'court'].includes(name) || value === undefined) {
          throw new Failure('BadSetting', `after a ledger come registry= and court=, not ${word}`)
        }
        more[name] = address(value)
      }
      trust.#add({ chainId: BigInt(found[1]), ledger: address(found[2]), ...more })
    }
    trust.publishers = [...new Set(publishers.split(/[\s,]+/).filter(Boolean).map(address))]
    return trust
  }

  /** What the list holds of a ledger, or null where it is not on it. */
  of(chainId, ledger) {
    return this.#ledgers.get(pair(chainId, ledger)) ?? null
  }

  all() {
    return [...this.#ledgers.values()]
  }
}
