// An object's fields, taken one by one, each of the kind that docs/format.md §9 says.

import { unbase64, unhex } from './bytes.js'
import { malformed } from './failures.js'
import { checksummed } from './signature.js'

const MAX_EXACT = 2n ** 53n - 1n
const MAX_SIZE = 2n ** 32n

export class Fields {
  #all
  #path

  constructor(value, path = '') {
    this.#path = path
    if (value === null || typeof value !== 'object' || Array.isArray(value)) {
      throw malformed(`${this.#where()} is no object`)
    }
    this.#all = value
  }

  #where() {
    return this.#path || 'file'
  }

  bad(name, what) {
    return malformed(`${this.#where()}.${name} ${what}`)
  }

  /** Whether the field is there and not null. */
  has(name) {
    return (this.#all[name] ?? null) !== null
  }

  take(name) {
    if (!(name in this.#all)) throw this.bad(name, 'is missing')
    return this.#all[name]
  }

  child(name) {
    return new Fields(this.take(name), this.#path ? `${this.#path}.${name}` : name)
  }

  /** An object, or null where the field is not there. */
  maybe(name) {
    return this.has(name) ? this.child(name) : null
  }

  children(name, limit) {
    const path = this.#path ? `${this.#path}.${name}` : name
    return this.items(name, limit).map((item, place) => new Fields(item, `${path}[${place}]`))
  }

  text(name) {
    const value = this.take(name)
    if (typeof value !== 'string') throw this.bad(name, 'is no string')
    return value
  }

  items(name, limit) {
    const value = this.take(name)
    if (!Array.isArray(value)) throw this.bad(name, 'is no list')
    if (value.length > limit) throw this.bad(name, `has over ${limit} items`)
    return value
  }

  /** An unsigned integer below 2^bits: a JSON number to 2^53−1, else a decimal string. */
  number(name, bits = 64) {
    return this.#number(this.take(name), name, bits)
  }

  numbers(name, limit) {
    return this.items(name, limit).map((item) => this.#number(item, name, 64))
  }

  #number(value, name, bits) {
    let number
    if (typeof value === 'string' && /^(?:0|[1-9][0-9]{0,77})$/.test(value)) number = BigInt(value)
    else if (typeof value === 'bigint') {
      number = value
      if (number > MAX_EXACT) {
        throw this.bad(name, 'is past 2^53−1: write it as a decimal string')
      }
    } else throw this.bad(name, 'is no whole number')
    if (number < 0n || number >= 2n ** BigInt(bits)) {
      throw this.bad(name, `is outside 0 … 2^${bits}−1`)
    }
    return number
  }

  /** `first` and `size` of a batch, within the bounds of docs/format.md §7. */
  run() {
    const [first, size] = [this.number('first'), this.number('size')]
    if (size < 1n || size > MAX_SIZE) throw this.bad('size', 'is outside 1 … 2^32')
    if (first + size >= 2n ** 64n) throw this.bad('first', 'and size reach past 2^64−1')
    return { first, size }
  }

  /** 0x-hex in lower case, of so many bytes. */
  hex(name, length) {
    return this.#hex(this.take(name), name, length)
  }

  hexes(name, length, limit) {
    return this.items(name, limit).map((item) => this.#hex(item, name, length))
  }

  #hex(value, name, length) {
    if (typeof value !== 'string' || !/^0x(?:[0-9a-fA-F]{2})*$/.test(value) || value.endsWith('\n')) {
      throw this.bad(name, 'is no 0x-hex of whole bytes')
    }
    const found = (value.length - 2) / 2
    if (found !== length) throw this.bad(name, `has ${found} bytes, not ${length}`)
    return value.toLowerCase()
  }

  /** An address with EIP-55's checksum; mixed case must be that, so that a typing error is found. */
  address(name) {
    const found = checksummed(unhex(this.hex(name, 20)))
    const digits = this.take(name).slice(2)
    const plain = found.slice(2)
    if (![plain, plain.toLowerCase(), plain.toUpperCase()].includes(digits)) {
      throw this.bad(name, 'has a wrong EIP-55 checksum')
    }
    return found
  }

  base64(name) {
    const raw = unbase64(this.text(name))
    if (raw === null) throw this.bad(name, 'is no base64')
    if (raw === false) throw this.bad(name, 'is no base64: bits are set past its end')
    return raw
  }
}
