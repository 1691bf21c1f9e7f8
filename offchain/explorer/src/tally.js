// The tally: a rosette drawn from the word that the receipt's path leads to, its right half from
// the word that the chain keeps. Two words that are one make one figure.

import { s } from './dom.js'
import { unhex } from './bytes.js'

const SIZE = 168
const CENTRE = SIZE / 2

/** A closed curve whose every bend is decided by the word. */
function rosette(word) {
  const bytes = unhex(word)
  const curves = []
  for (let ring = 0; ring < 4; ring++) {
    const [a, b, c, d, e, f, g, i] = bytes.subarray(8 * ring, 8 * ring + 8)
    const petals = 5 + (a % 9)
    const fine = 11 + (b % 17)
    const depth = 5 + (c / 255) * 13
    const ripple = 2 + (d / 255) * 5
    const turn = (e / 255) * Math.PI
    const twist = (f / 255) * Math.PI
    const radius = 28 + ring * 13 + (g / 255) * 6 + (i / 255) * 3
    let path = ''
    for (let n = 0; n <= 360; n++) {
      const t = (n / 360) * 2 * Math.PI
      const r = radius + depth * Math.sin(petals * t + turn) * 0.6 + ripple * Math.cos(fine * t + twist)
      path += `${n ? 'L' : 'M'}${(CENTRE + r * Math.cos(t)).toFixed(1)} ${(CENTRE + r * Math.sin(t)).toFixed(1)}`
    }
    curves.push(s('path', { d: `${path}Z` }))
  }
  return curves
}

/**
 * @param {string|null} left the receipt's word, 0x-hex
 * @param {string|null} right the chain's
 */
export function tally(left, right) {
  const half = (word, side) => {
    const x = side === 'left' ? 0 : CENTRE
    const blank = s('path', {
      d: `M${CENTRE} 14A70 70 0 0 ${side === 'left' ? 0 : 1} ${CENTRE} ${SIZE - 14}`,
      class: 'blank',
    })
    return s(
      'g',
      { class: `half ${side}` },
      s('clipPath', { id: `tally-${side}` }, s('rect', { x, y: 0, width: CENTRE, height: SIZE })),
      s('g', { 'clip-path': `url(#tally-${side})` }, ...(word ? rosette(word) : [blank])),
    )
  }
  return s(
    'svg',
    { viewBox: `0 0 ${SIZE} ${SIZE}`, class: 'tally', 'aria-hidden': 'true', focusable: 'false' },
    half(left, 'left'),
    half(right, 'right'),
  )
}
