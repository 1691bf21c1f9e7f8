// The first line: is this real?

import { LOCAL_CHAIN } from './trust.js'
import { short, when } from './words.js'

const NO = {
  BadSignature: 'Its signature has a form that nobody takes.',
  WrongSigner: 'Something in it was changed, or another key signed it.',
  SignedForAnotherChain: 'It was signed for another chain.',
  SignedForAnotherLedger: 'It was signed for another ledger.',
  WrongSequence: 'Its number was changed.',
  InputsMismatch: 'The inputs shown are not the ones it is about.',
  OutputsMismatch: 'The outputs shown are not the ones it is about.',
  ModelMismatch: 'The model shown is not the one it names.',
  RuntimeMismatch: 'The runtime shown is not the one it names.',
  BadOpening: 'A piece of a tensor is not the committed one.',
  BadInclusion: 'Its path leads to no batch.',
  LogNeverOpened: 'Nobody answers for it.',
  NotSettled: 'The chain holds no such batch.',
  NotInBatch: 'The chain keeps another batch in its place.',
  IssuedAfterPosting: 'It claims to be younger than its own batch.',
  PromiseTooLong: 'Its promise is one that nobody enforces.',
  ModelNotPublished: 'Nobody you named had published its model.',
  ModelDeprecated: 'Its model had been withdrawn.',
}

const TROUBLE = {
  BadRpcAddress: 'the RPC has no usable address.',
  ChainUnavailable: 'the RPC gave no answer.',
  WrongChain: 'the RPC serves another chain.',
  NoContract: 'the RPC shows no such ledger or court.',
  BadAnswer: 'the RPC contradicts itself.',
}

/** Tones: yes, but, no, open. */
const is = (tone, line, more) => ({ tone, line, more })

/** What a reader should think of a checked receipt. */
export function verdict(report) {
  const { file, failure, trouble } = report
  if (failure) return is('no', `No. ${NO[failure.kind] ?? 'It does not hold.'}`, failure.text)
  const signed = `Signed by ${short(file.receipt.signer)}, as number ${file.receipt.sequence} of its log.`
  if (!report.known) {
    return is(
      'open',
      'Not known: it is signed, but for a ledger that is not on your list.',
      `${signed} A file cannot vouch for the ledger that vouches for it: add the ledger below if you know it from elsewhere.`,
    )
  }
  if (trouble) {
    return is('open', `Not known: ${TROUBLE[trouble.kind] ?? 'the RPC gave no usable answer.'}`, `${signed} ${trouble.text}`)
  }
  if (report.host === null) {
    return is(
      'open',
      file.inclusion ? 'Not known yet. It is signed, but no chain was asked.' : 'Not known yet. It is signed, and not settled when it was written.',
      `${signed} Give an RPC of chain ${file.chainId} to see whether the chain has kept its counterfoil.`,
    )
  }
  return file.inclusion ? settled(report) : unsettled(report, signed)
}

function settled(report) {
  const { file, record, clean } = report
  const since = when(file.inclusion.postedAt)
  const more = `${record.operator} answers for it. The batch was posted ${since}.`
  if (clean === false) {
    return is('but', 'Yes, it is real. But its log had been caught before.', `${more} ${report.steps.get('standing').text}`)
  }
  if (file.chainId === LOCAL_CHAIN) {
    return is(
      'yes',
      'Yes, on a developer’s own chain.',
      `${more} Chain ${LOCAL_CHAIN} is whatever its developer makes it: this shows that the receipt and that chain agree, and nothing to anybody else.`,
    )
  }
  return is('yes', 'Yes, it is real.', `${more} Chain ${file.chainId} has kept its counterfoil since.`)
}

function unsettled(report, signed) {
  const { settleBy } = report.file.receipt
  if (report.covered) {
    return is('open', 'Not shown. A batch covers its number, but the file has no path.', `${signed} ${report.steps.get('word').text}`)
  }
  if (report.record === null) {
    return is('open', 'Not yet. It is signed, and nobody answers for it so far.', `${signed} ${report.steps.get('log').text}`)
  }
  if (settleBy === 0n) {
    return is('open', 'Not yet. It is signed, and no batch holds it.', `${signed} It promises nothing about when it is settled.`)
  }
  if (report.chainTime !== null && report.chainTime > settleBy) {
    return is('no', 'Its promise is broken. It is signed, and no batch holds it.', `${signed} ${report.steps.get('promise').text}`)
  }
  return is('open', 'Not yet. It is signed, and promised to the chain.', `${signed} It is to be settled by ${when(settleBy)}.`)
}

/** Of a file that is no receipt. */
export const unreadable = (error) =>
  is('no', 'No. This is not a receipt.', `What is wrong: ${error.message}.`)
