// An opened tensor as an image, a plot or a table.

import { drawing, fitted, h, s } from './dom.js'
import { hex } from './bytes.js'
import { visible } from './failures.js'
import { CHUNK, chunkCount, typeName } from './tensor.js'
import { likeness, range, reading, shown } from './values.js'
import { byteCount, grouped } from './words.js'

const ROWS = 48
const COLUMNS = 12
const BARS = 64
const HIGH = 150

export function shapeText(tensor) {
  return `${typeName(tensor.dtype)} ${tensor.shape.length ? `[${tensor.shape.join(' × ')}]` : 'scalar'}`
}

/** A figure of one tensor of an opened set. */
export function tensorView(tensor) {
  const name = visible(tensor.name).slice(0, 200) || 'without a name'
  const bytes = byteCount(tensor.data?.length ?? tensor.byteLength)
  const caption = h(
    'figcaption',
    {},
    h('bdi', { class: 'name' }, name),
    h('span', { class: 'type' }, `${shapeText(tensor)}, ${bytes}`),
  )
  if (!tensor.data) return h('figure', { class: 'tensor' }, caption, ...pieces(tensor, name))
  const read = reading(tensor)
  const like = likeness(tensor)
  const parts =
    like.kind === 'image' ? image(tensor, read, like, name)
    : like.kind === 'plot' ? plot(read, name)
    : table(tensor, read, name)
  if (read.note) parts.push(h('p', { class: 'aside' }, `${read.note}.`))
  return h('figure', { class: `tensor ${like.kind}` }, caption, ...parts)
}

function image(tensor, read, { height, width, channels, last }, name) {
  const { low, high, odd } = range(read)
  const bytes = typeName(tensor.dtype) === 'uint8'
  const whole = bytes || (low >= 0 && high <= 255 && high > 1.5)
  const unit = !whole && low >= 0 && high <= 1
  const [floor, span] = whole ? [0, 255] : unit ? [0, 1] : [low, high - low || 1]
  const canvas = h('canvas', {
    width, height, role: 'img',
    'aria-label': `${name} as an image, ${width} wide and ${height} high, values ${shown(low)} to ${shown(high)}`,
  })
  const context = canvas.getContext('2d')
  const pixels = context.createImageData(width, height)
  const area = height * width
  for (let place = 0; place < area; place++) {
    for (let channel = 0; channel < 4; channel++) {
      const from = channels === 1 ? 0 : channel
      let value = 255
      if (channel < 3 || channels === 4) {
        const raw = Number(read.at(last ? place * channels + from : from * area + place))
        value = Number.isFinite(raw) ? ((raw - floor) / span) * 255 : 0
      }
      pixels.data[4 * place + channel] = channel === 3 && channels !== 4 ? 255 : value
    }
  }
  context.putImageData(pixels, 0, 0)
  canvas.style.width = `${Math.max(width, Math.min(256, width * Math.ceil(192 / width)))}px`
  const scale = whole ? 'as stored' : unit ? 'black is 0, white is 1' : `black is ${shown(low)}, white is ${shown(high)}`
  const strange = odd ? `; ${grouped(odd)} are no finite numbers` : ''
  return [canvas, h('p', { class: 'aside' }, `Drawn as an image, ${scale}${strange}.`)]
}

function plot(read, name) {
  const found = range(read)
  const { low, high, odd, sum } = found
  if (low > high) return table({ shape: [BigInt(read.count)] }, read, name)
  const likely = low >= 0 && high <= 1 + 1e-6 && Math.abs(sum - 1) < 0.01 && read.count > 1
  const order = likely ? best(read, 5) : []
  const place = h('div', { class: 'plot' })
  fitted(place, (width) => drawPlot(read, found, width, name))
  const words = likely
    ? `Adds up to one: the largest are ${order.map(([i, v]) => `no. ${i} with ${shown(v)}`).join(', ')}.`
    : `${grouped(read.count)} values from ${shown(low)} to ${shown(high)}${odd ? `; ${grouped(odd)} are no finite numbers` : ''}.`
  return [place, h('p', { class: 'aside' }, words), h('details', {}, h('summary', {}, 'Values'), ...table({ shape: [BigInt(read.count)] }, read, name))]
}

function best(read, count) {
  const all = []
  for (let i = 0; i < read.count; i++) all.push([i, Number(read.at(i))])
  return all.sort((one, other) => other[1] - one[1]).slice(0, Math.min(count, all.length))
}

function drawPlot(read, { low, high }, width, name) {
  const [floor, top] = [Math.min(0, low), Math.max(0, high)]
  const y = (value) => 8 + (1 - (value - floor) / (top - floor || 1)) * (HIGH - 16)
  const zero = y(0)
  const marks = []
  if (read.count <= BARS) {
    const wide = width / read.count
    for (let i = 0; i < read.count; i++) {
      const value = Number(read.at(i))
      if (!Number.isFinite(value)) continue
      const at = y(value)
      marks.push(s('rect', {
        x: (i + 0.15) * wide, width: wide * 0.7, y: Math.min(at, zero),
        height: Math.max(1, Math.abs(at - zero)), class: value === high && high > 0 ? 'bar best' : 'bar',
      }))
    }
  } else {
    let path = ''
    for (let column = 0; column < width; column++) {
      const start = Math.floor((column / width) * read.count)
      const stop = Math.max(start + 1, Math.floor(((column + 1) / width) * read.count))
      let [least, most] = [Infinity, -Infinity]
      for (let i = start; i < stop; i++) {
        const value = Number(read.at(i))
        if (value < least) least = value
        if (value > most) most = value
      }
      if (!Number.isFinite(least) || !Number.isFinite(most)) continue
      path += `${path ? 'L' : 'M'}${column + 0.5} ${y(least).toFixed(1)}`
      if (most > least) path += `L${column + 0.5} ${y(most).toFixed(1)}`
    }
    marks.push(s('path', { d: path, class: 'line' }))
  }
  return drawing(
    width, HIGH, `Plot of ${name}`, `${read.count} values from ${shown(low)} to ${shown(high)}.`,
    s('path', { d: `M0 ${zero}H${width}`, class: 'ground' }), ...marks,
  )
}

function table({ shape }, read, name) {
  if (read.count === 0) return [h('p', { class: 'aside' }, 'No elements.')]
  const value = (i) => {
    const text = visible(shown(read.at(i)))
    return text.length > 400 ? `${text.slice(0, 400)}…` : text
  }
  if (read.count === 1) return [h('p', { class: 'single' }, h('bdi', {}, value(0)))]
  const across = shape.length > 1 ? Math.max(1, Number(shape.at(-1))) : 8
  const columns = Math.min(across, COLUMNS)
  const lines = Math.ceil(read.count / across)
  const rows = []
  for (let row = 0; row < Math.min(lines, ROWS); row++) {
    const cells = []
    for (let column = 0; column < columns; column++) {
      const i = row * across + column
      cells.push(h('td', {}, i < read.count ? h('bdi', {}, value(i)) : ''))
    }
    rows.push(h('tr', {}, h('th', { scope: 'row' }, String(row * across)), ...cells))
  }
  const cut = lines > ROWS || across > columns
  return [
    h(
      'div',
      { class: 'scroll', tabindex: '0', role: 'region', 'aria-label': `Values of ${name}` },
      h('table', {}, h('tbody', {}, ...rows)),
    ),
    cut ? h('p', { class: 'aside' }, `The first ${Math.min(lines, ROWS)} rows and ${columns} columns of ${grouped(read.count)} values.`) : null,
  ]
}

/** What is shown of a tensor of which only chunks are open. */
function pieces(tensor, name) {
  const chunks = chunkCount(tensor.byteLength)
  const head = `${tensor.opened.length} of ${chunks} ${chunks === 1n ? 'chunk' : 'chunks'} shown`
  if (tensor.opened.length === 0) return [h('p', { class: 'aside' }, `${head}.`)]
  const type = typeName(tensor.dtype)
  const rows = tensor.opened.slice(0, ROWS).map((chunk) => {
    const start = chunk.index * BigInt(CHUNK)
    return h(
      'tr',
      {},
      h('th', { scope: 'row' }, `${start}–${start + BigInt(Math.max(1, chunk.data.length)) - 1n}`),
      h('td', {}, h('bdi', {}, elementsOf(tensor, chunk, type))),
    )
  })
  return [
    h('p', { class: 'aside' }, `${head}, by bytes.`),
    h('div', { class: 'scroll', tabindex: '0', role: 'region', 'aria-label': `Chunks of ${name}` }, h('table', {}, h('tbody', {}, ...rows))),
  ]
}

function elementsOf(tensor, chunk, type) {
  const count = { float32: 4, float64: 8, int32: 4, int64: 8, uint8: 1, int8: 1, int16: 2, uint16: 2, uint32: 4, uint64: 8, float16: 2, bfloat16: 2, bool: 1 }[type]
  if (!count || chunk.data.length % count) return hex(chunk.data)
  const read = reading({ ...tensor, shape: [BigInt(chunk.data.length / count)], data: chunk.data })
  return Array.from({ length: read.count }, (_, i) => shown(read.at(i))).join('  ')
}
