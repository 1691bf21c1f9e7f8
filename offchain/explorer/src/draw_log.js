// The log's batches as a strip: each as wide as it has receipts, this receipt's filled.

import { drawing, s } from './dom.js'
import { grouped } from './words.js'

const BAND = 34
const LEAST = 3

export function drawLog(report, found, width) {
  const { batches } = found
  const { sequence } = report.file.receipt
  const start = batches[0].first
  const end = batches.at(-1).first + batches.at(-1).size
  const waiting = sequence >= end
  const room = width - (waiting ? 46 : 2)
  const gap = Math.min(2, room / batches.length / 3)
  const free = Math.max(0, room - batches.length * (LEAST + gap))
  const total = Number(end - start)
  let at = 1
  let own = null
  const blocks = batches.map((batch) => {
    const wide = LEAST + (Number(batch.size) / total) * free
    const mine = batch.first <= sequence && sequence < batch.first + batch.size
    if (mine) own = at + (Number(sequence - batch.first) + 0.5) / Number(batch.size) * wide
    const block = s('rect', { x: at, y: 14, width: wide, height: BAND, rx: 1.5, class: mine ? 'batch own' : 'batch' })
    at += wide + gap
    return block
  })
  if (waiting) {
    own = width - 20
    blocks.push(s('rect', { x: width - 38, y: 14, width: 36, height: BAND, rx: 1.5, class: 'batch waiting' }))
  }
  const marker = own === null ? [] : [s('path', { d: `M${own} ${BAND + 18}l-5 8h10Z`, class: 'marker' })]
  const anchor = own !== null && own < 60 ? 'start' : own !== null && own > width - 60 ? 'end' : 'middle'
  const labelX = anchor === 'start' ? 1 : anchor === 'end' ? width - 1 : own
  const label = own === null ? [] : [
    s('text', { x: labelX, y: BAND + 42, 'text-anchor': anchor, class: 'strong' }, `No. ${sequence}`),
  ]
  return drawing(
    width,
    BAND + 50,
    "The log's batches",
    `${batches.length} batches with the receipts ${start} to ${end - 1n}. Receipt ${sequence} is ${waiting ? 'in none of them' : 'in one of them'}.`,
    ...blocks,
    ...marker,
    ...label,
  )
}

/** The strip in words. */
export function logWords(report, found) {
  const { batches, whole, own } = found
  const receipts = batches.reduce((sum, b) => sum + b.size, 0n)
  const what = `${batches.length === 1 ? 'One batch' : `${grouped(batches.length)} batches`}, ${receipts === 1n ? 'one receipt' : `${grouped(receipts)} receipts`}`
  const which = own
    ? `; this one is in ${batches.length === 1 ? 'it' : `the ${ordinal(batches.indexOf(own) + 1)}`}`
    : '; this one is in none of them'
  return `${what}${which}.${whole ? '' : ' Older batches are left out.'}`
}

function ordinal(n) {
  const ending = n % 100 > 10 && n % 100 < 14 ? 'th' : ['th', 'st', 'nd', 'rd'][n % 10] ?? 'th'
  return `${n}${ending}`
}
