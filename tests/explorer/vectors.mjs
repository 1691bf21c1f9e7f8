// The page's own modules on the committed vectors.
// In: {vectors: folder}. Out: for each file how many cases were tried, and what differed.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'

const page = (name) => import(new URL(`../../offchain/explorer/src/${name}.js`, import.meta.url))
const { hex, unhex, utf8 } = await page('bytes')
const { leaf, root, rootFromPath, siblings, pathLength } = await page('merkle')
const { recover } = await page('signature')
const structs = await page('structs')
const tensors = await page('tensor')
const { parseReceiptFile } = await page('receipt_file')
const offline = await page('offline')
const { word } = await page('bytes')

const { vectors } = JSON.parse(readFileSync(0))
const read = (name) => JSON.parse(readFileSync(join(vectors, name), 'utf8'))
const tried = {}
const wrong = []

function same(what, where, found, told) {
  tried[what] = (tried[what] ?? 0) + 1
  if (found !== told) wrong.push(`${what} ${where}: ${found}, not ${told}`)
}

const numbers = (object) =>
  Object.fromEntries(
    Object.entries(object).map(([name, value]) => [
      name,
      /^(signer|operator|model|runtime|request|inputs|outputs|root|uri|engine|version|providers|machine|options)$/.test(name) && typeof value === 'string'
        ? value
        : BigInt(value),
    ]),
  )
const tensorOf = (t) => ({ name: t.name, dtype: BigInt(t.dtype), shape: t.shape.map(BigInt), data: unhex(t.data) })

for (const { size, root: top, paths } of read('trees.json')) {
  const leaves = Array.from({ length: size }, (_, i) => leaf(word(i)))
  same('trees', `${size}`, hex(root(leaves)), top)
  for (const { index, path } of paths) {
    const [place, all] = [BigInt(index), BigInt(size)]
    const led = rootFromPath(leaves[index], place, all, path.map(unhex))
    same('trees', `${index} of ${size}`, hex(led), top)
    same('trees', `length ${index} of ${size}`, pathLength(place, all), path.length)
    const under = siblings(place, all).map(([low, high]) => hex(root(leaves.slice(Number(low), Number(high)))))
    same('trees', `siblings ${index} of ${size}`, under.join(), path.join())
    for (const [other, more] of [[place, all], [all, all], [-1n, all]]) {
      let refused = false
      try {
        rootFromPath(leaves[index], other, more, [...path.map(unhex), leaf(word(1))])
      } catch (error) {
        refused = error.kind === 'BadPath'
      }
      same('trees', `refused ${other} of ${more}`, refused, true)
    }
  }
}

for (const t of read('tensors.json')) {
  const found = await tensors.commitTensor(tensorOf(t), unhex(t.master), t.position)
  same('tensors', t.name, hex(found.chunks), t.chunks)
  same('tensors', t.name, hex(structs.tensorHash(found)), t.digest)
  same('tensors', t.name, Number(found.byteLength), t.byteLength)
  t.salts.forEach((told, i) => same('tensors', t.name, hex(tensors.salt(unhex(t.master), t.position, i)), told))
  for (const { index, data, path } of t.opened) {
    const start = tensors.chunkLeaf(tensors.salt(unhex(t.master), t.position, index), unhex(data))
    const led = rootFromPath(start, BigInt(index), tensors.chunkCount(t.byteLength), path.map(unhex))
    same('tensors', `${t.name}, chunk ${index}`, hex(led), t.chunks)
  }
}

for (const s of read('sets.json')) {
  const found = await tensors.openedSet({ master: s.master, tensors: s.tensors.map(tensorOf) })
  same('sets', `of ${s.count}`, hex(found), s.digest)
}

for (const m of read('models.json')) same('models', m.files.length, hex(structs.modelHash(m)), m.digest)

const { runtimes, programs } = read('runtimes.json')
for (const { runtime, digest } of runtimes) same('runtimes', runtime.engine, hex(structs.runtimeHash(runtime)), digest)
for (const { program, digest } of programs) same('runtimes', program.rows, hex(structs.programHash(program)), digest)

async function signed(what, c, structHash) {
  const domain = structs.domainSeparator(BigInt(c.chainId), c.ledger)
  same(what, 'domain', hex(domain), c.domain)
  const digest = structs.digest(domain, structHash)
  same(what, 'digest', hex(digest), c.digest)
  same(what, 'signer', await recover(digest, c.signature), (c.receipt ?? c.batch ?? c.opening).signer)
  return digest
}

for (const c of read('receipts.json')) {
  const structHash = structs.receiptHash(numbers(c.receipt))
  same('receipts', 'struct', hex(structHash), c.structHash)
  same('receipts', 'leaf', hex(leaf(await signed('receipts', c, structHash))), c.leaf)
}
for (const c of read('batches.json')) {
  await signed('batches', c, structs.batchHash(numbers(c.batch)))
  const digests = c.digests.slice(2).match(/.{64}/g).map((each) => leaf(unhex(`0x${each}`)))
  same('batches', 'root', hex(root(digests)), c.batch.root)
  same('batches', 'word', hex(structs.batchWord(root(digests), BigInt(c.batch.size), BigInt(c.postedAt))), c.word)
}
for (const c of read('log_openings.json')) {
  await signed('log_openings', c, structs.openingHash(numbers(c.opening)))
}

for (const { name, digest, signature, address } of read('signatures.json')) {
  let found
  try {
    found = await recover(unhex(digest), signature)
  } catch (error) {
    found = error.kind === 'BadSignature' ? null : error.message
  }
  same('signatures', name, found, address)
}

for (const { file, kind, digest, error, message } of read('files.json')) {
  if (kind !== 'receipt') continue
  let parsed = null
  let refused = null
  try {
    parsed = parseReceiptFile(new Uint8Array(readFileSync(join(vectors, 'files', file))))
  } catch (failure) {
    refused = failure
  }
  if (digest) {
    if (refused) {
      same('files', file, refused.stack, digest)
      continue
    }
    same('files', file, hex(structs.receiptDigest(parsed.receipt, parsed.chainId, parsed.ledger)), digest)
    same('files', `${file} signer`, await offline.checkSignature(parsed, []), parsed.receipt.signer)
    for (const side of ['inputs', 'outputs']) if (parsed.opening?.[side]) await offline.checkSide(parsed, side)
    if (parsed.preimage?.model) offline.checkModel(parsed)
    if (parsed.preimage?.runtime || parsed.preimage?.program) offline.checkRuntime(parsed)
    if (parsed.inclusion) offline.checkPath(parsed)
  } else {
    same('files', file, refused?.kind ?? 'taken', error)
    const said = refused?.message ?? ''
    same('files', `${file} says`, said.includes(message) ? message : said, message)
  }
}

// what the page reads of the contracts
const { toEventSelector, toFunctionSelector, toFunctionSignature } = await import(
  new URL('../../offchain/explorer/node_modules/viem/_esm/index.js', import.meta.url)
)
const { LEDGER, REGISTRY, COURT } = await page('contracts')
const views = {}
for (const [name, abi] of Object.entries({ ReceiptLedger: LEDGER, ModelRegistry: REGISTRY, PromiseCourt: COURT })) {
  views[name] = abi.map((item) => ({
    type: item.type,
    name: item.name,
    selector: item.type === 'event' ? toEventSelector(item) : toFunctionSelector(item),
    signature: item.type === 'event' ? item.name : toFunctionSignature(item),
    outputs: item.outputs ?? [],
    inputs: item.inputs,
  }))
}

const { Trust } = await page('trust')
const [own] = new Trust().all()
const named = `${own.chainId}:${own.ledger.toLowerCase()}`
const other = '0x00000000000000000000000000000000000000aa'
const listed = (lines) => Trust.with(lines, '').of(own.chainId, own.ledger)
const refused = ['1:0x12', 'x:' + other, other, `1:${own.ledger.slice(0, -1)}5`, `1:${other} court`, `1:${other} owner=${other}`]
const trust = {
  kept: listed(named).court === own.court && listed(named).registry === own.registry,
  replaced: listed(`${named} court=${other}`).court.toLowerCase() === other,
  unknown: Trust.with('', '').of(own.chainId + 1n, own.ledger) === null,
  refused: refused.map((line) => {
    try {
      return Trust.with(line, '') && null
    } catch (error) {
      return error.kind
    }
  }),
}

const { fragmentOf, fromFragment } = await page('link')
const link = await fragmentOf(utf8('{"a": 1}'))
console.log(JSON.stringify({ tried, wrong, views, trust, link: [link, new TextDecoder().decode(await fromFragment(link))] }))
