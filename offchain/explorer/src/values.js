// The elements of an opened tensor, and what they look like.

import { STRING, elements, strings, typeName } from './tensor.js'

const half = (bits) => {
  const sign = bits & 0x8000 ? -1 : 1
  const exponent = (bits >> 10) & 31
  const fraction = bits & 1023
  if (exponent === 31) return fraction ? NaN : sign * Infinity
  return sign * (exponent ? 2 ** (exponent - 15) * (1 + fraction / 1024) : 2 ** -14 * (fraction / 1024))
}

const brain = (bits) => {
  const view = new DataView(new ArrayBuffer(4))
  view.setUint32(0, bits * 65536)
  return view.getFloat32(0)
}

const READERS = {
  float32: [4, (v, at) => v.getFloat32(at, true)],
  uint8: [1, (v, at) => v.getUint8(at)],
  int8: [1, (v, at) => v.getInt8(at)],
  uint16: [2, (v, at) => v.getUint16(at, true)],
  int16: [2, (v, at) => v.getInt16(at, true)],
  int32: [4, (v, at) => v.getInt32(at, true)],
  int64: [8, (v, at) => v.getBigInt64(at, true)],
  bool: [1, (v, at) => v.getUint8(at) !== 0],
  float16: [2, (v, at) => half(v.getUint16(at, true))],
  float64: [8, (v, at) => v.getFloat64(at, true)],
  uint32: [4, (v, at) => v.getUint32(at, true)],
  uint64: [8, (v, at) => v.getBigUint64(at, true)],
  bfloat16: [2, (v, at) => brain(v.getUint16(at, true))],
  complex64: [8, (v, at) => `${v.getFloat32(at, true)} + ${v.getFloat32(at + 4, true)} i`],
  complex128: [16, (v, at) => `${v.getFloat64(at, true)} + ${v.getFloat64(at + 8, true)} i`],
}

/** Types that are shown by their bits: eight-, four- and two-bit floats and integers. */
const PACKED = { uint4: 4, int4: 4, float4_e2m1fn: 4, uint2: 2, int2: 2 }

/**
 * How to read a whole tensor's elements.
 * @returns {{count: number, numeric: boolean, at: function(number): any, note: string}}
 */
export function reading({ name, dtype, shape, data }) {
  const count = Number(elements(shape))
  if (Number(dtype) === STRING) {
    const all = strings(name, shape, data)
    return { count, numeric: false, at: (i) => all[i], note: '' }
  }
  const type = typeName(dtype)
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength)
  if (READERS[type]) {
    const [width, read] = READERS[type]
    return { count, numeric: !type.startsWith('complex'), at: (i) => read(view, i * width), note: '' }
  }
  const bits = PACKED[type] ?? 8
  const raw = (i) => (view.getUint8(Math.floor((i * bits) / 8)) >> ((i * bits) % 8)) & ((1 << bits) - 1)
  if (type === 'uint4' || type === 'uint2') return { count, numeric: true, at: raw, note: '' }
  if (type === 'int4' || type === 'int2') {
    const top = 1 << (bits - 1)
    return { count, numeric: true, at: (i) => (raw(i) ^ top) - top, note: '' }
  }
  const digits = bits === 8 ? 2 : 1
  return {
    count,
    numeric: false,
    at: (i) => `0x${raw(i).toString(16).padStart(digits, '0')}`,
    note: `${type} is shown by its bits`,
  }
}

const MOST_PIXELS = 2 ** 22
const LEAST_SIDE = 8
const MOST_PLOTTED = 2 ** 22

/** What a whole tensor looks like: image, plot or table. */
export function likeness(tensor) {
  const { count, numeric } = reading(tensor)
  const shape = tensor.shape.map(Number)
  while (shape.length > 1 && shape[0] === 1) shape.shift()
  const sides = (h, w) => h >= LEAST_SIDE && w >= LEAST_SIDE && h * w <= MOST_PIXELS
  if (numeric && shape.length === 3) {
    const [a, b, c] = shape
    if ([1, 3, 4].includes(c) && sides(a, b)) return { kind: 'image', height: a, width: b, channels: c, last: true }
    if ([1, 3, 4].includes(a) && sides(b, c)) return { kind: 'image', height: b, width: c, channels: a, last: false }
  }
  if (numeric && shape.length === 2 && sides(...shape)) {
    return { kind: 'image', height: shape[0], width: shape[1], channels: 1, last: true }
  }
  const line = shape.filter((d) => d !== 1).length <= 1
  if (numeric && line && count >= 3 && count <= MOST_PLOTTED && tensor.dtype !== 9n) return { kind: 'plot' }
  return { kind: 'table' }
}

/** Least and greatest finite number, and how many are not finite. */
export function range({ count, at }) {
  let [low, high, odd, sum] = [Infinity, -Infinity, 0, 0]
  for (let i = 0; i < count; i++) {
    const value = Number(at(i))
    if (!Number.isFinite(value)) {
      odd += 1
      continue
    }
    if (value < low) low = value
    if (value > high) high = value
    sum += value
  }
  return { low, high, odd, sum }
}

/** A number as it is shown. */
export function shown(value) {
  if (typeof value === 'number' && !Number.isInteger(value)) return String(Number(value.toPrecision(7)))
  return String(value)
}
