// The hashed structs of docs/format.md §3 to §8: EIP-712, written out.

import { concat, unhex, utf8, word } from './bytes.js'
import { leaf, root } from './merkle.js'
import { keccak } from './signature.js'

const type = (text) => keccak(utf8(text))
const text = (value) => keccak(utf8(value))
const address = (value) => concat(new Uint8Array(12), unhex(value))
const bytes = (value) => unhex(value)

const DOMAIN = type('EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)')
const RECEIPT = type(
  'Receipt(address signer,uint64 sequence,bytes32 model,bytes32 runtime,bytes32 request,' +
    'bytes32 inputs,bytes32 outputs,uint64 issuedAt,uint64 settleBy)',
)
const BATCH = type('Batch(address signer,uint64 first,uint64 size,bytes32 root,string uri)')
const OPENING = type('LogOpening(address operator,address signer,uint64 closesAt,uint32 maxDelay)')
const TENSOR = type('Tensor(string name,uint8 dtype,uint64[] shape,uint64 byteLength,bytes32 chunks)')
const SET = type('TensorSet(uint32 count,bytes32 root)')
const FILE = type('ModelFile(string path,uint64 size,bytes32 sha256)')
const MODEL = type('Model(ModelFile[] files)ModelFile(string path,uint64 size,bytes32 sha256)')
const RUNTIME = type(
  'Runtime(string engine,string version,string providers,string machine,string options)',
)
const PROGRAM = type('Program(bytes32 root,uint64 rows,uint64 traceRows,uint32 version)')

export const ZERO = '0x' + '00'.repeat(32)

/** The domain separator of a ledger on a chain. */
export function domainSeparator(chainId, ledger) {
  return keccak(concat(DOMAIN, text('Counterfoil'), text('1'), word(chainId), address(ledger)))
}

/** keccak(0x19 ‖ 0x01 ‖ domain separator ‖ struct hash). */
export function digest(domain, structHash) {
  return keccak(concat(new Uint8Array([0x19, 1]), domain, structHash))
}

export function receiptHash(r) {
  return keccak(
    concat(
      RECEIPT, address(r.signer), word(r.sequence), bytes(r.model), bytes(r.runtime),
      bytes(r.request), bytes(r.inputs), bytes(r.outputs), word(r.issuedAt), word(r.settleBy),
    ),
  )
}

/** A receipt's identity on one ledger. */
export function receiptDigest(receipt, chainId, ledger) {
  return digest(domainSeparator(chainId, ledger), receiptHash(receipt))
}

export function batchHash(b) {
  return keccak(concat(BATCH, address(b.signer), word(b.first), word(b.size), bytes(b.root), text(b.uri)))
}

/** The one word that the ledger keeps of a batch: keccak(abi.encode(root, size, postedAt)). */
export function batchWord(batchRoot, size, postedAt) {
  return keccak(concat(batchRoot, word(size), word(postedAt)))
}

export function openingHash(o) {
  return keccak(concat(OPENING, address(o.operator), address(o.signer), word(o.closesAt), word(o.maxDelay)))
}

export const shapeHash = (shape) => keccak(concat(...shape.map(word)))

export function tensorHash({ name, dtype, shape, byteLength, chunks }) {
  return keccak(concat(TENSOR, text(name), word(dtype), shapeHash(shape), word(byteLength), chunks))
}

/** hashStruct(TensorSet) of tensors' own hashes, in their order. */
export function setHash(hashes) {
  const top = hashes.length ? root(hashes.map((each) => leaf(each))) : new Uint8Array(32)
  return keccak(concat(SET, word(hashes.length), top))
}

export function modelHash({ files }) {
  const each = files.map((f) =>
    keccak(concat(FILE, text(f.path), word(f.size), bytes(f.sha256))),
  )
  return keccak(concat(MODEL, keccak(concat(...each))))
}

export function runtimeHash(r) {
  return keccak(
    concat(RUNTIME, text(r.engine), text(r.version), text(r.providers), text(r.machine), text(r.options)),
  )
}

export function programHash(p) {
  return keccak(concat(PROGRAM, bytes(p.root), word(p.rows), word(p.traceRows), word(p.version)))
}
