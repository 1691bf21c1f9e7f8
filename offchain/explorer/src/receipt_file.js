// The receipt file (docs/format.md §9). Nothing in it is checked here beyond its layout.

import { compare, utf8 } from './bytes.js'
import { Failure, malformed, quoted } from './failures.js'
import { Fields } from './fields.js'
import { MAX_PATH } from './merkle.js'
import { parse } from './strict_json.js'
import { STRING, checkLength, strings } from './tensor.js'

const FORMAT = 'counterfoil/receipt@1'
const BATCH_FORMAT = 'counterfoil/batch@1'
const MAX_TENSORS = 2 ** 16
const MAX_RANK = 64
const MAX_OPENED = 2 ** 18
const MAX_FILES = 2 ** 14

/** A receipt file from its bytes. */
export function parseReceiptFile(raw) {
  const top = new Fields(parse(raw))
  const kind = top.text('format')
  if (kind === BATCH_FORMAT) {
    throw malformed('this is a batch file, the list of a whole batch: open one receipt of it')
  }
  if (kind !== FORMAT) throw malformed(`the file's format is ${quoted(kind)}, not '${FORMAT}'`)
  const chainId = top.number('chainId', 256)
  const ledger = top.address('ledger')
  const receipt = receiptOf(top.child('receipt'))
  const signature = top.hex('signature', 65)
  const [inclusion, opening, preimage] = ['inclusion', 'opening', 'preimage'].map((n) => top.maybe(n))
  return {
    chainId,
    ledger,
    receipt,
    signature,
    inclusion: inclusion && inclusionOf(inclusion),
    opening: opening && {
      inputs: sideOf(opening.maybe('inputs')),
      outputs: sideOf(opening.maybe('outputs')),
    },
    preimage: preimage && preimageOf(preimage),
  }
}

const receiptOf = (f) => ({
  signer: f.address('signer'),
  sequence: f.number('sequence'),
  model: f.hex('model', 32),
  runtime: f.hex('runtime', 32),
  request: f.hex('request', 32),
  inputs: f.hex('inputs', 32),
  outputs: f.hex('outputs', 32),
  issuedAt: f.number('issuedAt'),
  settleBy: f.number('settleBy'),
})

const inclusionOf = (f) => ({
  ...f.run(),
  transaction: f.has('transaction') ? f.hex('transaction', 32) : null,
  postedAt: f.number('postedAt'),
  path: f.hexes('path', 32, MAX_PATH),
})

function sideOf(f) {
  if (f === null) return null
  const items = f.children('tensors', MAX_TENSORS)
  if (f.has('master')) return { master: f.hex('master', 32), tensors: items.map(tensorOf) }
  return { master: null, tensors: items.map(partOf) }
}

function tensorOf(f) {
  for (const name of ['byteLength', 'chunks', 'opened']) {
    if (f.has(name)) throw f.bad(name, "goes with single chunks, without the set's master")
  }
  const head = headOf(f)
  const data = f.base64('data')
  inField(f, 'data', "is no tensor's", () => {
    checkLength(head.name, head.dtype, head.shape, BigInt(data.length))
    if (Number(head.dtype) === STRING) strings(head.name, head.shape, data)
  })
  return { ...head, data }
}

function partOf(f) {
  if (f.has('data')) {
    throw f.bad('data', "shows a whole tensor, but the set's master is missing")
  }
  const head = headOf(f)
  const byteLength = f.number('byteLength')
  const chunks = f.hex('chunks', 32)
  inField(f, 'byteLength', "is no such tensor's", () =>
    checkLength(head.name, head.dtype, head.shape, byteLength),
  )
  const opened = f.children('opened', MAX_OPENED).map((c) => ({
    index: c.number('index'),
    salt: c.hex('salt', 32),
    data: c.base64('data'),
    path: c.hexes('path', 32, MAX_PATH),
  }))
  return { ...head, byteLength, chunks, opened }
}

const headOf = (f) => ({
  name: f.text('name'),
  dtype: f.number('dtype', 8),
  shape: f.numbers('shape', MAX_RANK),
})

function inField(f, name, what, check) {
  try {
    check()
  } catch (error) {
    if (error instanceof Failure && error.kind === 'BadTensor') {
      throw f.bad(name, `${what}: ${error.message}`)
    }
    throw error
  }
}

function preimageOf(f) {
  const [model, runtime, program] = ['model', 'runtime', 'program'].map((name) => f.maybe(name))
  if (runtime && program) throw malformed('preimage has both a runtime and a program')
  return {
    model: model && modelOf(model),
    runtime:
      runtime &&
      Object.fromEntries(
        ['engine', 'version', 'providers', 'machine', 'options'].map((n) => [n, runtime.text(n)]),
      ),
    program: program && {
      root: program.hex('root', 32),
      rows: program.number('rows'),
      traceRows: program.number('traceRows'),
      version: program.number('version', 32),
    },
  }
}

function modelOf(f) {
  const files = f.children('files', MAX_FILES).map((each) => ({
    path: each.text('path'),
    size: each.number('size'),
    sha256: each.hex('sha256', 32),
  }))
  const paths = files.map((file) => utf8(file.path))
  if (paths.some((path, i) => i > 0 && compare(paths[i - 1], path) >= 0)) {
    throw f.bad('files', 'are not in byte order of their paths, each once')
  }
  if (!files.some((file) => file.path === 'model.onnx')) throw f.bad('files', 'lack model.onnx')
  return { files }
}
