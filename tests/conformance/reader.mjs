// A reader of receipt and batch files from docs/format.md alone: JSON.parse, Buffer, viem.
// In: [path]. Out: what each file says and whether all of it leads where it should.
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'

const require = createRequire(import.meta.url)
const { concat, encodeAbiParameters, hashStruct, hashTypedData, keccak256, recoverAddress, toHex } =
  require('viem')

const field = (name, type) => ({ name, type })
const types = {
  Receipt: [
    field('signer', 'address'), field('sequence', 'uint64'), field('model', 'bytes32'),
    field('runtime', 'bytes32'), field('request', 'bytes32'), field('inputs', 'bytes32'),
    field('outputs', 'bytes32'), field('issuedAt', 'uint64'), field('settleBy', 'uint64'),
  ],
  Batch: [
    field('signer', 'address'), field('first', 'uint64'), field('size', 'uint64'),
    field('root', 'bytes32'), field('uri', 'string'),
  ],
  Tensor: [
    field('name', 'string'), field('dtype', 'uint8'), field('shape', 'uint64[]'),
    field('byteLength', 'uint64'), field('chunks', 'bytes32'),
  ],
  TensorSet: [field('count', 'uint32'), field('root', 'bytes32')],
  Model: [field('files', 'ModelFile[]')],
  ModelFile: [field('path', 'string'), field('size', 'uint64'), field('sha256', 'bytes32')],
  Runtime: ['engine', 'version', 'providers', 'machine', 'options'].map((n) => field(n, 'string')),
  Program: [
    field('root', 'bytes32'), field('rows', 'uint64'), field('traceRows', 'uint64'),
    field('version', 'uint32'),
  ],
}
const ZERO = '0x' + '00'.repeat(32)
const hash = (primaryType, data) => hashStruct({ primaryType, types, data })
const leaf = (data) => keccak256(concat(['0x00', data]))
const node = (left, right) => keccak256(concat(['0x01', left, right]))

// RFC 9162, 2.1.1, by recursion.
function root(leaves) {
  if (leaves.length === 1) return leaves[0]
  let k = 1
  while (2 * k < leaves.length) k *= 2
  return node(root(leaves.slice(0, k)), root(leaves.slice(k)))
}

// RFC 9162, 2.1.3.2, step by step.
function climb(start, index, size, path) {
  let fn = BigInt(index)
  let sn = BigInt(size) - 1n
  let r = start
  if (fn > sn) return null
  for (const p of path) {
    if (sn === 0n) return null
    if (fn & 1n || fn === sn) {
      r = node(p, r)
      while (!(fn & 1n) && fn !== 0n) {
        fn >>= 1n
        sn >>= 1n
      }
    } else r = node(r, p)
    fn >>= 1n
    sn >>= 1n
  }
  return sn === 0n ? r : null
}

const chunkCount = (length) => Math.max(1, Math.ceil(length / 256))
const u64 = (n) => toHex(BigInt(n), { size: 8 })
const fromBase64 = (text) => toHex(Buffer.from(text, 'base64'))

function tensorDigest(tensor, position, master) {
  const { name, dtype, shape } = tensor
  if (master !== undefined) {
    const bytes = Buffer.from(tensor.data, 'base64')
    const leaves = []
    for (let i = 0; i < chunkCount(bytes.length); i++) {
      const salt = keccak256(concat([master, u64(position), u64(i)]))
      leaves.push(leaf(concat([salt, toHex(bytes.subarray(256 * i, 256 * i + 256))])))
    }
    return hash('Tensor', { name, dtype, shape, byteLength: bytes.length, chunks: root(leaves) })
  }
  const { byteLength, chunks } = tensor
  for (const { index, salt, data, path } of tensor.opened) {
    const top = climb(leaf(concat([salt, fromBase64(data)])), index, chunkCount(byteLength), path)
    if (top !== chunks) throw new Error(`chunk ${index} of ${name} leads elsewhere`)
  }
  return hash('Tensor', { name, dtype, shape, byteLength, chunks })
}

function setDigest({ master, tensors }) {
  const leaves = tensors.map((t, position) => leaf(tensorDigest(t, position, master)))
  return hash('TensorSet', { count: leaves.length, root: leaves.length ? root(leaves) : ZERO })
}

async function read(path) {
  const file = JSON.parse(readFileSync(path, 'utf8'))
  const primaryType = file.format === 'counterfoil/receipt@1' ? 'Receipt' : 'Batch'
  const message = file[primaryType.toLowerCase()]
  const domain = {
    name: 'Counterfoil', version: '1', chainId: BigInt(file.chainId), verifyingContract: file.ledger,
  }
  const digest = hashTypedData({ domain, types, primaryType, message })
  const out = { digest, led: [] }
  if (file.signature !== '0x') {
    out.signer = await recoverAddress({ hash: digest, signature: file.signature })
  }
  const led = (what, found, stated) => out.led.push([what, found === stated])
  if (primaryType === 'Batch') {
    const { size, root: top } = message
    const digests = file.digests.slice(2).match(/.{64}/g).map((hex) => '0x' + hex)
    led('size', digests.length, Number(size))
    led('root', root(digests.map(leaf)), top)
    return out
  }
  const { inclusion, opening = {}, preimage = {} } = file
  if (inclusion) {
    const index = BigInt(message.sequence) - BigInt(inclusion.first)
    out.root = climb(leaf(digest), index, inclusion.size, inclusion.path)
    out.word = keccak256(
      encodeAbiParameters(
        [{ type: 'bytes32' }, { type: 'uint64' }, { type: 'uint64' }],
        [out.root, BigInt(inclusion.size), BigInt(inclusion.postedAt)],
      ),
    )
  }
  for (const side of ['inputs', 'outputs']) {
    if (opening[side]) led(side, setDigest(opening[side]), message[side])
  }
  if (preimage.model) led('model', hash('Model', preimage.model), message.model)
  if (preimage.runtime) led('runtime', hash('Runtime', preimage.runtime), message.runtime)
  if (preimage.program) led('program', hash('Program', preimage.program), message.runtime)
  return out
}

const paths = JSON.parse(readFileSync(0))
console.log(JSON.stringify({ files: await Promise.all(paths.map(read)) }))
