// Ways to fail, by the names that they have in counterfoil.errors.

/** What is wrong, in one line, with its kind. */
export class Failure extends Error {
  constructor(kind, message) {
    super(message)
    this.kind = kind
  }
}

/** The RPC, not the receipt, is at fault: nothing is known. */
export class RpcTrouble extends Failure {}

export const malformed = (message) => new Failure('MalformedFile', message)

const LONGEST = 80

/** A word from outside in quotes, without line breaks, cut to some 80 characters. */
export function quoted(value) {
  if (typeof value !== 'string') return String(value)
  const cut = value.length > LONGEST
  const text = visible(cut ? value.slice(0, LONGEST) : value)
  const mark = text.includes("'") && !text.includes('"') ? '"' : "'"
  return mark + (mark === "'" ? text.replaceAll("'", "\\'") : text) + mark + (cut ? '…' : '')
}

/** Text with control characters, and those that turn the writing direction, spelt out. */
export function visible(text) {
  return text.replace(
    /[\u0000-\u001f\u007f-\u009f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ud800-\udfff]/gu,
    (c) => `\\u{${c.codePointAt(0).toString(16)}}`,
  )
}
