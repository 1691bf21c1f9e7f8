// Tensors (docs/format.md §2): lengths, strings, chunks, commitments.

import { bigEndian, concat, hex, unhex } from './bytes.js'
import { Failure, quoted } from './failures.js'
import { leaf, root, rootFromPath } from './merkle.js'
import { keccak } from './signature.js'
import { setHash, tensorHash } from './structs.js'

export const CHUNK = 256
export const STRING = 8

/** ONNX element types: name, bits an element. Source: onnx.proto3, TensorProto.DataType. */
export const TYPES = new Map([
  [1, ['float32', 32]], [2, ['uint8', 8]], [3, ['int8', 8]], [4, ['uint16', 16]],
  [5, ['int16', 16]], [6, ['int32', 32]], [7, ['int64', 64]], [8, ['string', 0]],
  [9, ['bool', 8]], [10, ['float16', 16]], [11, ['float64', 64]], [12, ['uint32', 32]],
  [13, ['uint64', 64]], [14, ['complex64', 64]], [15, ['complex128', 128]],
  [16, ['bfloat16', 16]], [17, ['float8_e4m3fn', 8]], [18, ['float8_e4m3fnuz', 8]],
  [19, ['float8_e5m2', 8]], [20, ['float8_e5m2fnuz', 8]], [21, ['uint4', 4]], [22, ['int4', 4]],
  [23, ['float4_e2m1fn', 4]], [24, ['float8_e8m0fnu', 8]], [25, ['uint2', 2]], [26, ['int2', 2]],
])

export const typeName = (dtype) => TYPES.get(Number(dtype))?.[0] ?? `type ${dtype}`

const badTensor = (name, what) => new Failure('BadTensor', `tensor ${quoted(name)}: ${what}`)

export const elements = (shape) => shape.reduce((product, d) => product * d, 1n)

/** Hold a tensor's byte length against its type and shape. */
export function checkLength(name, dtype, shape, length) {
  if (Number(dtype) === STRING) return
  const type = TYPES.get(Number(dtype))
  if (type === undefined) throw badTensor(name, `no element type has the number ${dtype}`)
  const expected = (elements(shape) * BigInt(type[1]) + 7n) / 8n
  if (expected >= 2n ** 64n) throw badTensor(name, 'its shape is too large')
  if (length !== expected) {
    throw badTensor(name, `${type[0]} of its shape has ${expected} bytes, not ${length}`)
  }
}

/** The strings of a string tensor's bytes. */
export function strings(name, shape, data) {
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength)
  const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })
  const out = []
  let at = 0
  while (at < data.length) {
    const stop = at + 4 > data.length ? Infinity : at + 4 + view.getUint32(at, true)
    if (stop > data.length) throw badTensor(name, 'its last string is cut off')
    try {
      out.push(decoder.decode(data.subarray(at + 4, stop)))
    } catch {
      throw badTensor(name, 'a string is no UTF-8')
    }
    at = stop
  }
  if (BigInt(out.length) !== elements(shape)) {
    throw badTensor(name, `its bytes hold ${out.length} strings, its shape another number`)
  }
  return out
}

export const chunkCount = (byteLength) => {
  const count = (BigInt(byteLength) + 255n) / 256n
  return count > 1n ? count : 1n
}

/** Salt of a chunk of the tensor at a position in its set. */
export function salt(master, position, index) {
  return keccak(concat(master, bigEndian(position, 8), bigEndian(index, 8)))
}

export const chunkLeaf = (chunkSalt, chunk) => leaf(chunkSalt, chunk)

/** Lets the page breathe every so often while much is hashed. */
export function pacer(milliseconds = 40) {
  let last = performance.now()
  return async () => {
    if (performance.now() - last < milliseconds) return
    await new Promise((resolve) => setTimeout(resolve, 0))
    last = performance.now()
  }
}

/** The commitment to one tensor at its place in a set. */
export async function commitTensor(tensor, master, position, pace = pacer()) {
  const leaves = []
  const count = Number(chunkCount(tensor.data.length))
  for (let i = 0; i < count; i++) {
    const chunk = tensor.data.subarray(CHUNK * i, CHUNK * (i + 1))
    leaves.push(chunkLeaf(salt(master, position, i), chunk))
    if (i % 64 === 63) await pace()
  }
  const { name, dtype, shape } = tensor
  return { name, dtype, shape, byteLength: BigInt(tensor.data.length), chunks: root(leaves) }
}

/** hashStruct(TensorSet) of what a file opens of one side; fails where a chunk leads elsewhere. */
export async function openedSet({ master, tensors }) {
  const pace = pacer()
  const hashes = []
  for (const [position, tensor] of tensors.entries()) {
    if (master !== null) {
      hashes.push(tensorHash(await commitTensor(tensor, unhex(master), position, pace)))
    } else {
      for (const chunk of tensor.opened) {
        checkChunk(tensor, chunk)
        await pace()
      }
      hashes.push(tensorHash({ ...tensor, chunks: unhex(tensor.chunks) }))
    }
  }
  return setHash(hashes)
}

function checkChunk(tensor, { index, salt: chunkSalt, data, path }) {
  const what = `chunk ${index} of ${quoted(tensor.name)}`
  const bad = (why) => new Failure('BadOpening', `${what} ${why}`)
  const chunks = chunkCount(tensor.byteLength)
  const expected = index === chunks - 1n ? tensor.byteLength - 256n * (chunks - 1n) : 256n
  if (BigInt(data.length) !== expected) throw bad('has the wrong length')
  let found
  try {
    found = rootFromPath(chunkLeaf(unhex(chunkSalt), data), index, chunks, path.map(unhex))
  } catch (error) {
    throw bad(`does not fit: ${error.message}`)
  }
  if (hex(found) !== tensor.chunks) throw bad('is not the committed one')
}
