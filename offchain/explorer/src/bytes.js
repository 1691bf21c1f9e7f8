// Bytes and the texts that stand for them.

/** 0x-hex of bytes. */
export function hex(bytes) {
  let out = '0x'
  for (const byte of bytes) out += byte.toString(16).padStart(2, '0')
  return out
}

/** Bytes of 0x-hex that is known to be whole. */
export function unhex(text) {
  const out = new Uint8Array((text.length - 2) / 2)
  for (let i = 0; i < out.length; i++) out[i] = parseInt(text.slice(2 + 2 * i, 4 + 2 * i), 16)
  return out
}

export function concat(...parts) {
  let length = 0
  for (const part of parts) length += part.length
  const out = new Uint8Array(length)
  let at = 0
  for (const part of parts) {
    out.set(part, at)
    at += part.length
  }
  return out
}

/** A number as so many bytes, big-endian. */
export function bigEndian(number, length) {
  const out = new Uint8Array(length)
  let rest = BigInt(number)
  for (let i = length - 1; i >= 0; i--) {
    out[i] = Number(rest & 255n)
    rest >>= 8n
  }
  return out
}

/** A number as EIP-712 and the ABI hold it: 32 bytes. */
export const word = (number) => bigEndian(number, 32)

const encoder = new TextEncoder()
export const utf8 = (text) => encoder.encode(text)

/** Whether a string has no half of a surrogate pair. */
export function wellFormed(text) {
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i)
    if (unit < 0xd800 || unit > 0xdfff) continue
    const next = text.charCodeAt(i + 1)
    if (unit > 0xdbff || !(next >= 0xdc00 && next <= 0xdfff)) return false
    i++
  }
  return true
}

/** -1, 0 or 1: bytes in their order. */
export function compare(one, other) {
  const length = Math.min(one.length, other.length)
  for (let i = 0; i < length; i++) if (one[i] !== other[i]) return one[i] < other[i] ? -1 : 1
  return Math.sign(one.length - other.length)
}

const LETTERS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/'
const VALUES = new Uint8Array(128).fill(255)
for (let i = 0; i < 64; i++) VALUES[LETTERS.charCodeAt(i)] = i

/** Bytes of base64 (RFC 4648 §4). Null: it is none. False: bits are set past its end. */
export function unbase64(text) {
  if (text.length % 4) return null
  const padding = text.endsWith('==') ? 2 : text.endsWith('=') ? 1 : 0
  const letters = text.length - padding
  const out = new Uint8Array((text.length / 4) * 3 - padding)
  let held = 0
  let bits = 0
  let at = 0
  for (let i = 0; i < letters; i++) {
    const code = text.charCodeAt(i)
    const value = code < 128 ? VALUES[code] : 255
    if (value === 255) return null
    held = ((held << 6) | value) & 0xffff
    bits += 6
    if (bits >= 8) {
      bits -= 8
      out[at++] = (held >> bits) & 255
    }
  }
  return held & ((1 << bits) - 1) ? false : out
}

/** base64 as addresses of pages take it (RFC 4648 §5), without padding. */
export function base64url(bytes) {
  let out = ''
  for (let i = 0; i < bytes.length; i += 3) {
    const left = bytes.length - i
    const held = (bytes[i] << 16) | ((bytes[i + 1] ?? 0) << 8) | (bytes[i + 2] ?? 0)
    for (let j = 0; j < Math.min(4, left + 1); j++) out += LETTERS[(held >> (18 - 6 * j)) & 63]
  }
  return out.replaceAll('+', '-').replaceAll('/', '_')
}

/** Bytes of what `base64url` made, or null. */
export function unbase64url(text) {
  if (/[+/=]/.test(text)) return null
  const plain = text.replaceAll('-', '+').replaceAll('_', '/')
  return unbase64(plain + '='.repeat((4 - (plain.length % 4)) % 4)) || null
}
