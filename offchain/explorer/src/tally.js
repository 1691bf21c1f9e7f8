// The tally: a rosette drawn from the word that the receipt's path leads to, its right half from
// the word that the chain keeps. Two words that are one make one figure.

import { s } from './dom.js'
import { unhex } from './bytes.js'

const SIZE = 168
const CENTRE = SIZE / 2
const RINGS = 4
const STRANDS = 5
const POINTS = 420

/** Rings of interlaced strands, whose every bend is decided by the word. */
function rosette(word) {
  const bytes = unhex(word)
  const curves = []
  for (let ring = 0; ring < RINGS; ring++) {
    const [a, b, c, d, e, f, g, i] = bytes.subarray(8 * ring, 8 * ring + 8)
    const petals = 5 + (a % 9)
    const fine = 11 + (b % 17)
    const depth = 4 + (c / 255) * 8
    const ripple = 0.5 + (d / 255) * 2
    const turn = (e / 255) * Math.PI
    const twist = (f / 255) * Math.PI
    const radius = 16 + ring * 15 + (g / 255) * 5 + (i / 255) * 3
    for (let strand = 0; strand < STRANDS; strand++) {
      const shift = (2 * Math.PI * strand) / STRANDS
      let path = ''
      for (let n = 0; n <= POINTS; n++) {
        const t = (n / POINTS) * 2 * Math.PI
        const bend = depth * Math.sin(petals * t + turn + shift) + ripple * Math.cos(fine * t + twist)
        const [x, y] = [(radius + bend) * Math.cos(t), (radius + bend) * Math.sin(t)]
        path += `${n ? 'L' : 'M'}${(CENTRE + x).toFixed(1)} ${(CENTRE + y).toFixed(1)}`
      }
      curves.push(s('path', { d: `${path}Z` }))
    }
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
