// Step 5 of docs/format.md §11: what the chain says about a receipt, all as of `postedAt`.

import { hex } from './bytes.js'
import { COURT, LEDGER, OFFENCES, REGISTRY } from './contracts.js'
import { Failure, RpcTrouble, visible } from './failures.js'
import { ZERO, batchWord, domainSeparator } from './structs.js'
import { duration, short, when } from './words.js'

/** How far `issuedAt` may lie past `postedAt`, seconds. */
const POSTING_TOLERANCE = 60n

/** The RPC serves the file's chain, and there is a ledger of it at the address. */
export async function requireLedger(rpc, file) {
  const found = await rpc.number('eth_chainId')
  if (found !== file.chainId) {
    throw new RpcTrouble(
      'WrongChain',
      `${rpc.host} serves chain ${found}; the receipt is of chain ${file.chainId}.`,
    )
  }
  const code = await rpc.ask('eth_getCode', file.ledger, 'latest')
  let domain = ''
  if (typeof code === 'string' && code.length > 2) {
    try {
      domain = await rpc.view(LEDGER, file.ledger, 'domain_separator')
    } catch (error) {
      if (error instanceof RpcTrouble) throw error
    }
  }
  if (domain !== hex(domainSeparator(file.chainId, file.ledger))) {
    throw new RpcTrouble(
      'NoContract',
      `${rpc.host} shows no ledger of chain ${file.chainId} at ${file.ledger}: it serves another chain, or lies.`,
    )
  }
}

/** A log's record, or null where the log was never opened. */
export async function logRecord(rpc, file) {
  const record = await rpc.view(LEDGER, file.ledger, 'log_record', file.receipt.signer)
  return record.openedAt === 0n ? null : { ...record, maxDelay: BigInt(record.maxDelay) }
}

/** The word that the ledger keeps of the batch is the one that the path leads to. */
export async function checkWord(rpc, file, root) {
  const { first, size, postedAt } = file.inclusion
  const expected = hex(batchWord(root, size, postedAt))
  const kept = await rpc.view(LEDGER, file.ledger, 'batch_word', file.receipt.signer, first)
  if (kept === ZERO) {
    const failure = new Failure(
      'NotSettled',
      `No batch of this log starts at number ${first}: the receipt was never settled, or its path is made up.`,
    )
    throw Object.assign(failure, { expected, kept: null })
  }
  if (kept !== expected) {
    const failure = new Failure(
      'NotInBatch',
      `The receipt is not in the batch that starts at number ${first}: its path, size or time is of another batch.`,
    )
    throw Object.assign(failure, { expected, kept })
  }
  return { expected, kept }
}

/** Lay the ledger's other answers beside the word: an RPC that lies must lie well. */
export async function checkConsistent(rpc, file, record) {
  const { first, size, postedAt, path } = file.inclusion
  const next = (await rpc.block('pending').catch(() => null)) ?? (await rpc.block('latest'))
  const verified = await rpc.view(LEDGER, file.ledger, 'verify', file.receipt, { first, size, postedAt, path })
  const agrees =
    record.nextSequence >= first + size &&
    record.openedAt <= postedAt &&
    next !== null &&
    postedAt <= next.time &&
    verified
  if (!agrees) {
    throw new RpcTrouble('BadAnswer', `${rpc.host} contradicts itself about the batch at ${first}: ask another RPC.`)
  }
  return next.time
}

export const youngerThanBatch = (file) =>
  file.receipt.issuedAt > file.inclusion.postedAt + POSTING_TOLERANCE

export function checkTimes(file) {
  const { issuedAt } = file.receipt
  const { postedAt } = file.inclusion
  if (youngerThanBatch(file)) {
    throw new Failure(
      'IssuedAfterPosting',
      `It says that it was issued ${duration(issuedAt - postedAt)} after its batch was posted: its issuer's clock is wrong, or it lies.`,
    )
  }
}

/** What its log makes of a receipt's promise (docs/format.md §8): a caution, or an empty text. */
export function checkPromise(file, record) {
  const { issuedAt, settleBy } = file.receipt
  if (settleBy === 0n) return ''
  if (settleBy - issuedAt > record.maxDelay) {
    throw new Failure(
      'PromiseTooLong',
      `It promises settlement within ${duration(settleBy - issuedAt)} and its log allows ${duration(record.maxDelay)}: no court enforces that, refuse it.`,
    )
  }
  const end = record.revokedAt && record.revokedAt < record.closesAt ? record.revokedAt : record.closesAt
  return record.openedAt <= issuedAt && issuedAt <= end
    ? ''
    : "It was issued outside its log's life: no court enforces its promise."
}

/** The log as of a time: open, closed or revoked. */
export function logStanding(record, at) {
  if (record.revokedAt && record.revokedAt <= at) return 'revoked'
  return record.closesAt <= at ? 'closed' : 'open'
}

/** What the court had against the log, as of a time. */
export async function courtStanding(rpc, file, court, at) {
  const code = await rpc.ask('eth_getCode', court, 'latest')
  let of = ''
  if (typeof code === 'string' && code.length > 2) {
    try {
      of = await rpc.view(COURT, court, 'ledger')
    } catch (error) {
      if (error instanceof RpcTrouble) throw error
    }
  }
  if (of.toLowerCase() !== file.ledger.toLowerCase()) {
    throw new RpcTrouble('NoContract', `${rpc.host} shows no court of this ledger at ${court}.`)
  }
  const { signer } = file.receipt
  const { markedAt, reason, count } = await rpc.view(COURT, court, 'standing', signer)
  const bond = await rpc.view(COURT, court, 'bond', signer)
  const clean = count === 0 || at < markedAt
  if (clean !== (await rpc.view(COURT, court, 'clean_at', signer, at))) {
    throw new RpcTrouble('BadAnswer', `${rpc.host} contradicts itself about the log's standing: ask another RPC.`)
  }
  return { clean, count, markedAt, reason: OFFENCES[reason.toString(2).length - 1] ?? 'unknown', bond: bond.amount }
}

/** The records of the model by the publishers whom the reader names, as of a time. */
export async function modelRecords(rpc, file, registry, publishers, at) {
  const code = await rpc.ask('eth_getCode', registry, 'latest')
  if (typeof code !== 'string' || code.length <= 2) {
    throw new RpcTrouble('NoContract', `${rpc.host} shows no registry at ${registry}.`)
  }
  const active = []
  let withdrawn = null
  for (const publisher of publishers) {
    const record = await rpc.view(REGISTRY, registry, 'record', publisher, file.receipt.model)
    if (record.publishedAt === 0n || record.publishedAt > at) continue
    if (record.deprecatedAt && record.deprecatedAt <= at) withdrawn = { publisher, record }
    else active.push({ publisher, record })
  }
  if (active.length) return active
  if (withdrawn) {
    throw new Failure(
      'ModelDeprecated',
      `${short(withdrawn.publisher)} withdrew the model “${visible(withdrawn.record.name)}” on ${when(withdrawn.record.deprecatedAt)}, before the batch was posted.`,
    )
  }
  throw new Failure(
    'ModelNotPublished',
    'None of the publishers that you named had published the model when the batch was posted.',
  )
}
