// The sections of a checked receipt: ticket, steps, life, path, log, tensors, what was not checked.

import { code, fitted, h, s } from './dom.js'
import { drawLog, logWords } from './draw_log.js'
import { drawPath } from './draw_path.js'
import { visible } from './failures.js'
import { hex } from './bytes.js'
import { batchWord, ZERO } from './structs.js'
import { tally } from './tally.js'
import { tensorView } from './tensor_view.js'
import { CAUTION, FAILED, PASSED, SKIPPED, STEPS, TROUBLE } from './verify.js'
import { duration, short, when } from './words.js'

const SAID = {
  [PASSED]: 'holds',
  [FAILED]: 'fails',
  [CAUTION]: 'note',
  [TROUBLE]: 'not known',
  [SKIPPED]: 'not checked',
}

const MARKS = {
  [PASSED]: 'M4 10.5l4 4 8-9',
  [FAILED]: 'M5 5l10 10M15 5L5 15',
  [CAUTION]: 'M10 4v7M10 14.6v1',
  [TROUBLE]: 'M7 7.6a3 3 0 1 1 4.4 2.6c-1 .6-1.4 1-1.4 2M10 15v.9',
  [SKIPPED]: 'M5.5 10h9',
}

const section = (id, title, ...children) =>
  h('section', { id, 'aria-labelledby': `${id}-title` }, h('h2', { id: `${id}-title` }, title), ...children)

const rows = (...pairs) =>
  h('dl', {}, ...pairs.filter(Boolean).map(([term, ...value]) => h('div', {}, h('dt', {}, term), h('dd', {}, ...value))))

/** The numbers from start to before stop. */
const run = (start, stop) => (stop - start === 1n ? `${start}` : `${start}–${stop - 1n}`)

/** The receipt on the left, what the chain keeps on the right, and the tally over their seam. */
export function ticket(report) {
  const { file } = report
  const { receipt, inclusion } = file
  const expected = report.words?.expected
    ?? (report.path ? hex(batchWord(report.path.root, inclusion.size, inclusion.postedAt)) : null)
  const kept = report.words?.kept ?? null
  const state = kept === null ? 'unknown' : kept === expected ? 'one' : 'two'
  const waiting = report.host !== null && !inclusion && report.covered === false
  const nothing = waiting || report.failure?.kind === 'NotSettled'
  const left = h(
    'div',
    { class: 'stub receipt' },
    h('p', { class: 'kind' }, 'Receipt'),
    h('p', { class: 'number' }, h('span', { class: 'no' }, 'No.'), ` ${receipt.sequence}`),
    rows(
      ['Log', code(receipt.signer)],
      ['Issued', when(receipt.issuedAt)],
      ['Promised', receipt.settleBy ? when(receipt.settleBy) : 'no time of settlement'],
      ['Leads to', expected ? code(expected) : 'no batch: the file has no path'],
    ),
  )
  const right = h(
    'div',
    { class: 'stub counterfoil' },
    h('p', { class: 'kind' }, 'Counterfoil'),
    h('p', { class: 'number' }, inclusion && kept !== null
      ? run(inclusion.first, inclusion.first + inclusion.size)
      : h('span', { class: 'no' }, 'kept by the chain')),
    rows(
      ['Operator', report.record ? code(report.record.operator) : 'not known'],
      ['Posted', state === 'one' ? when(inclusion.postedAt) : waiting ? 'not yet' : 'not known'],
      ['Chain', `${file.chainId}`],
      ['Keeps', kept ? code(kept) : nothing ? 'nothing of that number' : report.covered ? 'a batch with its number' : 'not asked'],
    ),
  )
  return h('div', { class: `ticket ${state}` }, left, h('div', { class: 'seam' }, tally(expected, kept)), right)
}

/** One step's row; told again, it is replaced. */
export function stepRow(name, found) {
  const state = found?.state ?? 'waiting'
  return h(
    'li',
    { class: `step ${state}`, 'data-step': name },
    s('svg', { viewBox: '0 0 20 20', class: 'mark', 'aria-hidden': 'true', focusable: 'false' },
      s('circle', { cx: 10, cy: 10, r: 9.2 }), s('path', { d: MARKS[state] ?? '' })),
    h('div', {},
      h('p', { class: 'title' }, STEPS.get(name), h('span', { class: 'state' }, SAID[state] ?? 'waiting')),
      h('p', { class: 'said' }, found?.text ?? '')),
  )
}

export function stepsSection() {
  const list = h('ol', { class: 'steps' }, ...[...STEPS.keys()].map((name) => stepRow(name, null)))
  const place = section('steps', 'Step by step, in this browser', list)
  return [place, (name, report) => list.querySelector(`[data-step="${name}"]`).replaceWith(stepRow(name, report.steps.get(name)))]
}

/** Issued, promised, posted, final: as a line in time. */
export function lifeSection(report, found) {
  const { receipt, inclusion } = report.file
  const settled = report.words !== null && report.words.kept === report.words.expected
  const now = report.chainTime ?? BigInt(Math.floor(Date.now() / 1000))
  const points = [{ time: receipt.issuedAt, name: 'Issued', text: 'says its signer', state: 'done' }]
  if (receipt.settleBy) {
    const keptIt = settled && inclusion.postedAt <= receipt.settleBy
    const broken = settled ? !keptIt : !report.covered && now > receipt.settleBy
    points.push({
      time: receipt.settleBy, name: 'Promised',
      text: broken ? 'and not kept' : keptIt ? 'kept' : 'at the latest',
      state: broken ? 'broken' : keptIt ? 'done' : 'open',
    })
  }
  if (inclusion) {
    points.push({
      time: inclusion.postedAt, name: 'Posted',
      text: settled ? 'in a batch on the chain' : report.failure ? 'says the file, wrongly' : 'says the file',
      state: settled ? 'done' : report.failure ? 'broken' : 'open',
    })
  }
  if (settled && found?.finalAt) points.push({ time: found.finalAt, name: 'Final', text: found.depth === 1n ? '1 block deep' : `${found.depth} blocks deep`, state: 'done' })
  points.sort((one, other) => (one.time < other.time ? -1 : one.time > other.time ? 1 : 0))
  if (!points.some((each) => each.time > now)) points.push({ time: now, name: 'Now', text: '', state: 'now' })
  else {
    const place = points.findIndex((each) => each.time > now)
    points.splice(place, 0, { time: now, name: 'Now', text: '', state: 'now' })
  }
  const missing = []
  if (!receipt.settleBy) missing.push('It promises no time of settlement.')
  if (!inclusion) missing.push('It is in no batch that the file shows.')
  else if (settled && !found?.finalAt) missing.push('Whether its block is final was not shown.')
  const items = points.map((point, i) => {
    const before = i ? point.time - points[i - 1].time : 0n
    const item = h(
      'li',
      { class: `point ${point.state}` },
      h('span', { class: 'gap' }, i ? duration(before) : ''),
      h('span', { class: 'what' }, h('span', { class: 'dot', 'aria-hidden': 'true' }), point.name),
      h('span', { class: 'when' }, point.state === 'now' ? '' : when(point.time)),
      h('span', { class: 'aside' }, point.text),
    )
    item.style.setProperty('--span', String(i ? 1 + Math.log2(1 + Number(before)) / 6 : 1))
    return item
  })
  return section('life', 'Its life', h('ol', { class: 'life' }, ...items),
    missing.length ? h('p', { class: 'aside' }, missing.join(' ')) : null)
}

export function pathSection(report) {
  const { file, path } = report
  const place = fitted(h('div', { class: 'canvas' }), (width) => drawPath(report, width))
  const steps = file.inclusion.path.map((sibling, level) => {
    const [start, stop] = path.siblings[level]
    const under = run(file.inclusion.first + start, file.inclusion.first + stop)
    return h('li', {}, `with No. ${under} `, code(sibling), ' gives ', code(hex(path.way[level + 1])))
  })
  return section('path', 'Its path through the tree',
    h('p', { class: 'lead' }, file.inclusion.path.length
      ? 'Filled is what this browser hashed, hollow is what the file brought. The root must be the one that the chain keeps.'
      : 'It is alone in its batch: its leaf is the root.'),
    place,
    h('details', {}, h('summary', {}, 'The path in digits'),
      h('p', {}, 'Leaf ', code(hex(path.way[0]))), h('ol', {}, ...steps)))
}

export function logSection(report, found) {
  if (found.batches.length === 0) {
    return section('log', 'The log it is in', h('p', {}, 'The RPC shows no batch of this log.'))
  }
  const place = fitted(h('div', { class: 'canvas' }), (width) => drawLog(report, found, width))
  const lines = [...found.batches].reverse().slice(0, 40).map((batch) =>
    h('tr', { class: batch === found.own ? 'own' : null },
      h('th', { scope: 'row' }, run(batch.first, batch.first + batch.size)),
      h('td', {}, when(batch.postedAt)), h('td', {}, code(short(batch.root)))))
  return section('log', 'The log it is in',
    h('p', { class: 'lead' }, logWords(report, found)), place,
    h('details', {}, h('summary', {}, 'The batches'),
      h('div', { class: 'scroll', tabindex: '0', role: 'region', 'aria-label': 'Batches' },
        h('table', {}, h('thead', {}, h('tr', {}, ...['Numbers', 'Posted', 'Root'].map((t) => h('th', { scope: 'col' }, t)))),
          h('tbody', {}, ...lines)))))
}

const MOST_SHOWN = 64

export function tensorsSection(report) {
  const parts = ['inputs', 'outputs'].flatMap((side) => {
    const shown = report.file.opening?.[side]
    if (!shown) return []
    const held = [PASSED, CAUTION].includes(report.steps.get(side).state)
    const title = side === 'inputs' ? 'What went in' : 'What came out'
    const warning = held ? null : h('p', { class: 'warning' }, `These are not the ${side} that the receipt is about.`)
    const views = shown.tensors.slice(0, MOST_SHOWN).map(tensorView)
    const more = shown.tensors.length - views.length
    return [h('div', { class: held ? 'side' : 'side wrong' }, h('h3', {}, title), warning,
      ...(views.length ? views : [h('p', { class: 'aside' }, 'No tensors.')]),
      more > 0 ? h('p', { class: 'aside' }, `${more} more tensors are not drawn.`) : null)]
  })
  return parts.length ? section('tensors', 'The tensors', h('div', { class: 'sides' }, ...parts)) : null
}

/** What was not checked, and what no receipt shows. */
export function limitsSection(report) {
  const alike = new Map()
  for (const [name, { text }] of report.notChecked) alike.set(text, [...(alike.get(text) ?? []), STEPS.get(name)])
  const items = [...alike].map(([text, titles]) => h('li', {}, h('strong', {}, titles.join('; ')), `: ${text}`))
  return section('limits', 'What was not checked', h('ul', {}, ...items,
    h('li', {}, 'No receipt shows by itself that the model computed these outputs: it shows who answers for saying so.'),
    report.host ? h('li', {}, `${report.host} was believed for what the chain holds. Another RPC is a second opinion.`) : null))
}

/** Everything the file says, in digits. */
export function fieldsSection(report) {
  const { file, digest } = report
  const { receipt, preimage } = file
  const runtime = preimage?.runtime
  return section('fields', 'Everything it says', rows(
    ['Identity', code(digest)],
    ['Chain and ledger', `${file.chainId}, `, code(file.ledger)],
    ['Model', code(receipt.model)],
    ...(preimage?.model?.files.slice(0, 20).map((f) => ['Model file', h('bdi', {}, visible(f.path)), `, ${f.size} bytes, sha256 `, code(f.sha256)]) ?? []),
    ['Runtime', code(receipt.runtime)],
    runtime && ['Engine', h('bdi', {}, visible(`${runtime.engine} ${runtime.version}, ${runtime.providers}, ${runtime.machine}`))],
    runtime && ['Options', code(visible(runtime.options))],
    ['Request', receipt.request === ZERO ? 'none' : code(receipt.request)],
    ['Inputs', code(receipt.inputs)],
    ['Outputs', code(receipt.outputs)],
    ['Signature', code(file.signature)],
    file.inclusion?.transaction && ['Transaction, says the file', code(file.inclusion.transaction)],
  ))
}
