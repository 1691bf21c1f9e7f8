// RFC 9162 trees over Keccak-256 (docs/format.md §1).

import { concat } from './bytes.js'
import { Failure } from './failures.js'
import { keccak } from './signature.js'

const LEAF = new Uint8Array([0])
const NODE = new Uint8Array([1])

/** Longest path of a batch: at most 2^32 leaves. */
export const MAX_PATH = 32

export const leaf = (...data) => keccak(concat(LEAF, ...data))
export const node = (left, right) => keccak(concat(NODE, left, right))

/** Root of the tree over leaf hashes, in their order: pairs are hashed, an odd last one moves up. */
export function root(leaves) {
  if (leaves.length === 0) throw new Failure('EmptyTree', 'a tree needs at least one leaf')
  let layer = leaves
  while (layer.length > 1) {
    const above = []
    for (let i = 0; i + 1 < layer.length; i += 2) above.push(node(layer[i], layer[i + 1]))
    if (layer.length % 2) above.push(layer.at(-1))
    layer = above
  }
  return layer[0]
}

const bitLength = (n) => (n === 0n ? 0 : n.toString(2).length)
const ones = (n) => n.toString(2).replaceAll('0', '').length

/** Number of siblings on the path of a leaf. */
export function pathLength(index, size) {
  if (index < 0n || index >= size) {
    throw new Failure('BadPath', `leaf ${index} of a tree of ${size}`)
  }
  const inner = bitLength(index ^ (size - 1n))
  return inner + ones(index >> BigInt(inner))
}

/**
 * Every node on the way from a leaf to the root, the leaf first, the root last.
 * @param {Uint8Array} start leaf hash
 * @param {bigint} index the leaf's place
 * @param {bigint} size leaves in the tree, from committed data
 * @param {Uint8Array[]} path siblings from the leaf upwards
 */
export function climb(start, index, size, path) {
  const expected = pathLength(index, size)
  if (path.length !== expected) {
    throw new Failure(
      'BadPath',
      `a path of ${path.length} for leaf ${index} of ${size}, which has ${expected}`,
    )
  }
  const inner = bitLength(index ^ (size - 1n))
  const way = [start]
  path.forEach((sibling, level) => {
    // Above `inner` the leaf lies on the tree's right edge: siblings are all to the left.
    const right = level >= inner || (index >> BigInt(level)) & 1n
    way.push(right ? node(sibling, way.at(-1)) : node(way.at(-1), sibling))
  })
  return way
}

/** The root to which a path leads. */
export const rootFromPath = (start, index, size, path) => climb(start, index, size, path).at(-1)

/**
 * The runs of leaves under each sibling of a leaf's path, from the leaf upwards, as [start, stop).
 * Source: RFC 9162 §2.1.1: n leaves split at the largest power of two below n.
 */
export function siblings(index, size) {
  const out = []
  let [low, high] = [0n, size]
  while (high - low > 1n) {
    const half = low + (1n << BigInt(bitLength(high - low - 1n) - 1))
    if (index < half) {
      out.push([half, high])
      high = half
    } else {
      out.push([low, half])
      low = half
    }
  }
  return out.reverse()
}
