// How times, spans and digests are written.

/** Unix seconds as a UTC time. */
export function when(seconds) {
  const time = new Date(Number(seconds) * 1000)
  if (Number.isNaN(time.getTime())) return `${seconds} s after 1970`
  return `${time.toISOString().slice(0, 19).replace('T', ' ')} UTC`
}

const UNITS = [[86400n, 'day'], [3600n, 'hour'], [60n, 'minute'], [1n, 'second']]

/** A span of seconds in its one or two largest units. */
export function duration(seconds) {
  let rest = seconds < 0n ? -seconds : seconds
  const parts = []
  for (const [length, name] of UNITS) {
    const count = rest / length
    if (count > 0n || (length === 1n && parts.length === 0)) {
      parts.push(`${count} ${name}${count === 1n ? '' : 's'}`)
      rest %= length
      if (parts.length === 2) break
    } else if (parts.length) break
  }
  return parts.join(' ')
}

/** A digest or address with its middle left out. */
export const short = (text) => (text.length > 20 ? `${text.slice(0, 10)}…${text.slice(-6)}` : text)

/** Bytes in the largest unit that keeps them readable. */
export function byteCount(count) {
  const n = Number(count)
  if (n < 1024) return `${n} ${n === 1 ? 'byte' : 'bytes'}`
  if (n < 2 ** 20) return `${(n / 1024).toFixed(1)} KiB`
  return `${(n / 2 ** 20).toFixed(1)} MiB`
}

/** Wei in whole coins. */
export function coins(wei) {
  const whole = wei / 10n ** 18n
  const part = (wei % 10n ** 18n).toString().padStart(18, '0').replace(/0+$/, '').slice(0, 6)
  return part ? `${whole}.${part}` : `${whole}`
}

/** A number with its thousands apart. */
export const grouped = (n) => n.toString().replace(/\B(?=(\d{3})+$)/g, '\u202f')
