// One JSON-RPC server, believed for nothing but what it says, and bounded in time and length.

import { decodeFunctionResult, encodeFunctionData } from 'viem'
import { Failure, RpcTrouble } from './failures.js'

const TIMEOUT = 10_000
const MAX_ANSWER = 16 * 2 ** 20

export class Rpc {
  #url
  #id = 0

  /** @param {string} url http or https */
  constructor(url, { timeout = TIMEOUT } = {}) {
    let parsed
    try {
      parsed = new URL(url)
    } catch {
      throw new RpcTrouble('BadRpcAddress', 'the RPC is no address: give http:// or https://')
    }
    if (!['http:', 'https:'].includes(parsed.protocol)) {
      throw new RpcTrouble('BadRpcAddress', 'the RPC is no http:// or https:// address')
    }
    if (parsed.username || parsed.password) {
      throw new RpcTrouble(
        'BadRpcAddress',
        "a browser sends no name and password in an RPC's address: give one without",
      )
    }
    this.#url = parsed.href
    this.timeout = timeout
    /** How messages call it; never the whole address, which may hold a key. */
    this.host = parsed.host
  }

  async #post(body) {
    const stop = new AbortController()
    const timer = setTimeout(() => stop.abort(), this.timeout)
    try {
      const answer = await fetch(this.#url, {
        method: 'POST',
        headers: { 'Content-Type': 'application/json' },
        body,
        signal: stop.signal,
        credentials: 'omit',
        referrerPolicy: 'no-referrer',
        cache: 'no-store',
      })
      const parts = []
      let length = 0
      const reader = answer.body.getReader()
      for (;;) {
        const { done, value } = await reader.read()
        if (done) break
        length += value.length
        if (length > MAX_ANSWER) {
          stop.abort()
          throw new RpcTrouble('BadAnswer', `${this.host} answers without end: ask another RPC`)
        }
        parts.push(value)
      }
      return [answer.status, await new Blob(parts).text()]
    } catch (error) {
      if (error instanceof RpcTrouble) throw error
      const why = stop.signal.aborted
        ? `does not answer within ${this.timeout / 1000} s`
        : 'does not answer, or forbids pages to ask it (CORS)'
      throw new RpcTrouble('ChainUnavailable', `${this.host} ${why}`)
    } finally {
      clearTimeout(timer)
    }
  }

  /** The result of one request. */
  async ask(method, ...params) {
    const id = ++this.#id
    const [status, text] = await this.#post(JSON.stringify({ jsonrpc: '2.0', id, method, params }))
    let answer
    try {
      answer = JSON.parse(text)
    } catch {
      const kind = status === 200 ? 'BadAnswer' : 'ChainUnavailable'
      throw new RpcTrouble(kind, `${this.host} answers with ${status} and no JSON`)
    }
    if (answer?.error) {
      const { code, message } = answer.error
      const said = String(message ?? '').slice(0, 200)
      if (code === 3 || /revert/i.test(said)) throw new Failure('Refused', said)
      if (/range|too (many|large)|limit|more than|exceed/i.test(said)) {
        throw new RpcTrouble('RangeTooWide', `${this.host}: ${said}`)
      }
      throw new RpcTrouble('ChainUnavailable', `${this.host} refuses ${method}: ${said || code}`)
    }
    if (answer?.id !== id || !('result' in answer)) {
      throw new RpcTrouble('BadAnswer', `${this.host} answers what was not asked: ask another RPC`)
    }
    return answer.result
  }

  /** A number that the server gives as 0x-hex. */
  async number(method, ...params) {
    return this.quantity(await this.ask(method, ...params))
  }

  quantity(value) {
    if (typeof value !== 'string' || !/^0x[0-9a-fA-F]{1,64}$/.test(value)) {
      throw new RpcTrouble('BadAnswer', `${this.host} gives no number where one is due`)
    }
    return BigInt(value)
  }

  /** Number and time of a block by number or tag; null where there is none. */
  async block(which) {
    const tag = typeof which === 'bigint' ? `0x${which.toString(16)}` : which
    const found = await this.ask('eth_getBlockByNumber', tag, false)
    if (found === null) return null
    return { number: this.quantity(found.number ?? '0x0'), time: this.quantity(found.timestamp) }
  }

  /** What a contract's view gives. */
  async view(abi, to, functionName, ...args) {
    const data = encodeFunctionData({ abi, functionName, args })
    const result = await this.ask('eth_call', { to, data }, 'latest')
    if (result === '0x') throw new Failure('NoContract', `nothing answers ${functionName} at ${to}`)
    try {
      return decodeFunctionResult({ abi, functionName, data: result })
    } catch {
      throw new RpcTrouble('BadAnswer', `${this.host} gives no result of ${functionName}`)
    }
  }
}
