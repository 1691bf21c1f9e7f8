// The path through the tree: the receipt's own nodes filled, the siblings that the file brings
// hollow, with the runs of receipts under them as shades.

import { hex } from './bytes.js'
import { drawing, s } from './dom.js'
import { short } from './words.js'

const EDGE = 26
const LEAST_APART = 12

export function drawPath(report, width) {
  const { first, size, path } = report.file.inclusion
  const { sequence } = report.file.receipt
  const { way, siblings } = report.path
  const step = Math.max(16, Math.min(44, 280 / Math.max(1, path.length)))
  const [top, base] = [30, 30 + step * path.length]
  const height = base + 44
  const span = width - 2 * EDGE
  const x = (place) => EDGE + (size === 1n ? span / 2 : (Number(place) / Number(size)) * span)
  const own = sequence - first
  const shades = []
  const edges = []
  const dots = []
  let [low, high] = [own, own + 1n]
  let [atX, atY] = [(x(low) + x(high)) / 2, base]
  if (size === 1n) atX = width / 2
  dots.push(s('circle', { cx: atX, cy: atY, r: path.length ? 5 : 7, class: 'own' }))
  siblings.forEach(([start, stop], level) => {
    const right = start >= high
    let there = (x(start) + x(stop)) / 2
    if (Math.abs(there - atX) < LEAST_APART) there = atX + (right ? LEAST_APART : -LEAST_APART)
    const [left, end] = [x(start), x(stop)]
    if (level > 0) shades.push(s('path', { d: `M${there} ${atY}L${left} ${base}H${end}Z`, class: 'shade' }))
    low = low < start ? low : start
    high = high > stop ? high : stop
    const [upX, upY] = [(x(low) + x(high)) / 2, atY - step]
    edges.push(
      s('path', { d: `M${there} ${atY}L${upX} ${upY}`, class: 'edge given' }),
      s('path', { d: `M${atX} ${atY}L${upX} ${upY}`, class: 'edge' }),
    )
    dots.push(s('circle', { cx: there, cy: atY, r: 4, class: 'given' }))
    ;[atX, atY] = [upX, upY]
    dots.push(s('circle', { cx: atX, cy: atY, r: level === path.length - 1 ? 7 : 4.5, class: 'own' }))
  })
  const ticks = []
  if (Number(size) <= span / 6) {
    for (let i = 0; i < Number(size); i++) {
      const centre = (x(i) + x(i + 1)) / 2
      ticks.push(s('path', { d: `M${centre} ${base + 9}v6`, class: i === Number(own) ? 'tick own' : 'tick' }))
    }
  }
  const leafX = size === 1n ? width / 2 : (x(own) + x(own + 1n)) / 2
  const label = `No. ${sequence}`
  const [anchor, labelX] =
    leafX < 60 ? ['start', EDGE - 8] : leafX > width - 60 ? ['end', width - EDGE + 8] : ['middle', leafX]
  return drawing(
    width,
    height,
    'The path through the tree',
    `From receipt ${sequence}, number ${own} of ${size} in its batch, ${path.length} steps up to the root ${hex(way.at(-1))}.`,
    s('path', { d: `M${EDGE} ${base}H${width - EDGE}`, class: 'ground' }),
    ...shades,
    ...edges,
    ...ticks,
    ...dots,
    s('text', { x: atX, y: top - 14, 'text-anchor': 'middle' }, `root ${short(hex(way.at(-1)))}`),
    s('text', { x: labelX, y: base + 34, 'text-anchor': anchor, class: 'strong' }, label),
  )
}
