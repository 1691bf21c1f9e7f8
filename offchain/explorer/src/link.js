// A receipt in a page's address: after the #, which browsers send to nobody.
// `#r=` and base64url of the file, compressed as raw deflate (RFC 1951).

import { base64url, unbase64url } from './bytes.js'
import { Failure, malformed } from './failures.js'
import { MAX_BYTES } from './strict_json.js'

const MARK = '#r='

/** Longest link that is made or read, in characters: what all browsers and most messengers carry. */
export const MAX_LINK = 64_000

async function through(bytes, stream, limit) {
  const reader = new Blob([bytes]).stream().pipeThrough(stream).getReader()
  const parts = []
  let length = 0
  for (;;) {
    const { done, value } = await reader.read()
    if (done) break
    length += value.length
    if (length > limit) {
      await reader.cancel()
      throw new Failure('FileTooLarge', `the file is over ${limit / 2 ** 20} MiB`)
    }
    parts.push(value)
  }
  return new Uint8Array(await new Blob(parts).arrayBuffer())
}

/** The part of a link after the page's address, or null where it would be too long. */
export async function fragmentOf(raw) {
  const packed = await through(raw, new CompressionStream('deflate-raw'), MAX_BYTES)
  const fragment = MARK + base64url(packed)
  return fragment.length > MAX_LINK ? null : fragment
}

/** A receipt file's bytes from a fragment, or null where it holds none. */
export async function fromFragment(fragment) {
  if (!fragment.startsWith(MARK)) return null
  if (fragment.length > MAX_LINK) throw malformed(`the link is over ${MAX_LINK} characters`)
  const packed = unbase64url(fragment.slice(MARK.length))
  if (packed === null) throw malformed('the link is cut off or was changed')
  try {
    return await through(packed, new DecompressionStream('deflate-raw'), MAX_BYTES)
  } catch (error) {
    if (error instanceof Failure) throw error
    throw malformed('the link is cut off or was changed')
  }
}
