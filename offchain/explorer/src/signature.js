// Signatures and addresses in the one form that docs/format.md §6 takes.

import { keccak256, recoverPublicKey } from 'viem'
import { hex, unhex, utf8 } from './bytes.js'
import { Failure } from './failures.js'

/** Order of secp256k1's group. Source: SEC 2 §2.4.1. */
const ORDER = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141n

export const keccak = (bytes) => keccak256(bytes, 'bytes')

/** 20 bytes as an address with EIP-55's checksum. */
export function checksummed(raw) {
  const digits = hex(raw).slice(2)
  const sums = hex(keccak(utf8(digits))).slice(2)
  let out = '0x'
  for (let i = 0; i < 40; i++) out += sums[i] >= '8' ? digits[i].toUpperCase() : digits[i]
  return out
}

/**
 * Address whose key signed a digest.
 * @param {Uint8Array} digest
 * @param {string} signature 0x-hex
 */
export async function recover(digest, signature) {
  const raw = unhex(signature)
  const bad = (why) => new Failure('BadSignature', why)
  if (raw.length !== 65) throw bad(`a signature is 65 bytes, this one ${raw.length}`)
  if (raw[64] !== 27 && raw[64] !== 28) {
    throw bad(`a signature's v is 27 or 28, this one's ${raw[64]}`)
  }
  if (BigInt(hex(raw.subarray(32, 64))) > ORDER / 2n) {
    throw bad("the signature's s lies in the upper half of the curve's order")
  }
  let key
  try {
    key = unhex(await recoverPublicKey({ hash: hex(digest), signature }))
  } catch {
    throw bad('the signature recovers to no key')
  }
  return checksummed(keccak(key.subarray(1)).subarray(12))
}
