// The page: a receipt in, an answer out.

import { h } from './dom.js'
import { Failure, RpcTrouble, malformed } from './failures.js'
import { fragmentOf, fromFragment, MAX_LINK } from './link.js'
import { parseReceiptFile } from './receipt_file.js'
import { Rpc } from './rpc.js'
import {
  fieldsSection, lifeSection, limitsSection, logSection, pathSection, stepsSection, tensorsSection, ticket,
} from './sections.js'
import { load, save } from './settings.js'
import { MAX_BYTES } from './strict_json.js'
import { LOCAL_CHAIN, Trust } from './trust.js'
import { unreadable, verdict } from './verdict.js'
import { history, verify } from './verify.js'

const LOCAL_RPC = 'http://127.0.0.1:8545'
const $ = (id) => document.getElementById(id)
const settings = load()
let shown = null
let round = 0

function answer({ tone, line, more }) {
  document.body.dataset.tone = tone
  $('line').textContent = line
  $('more').textContent = more
  document.title = `${line} – Counterfoil`
}

function busy(on) {
  $('result').setAttribute('aria-busy', String(on))
  document.body.dataset.busy = String(on)
}

/** Take a receipt file's bytes and check them. */
async function open(raw) {
  round += 1
  shown = null
  busy(false)
  $('settings').hidden = true
  $('result').replaceChildren()
  try {
    shown = { raw, file: parseReceiptFile(raw) }
  } catch (error) {
    if (!(error instanceof Failure)) throw error
    answer(unreadable(error))
    return
  }
  $('intake').open = false
  document.body.dataset.loaded = 'true'
  const { chainId } = shown.file
  $('rpc').value = settings.rpcs[chainId] ?? (chainId === LOCAL_CHAIN ? LOCAL_RPC : '')
  $('rpc-label').textContent = `RPC of chain ${chainId}`
  $('settings').hidden = false
  // asked at once only where the reader chose this RPC before
  await run(chainId in settings.rpcs)
}

async function run(asking) {
  const mine = ++round
  const { file, raw } = shown
  const stale = () => mine !== round
  $('setting-error').textContent = ''
  let trust
  let rpc = null
  let refused = null
  try {
    trust = Trust.with($('ledgers').value, $('publishers').value)
  } catch (error) {
    $('setting-error').textContent = `${error.message}.`
    return
  }
  try {
    if (asking && $('rpc').value.trim()) rpc = new Rpc($('rpc').value.trim())
  } catch (error) {
    refused = error
  }
  busy(true)
  answer({ tone: 'open', line: 'Checking …', more: '' })
  const [steps, told] = stepsSection()
  $('result').replaceChildren(steps)
  const report = await verify(file, { trust, rpc, tell: (name, r) => stale() || told(name, r) })
  if (stale()) return
  if (refused && !report.stopped) {
    report.trouble = { step: 'chain', kind: refused.kind, text: refused.message }
  }
  answer(verdict(report))
  const life = h('div', {}, lifeSection(report, null))
  const log = h('div', {})
  const parts = [
    ticket(report), steps, life, report.path ? pathSection(report) : null, log,
    tensorsSection(report), limitsSection(report), fieldsSection(report), await sharing(raw),
  ]
  if (stale()) return
  $('result').replaceChildren(...parts.filter(Boolean))
  if (report.record !== null && report.known) await past(report, rpc, { life, log }, stale)
  if (!stale()) busy(false)
}

/** The log's batches and the block's depth: drawn when they come, missed by no verdict. */
async function past(report, rpc, { life, log }, stale) {
  try {
    const found = await history(report, rpc)
    if (stale()) return
    const { inclusion } = report.file
    const odd = report.anchored && found.own &&
      (found.own.first !== inclusion.first || found.own.size !== inclusion.size || found.own.postedAt !== inclusion.postedAt)
    if (odd) throw new RpcTrouble('BadAnswer', "the events that it gives are not those of the ledger's words")
    life.replaceChildren(lifeSection(report, found))
    log.replaceChildren(logSection(report, found))
  } catch (error) {
    if (stale()) return
    log.replaceChildren(h('p', { class: 'aside' }, `The log's batches were not drawn: ${error.message}.`))
  }
}

async function sharing(raw) {
  const fragment = await fragmentOf(raw).catch(() => null)
  const about = fragment === null
    ? [`The file is too large for a link of ${MAX_LINK} characters: send the file itself.`]
    : [h('a', { href: fragment }, 'A link to this receipt'),
      ' holds the whole file, with whatever it opens, after its #. Browsers send that part to no server.']
  return h('p', { class: 'share' }, ...about)
}

async function take(read) {
  try {
    await open(await read())
  } catch (error) {
    if (!(error instanceof Failure)) throw error
    answer(unreadable(error))
  }
}

const fromFile = (file) => take(async () => {
  if (file.size > MAX_BYTES) throw new Failure('FileTooLarge', `the file is over ${MAX_BYTES / 2 ** 20} MiB`)
  return new Uint8Array(await file.arrayBuffer())
})

const fromText = (text) => take(async () => {
  const trimmed = text.trim()
  const link = trimmed.startsWith('{') ? -1 : trimmed.indexOf('#r=')
  if (link >= 0) return fromFragment(trimmed.slice(link))
  return new TextEncoder().encode(text)
})

const fromAddress = () => {
  if (!location.hash.startsWith('#r=')) return
  take(async () => {
    const raw = await fromFragment(location.hash)
    if (raw === null) throw malformed('the link holds no receipt')
    return raw
  })
}

function listen() {
  $('file').addEventListener('change', (event) => {
    const [file] = event.target.files
    if (file) fromFile(file)
    event.target.value = ''
  })
  $('paste').addEventListener('submit', (event) => {
    event.preventDefault()
    fromText($('text').value)
  })
  $('settings').addEventListener('submit', (event) => {
    event.preventDefault()
    if (!shown) return
    settings.ledgers = $('ledgers').value
    settings.publishers = $('publishers').value
    const rpc = $('rpc').value.trim()
    if (rpc) settings.rpcs[shown.file.chainId] = rpc
    else delete settings.rpcs[shown.file.chainId]
    save(settings)
    run(true)
  })
  for (const kind of ['dragenter', 'dragover', 'dragleave', 'drop']) {
    window.addEventListener(kind, (event) => {
      event.preventDefault()
      document.body.classList.toggle('dropping', kind === 'dragenter' || kind === 'dragover')
    })
  }
  window.addEventListener('drop', (event) => {
    const [file] = event.dataTransfer.files
    if (file) fromFile(file)
    else if (event.dataTransfer.getData('text')) fromText(event.dataTransfer.getData('text'))
  })
  window.addEventListener('paste', (event) => {
    if (event.target.closest?.('input, textarea')) return
    const [file] = event.clipboardData.files
    if (file) fromFile(file)
    else if (event.clipboardData.getData('text')) fromText(event.clipboardData.getData('text'))
  })
  window.addEventListener('hashchange', fromAddress)
}

$('ledgers').value = settings.ledgers
$('publishers').value = settings.publishers
listen()
fromAddress()
