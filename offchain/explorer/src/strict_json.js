// JSON from outside, read strictly (docs/format.md §9): bounded, no duplicate keys, no lossy
// numbers. Whole numbers become BigInts, all others Numbers.

import { wellFormed } from './bytes.js'
import { Failure, malformed, quoted } from './failures.js'

export const MAX_BYTES = 64 * 2 ** 20
const MAX_DEPTH = 32
const MAX_VALUES = 2 ** 22
const MAX_DIGITS = 100

const SPACE = new Set([' ', '\t', '\n', '\r'])
const ESCAPES = { '"': '"', '\\': '\\', '/': '/', b: '\b', f: '\f', n: '\n', r: '\r', t: '\t' }
const NUMBER = /-?(?:0|[1-9][0-9]*)(\.[0-9]+)?([eE][-+]?[0-9]+)?/y
const PLAIN = /[^"\\\u0000-\u001f]*/y

const noJson = (why, at) => malformed(`the file is no JSON: ${why}: character ${at}`)

/**
 * One JSON object.
 * @param {Uint8Array} raw
 */
export function parse(raw) {
  if (raw.length > MAX_BYTES) {
    throw new Failure('FileTooLarge', `the file is over ${MAX_BYTES / 2 ** 20} MiB`)
  }
  if (raw.every((byte) => byte === 32 || (byte >= 9 && byte <= 13))) {
    throw malformed('the file is empty')
  }
  if (raw[0] === 0xef && raw[1] === 0xbb && raw[2] === 0xbf) {
    throw malformed('the file begins with a byte order mark: write it as plain UTF-8')
  }
  let text
  try {
    text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(raw)
  } catch {
    throw malformed('the file is no UTF-8')
  }
  const value = new Reader(text).whole()
  if (value === null || typeof value !== 'object' || Array.isArray(value)) {
    throw malformed('the file holds no JSON object')
  }
  return value
}

class Reader {
  #text
  #at = 0
  #depth = 0
  #values = 0

  constructor(text) {
    this.#text = text
  }

  whole() {
    const value = this.#value()
    this.#skip()
    if (this.#at < this.#text.length) throw noJson('Extra data', this.#at)
    return value
  }

  #skip() {
    while (SPACE.has(this.#text[this.#at])) this.#at++
  }

  #count() {
    if (++this.#values > MAX_VALUES) {
      throw malformed(`the file holds more than ${MAX_VALUES} values`)
    }
  }

  #value() {
    this.#skip()
    const first = this.#text[this.#at]
    if (first === '{') return this.#inside(() => this.#object())
    if (first === '[') return this.#inside(() => this.#list())
    if (first === '"') return this.#string()
    for (const [word, value] of [['true', true], ['false', false], ['null', null]]) {
      if (this.#text.startsWith(word, this.#at)) {
        this.#at += word.length
        return value
      }
    }
    for (const word of ['NaN', 'Infinity', '-Infinity']) {
      if (this.#text.startsWith(word, this.#at)) throw malformed(`${word} is no JSON number`)
    }
    return this.#number()
  }

  #inside(read) {
    this.#count()
    if (++this.#depth > MAX_DEPTH) throw malformed(`the file nests deeper than ${MAX_DEPTH}`)
    this.#at++
    const value = read()
    this.#depth--
    return value
  }

  #object() {
    // without a prototype, `__proto__` is a key like any other
    const out = Object.create(null)
    this.#skip()
    if (this.#text[this.#at] === '}') {
      this.#at++
      return out
    }
    for (;;) {
      this.#skip()
      if (this.#text[this.#at] !== '"') throw noJson('a key is missing', this.#at)
      const name = this.#string()
      if (name in out) throw malformed(`the key ${quoted(name)} stands twice in one object`)
      this.#skip()
      if (this.#text[this.#at] !== ':') throw noJson("':' is missing", this.#at)
      this.#at++
      out[name] = this.#value()
      if (this.#ended('}')) return out
    }
  }

  #list() {
    const out = []
    this.#skip()
    if (this.#text[this.#at] === ']') {
      this.#at++
      return out
    }
    for (;;) {
      out.push(this.#value())
      if (this.#ended(']')) return out
    }
  }

  #ended(bracket) {
    this.#skip()
    const found = this.#text[this.#at]
    if (found !== bracket && found !== ',') {
      throw noJson(`',' or '${bracket}' is missing`, this.#at)
    }
    this.#at++
    if (found === ',') this.#count()
    return found === bracket
  }

  #string() {
    const start = this.#at++
    let out = ''
    for (;;) {
      PLAIN.lastIndex = this.#at
      const [plain] = PLAIN.exec(this.#text)
      out += plain
      this.#at += plain.length
      const found = this.#text[this.#at]
      if (found === undefined) throw noJson('Unterminated string', start)
      this.#at++
      if (found === '"') break
      if (found !== '\\') throw noJson('a control character in a string', this.#at - 1)
      out += this.#escape(start)
    }
    if (!wellFormed(out)) throw malformed('the file holds half of a surrogate pair')
    return out
  }

  #escape(start) {
    const letter = this.#text[this.#at++]
    if (letter === undefined) throw noJson('Unterminated string', start)
    if (letter !== 'u') {
      if (!Object.hasOwn(ESCAPES, letter)) throw noJson('an unknown escape', this.#at - 1)
      return ESCAPES[letter]
    }
    const digits = this.#text.slice(this.#at, this.#at + 4)
    if (!/^[0-9a-fA-F]{4}$/.test(digits)) throw noJson('an unknown escape', this.#at - 2)
    this.#at += 4
    return String.fromCharCode(parseInt(digits, 16))
  }

  #number() {
    NUMBER.lastIndex = this.#at
    const found = NUMBER.exec(this.#text)
    if (found === null) throw noJson('a value is missing', this.#at)
    const [digits, fraction, exponent] = found
    this.#at += digits.length
    if (fraction === undefined && exponent === undefined) {
      if (digits.length > MAX_DIGITS) throw malformed(`a number has over ${MAX_DIGITS} digits`)
      return digits === '-0' ? -0 : BigInt(digits)
    }
    const value = Number(digits)
    if (!Number.isFinite(value)) {
      throw malformed(`the number ${quoted(digits)} is past what JSON readers hold`)
    }
    return value
  }
}
