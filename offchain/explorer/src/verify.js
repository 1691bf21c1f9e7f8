// All steps of docs/format.md §11 on one receipt file, in their order. Each step says what it
// found; one that could not be taken says so. The first that fails decides.

import { hex } from './bytes.js'
import {
  checkConsistent, checkPromise, checkTimes, checkWord, courtStanding, logRecord, logStanding,
  modelRecords, requireLedger, youngerThanBatch,
} from './chain.js'
import { batchesOf } from './contracts.js'
import { Failure, RpcTrouble, visible } from './failures.js'
import { checkModel, checkPath, checkRuntime, checkSide, checkSignature } from './offline.js'
import { receiptDigest } from './structs.js'
import { EMBEDDED_CHAIN, LOCAL_CHAIN } from './trust.js'
import { coins, duration, short, when } from './words.js'

/** Steps and their titles, in the order in which they are taken. */
export const STEPS = new Map([
  ['ledger', 'The ledger is one that you trust'],
  ['signature', 'Its signer signed it'],
  ['inputs', 'The inputs shown are those it is about'],
  ['outputs', 'The outputs shown are those it is about'],
  ['model', 'The model shown is the one it names'],
  ['runtime', 'The runtime shown is the one it names'],
  ['path', 'Its path leads to a batch'],
  ['chain', 'The RPC serves the right chain and ledger'],
  ['log', 'Somebody answers for the log'],
  ['word', 'The chain keeps that batch'],
  ['times', 'It is older than its batch'],
  ['promise', 'Its promise is one that the log allows'],
  ['record', 'A publisher you trust had published the model'],
  ['standing', 'The operator stood clean in the court'],
])

export const PASSED = 'passed'
export const FAILED = 'failed'
export const CAUTION = 'caution'
export const TROUBLE = 'trouble'
export const SKIPPED = 'skipped'

/**
 * Check one receipt file.
 * @param {object} file from parseReceiptFile
 * @param {{trust: object, rpc: object|null, tell: function}} how `tell` hears of every step
 */
export async function verify(file, { trust, rpc, tell = () => {} }) {
  const report = new Report(file, tell)
  const known = trust.of(file.chainId, file.ledger)
  if (known) {
    report.say('ledger', PASSED, `${file.ledger} on chain ${file.chainId} is on your list.`)
  } else {
    report.say(
      'ledger',
      TROUBLE,
      `Unknown ledger: ${file.ledger} on chain ${file.chainId} is not on your list, so it was not asked.`,
    )
  }
  await offline(report, trust)
  if (report.failure) report.skipRest('Not asked: the receipt failed before.')
  else if (!known) report.skipRest('Not asked: nobody you trust vouches for the ledger.')
  else if (rpc === null) {
    report.skipRest(
      file.chainId === EMBEDDED_CHAIN
        ? 'The chain is gone: it ended with the program that made it.'
        : 'Not asked: no RPC was given.',
    )
  } else {
    report.host = rpc.host
    await report.take('chain', async () => {
      await requireLedger(rpc, file)
      return `${rpc.host} serves chain ${file.chainId} with this ledger. It is believed for what the chain holds.`
    })
    if (!report.stopped) await onChain(report, rpc, known, trust)
    report.skipRest('Not asked, as an earlier step did not pass.')
  }
  return report
}

export class Report {
  steps = new Map()
  known = true
  /** The first step that failed; the receipt is not real. */
  failure = null
  /** The first step in which the RPC failed; nothing is known. */
  trouble = null
  host = null
  record = null
  covered = null
  anchored = false
  clean = null
  path = null
  words = null
  chainTime = null

  constructor(file, tell) {
    this.file = file
    this.digest = hex(receiptDigest(file.receipt, file.chainId, file.ledger))
    this.tell = tell
  }

  get stopped() {
    return this.failure !== null || this.trouble !== null
  }

  say(step, state, text) {
    if (step === 'ledger') this.known = state === PASSED
    this.steps.set(step, { state, text })
    this.tell(step, this)
  }

  /** Take a step: what it returns is said, as passed or as [state, text]. */
  async take(step, run) {
    try {
      const found = await run()
      const [state, text] = Array.isArray(found) ? found : [PASSED, found]
      this.say(step, state, text)
    } catch (error) {
      if (!(error instanceof Failure)) throw error
      const trouble = error instanceof RpcTrouble || ['Refused', 'NoContract'].includes(error.kind)
      const text = trouble && !(error instanceof RpcTrouble)
        ? `${this.host} gives no usable answer: ${error.message}`
        : error.message
      const found = { step, kind: error.kind, text, error }
      if (trouble) this.trouble ??= found
      else this.failure ??= found
      if (error.expected) this.words = { expected: error.expected, kept: error.kept }
      this.say(step, trouble ? TROUBLE : FAILED, text)
    }
  }

  skipRest(text) {
    for (const step of STEPS.keys()) if (!this.steps.has(step)) this.say(step, SKIPPED, text)
  }

  /** What was not checked, a sentence each. */
  get notChecked() {
    return [...this.steps].filter(([, s]) => s.state === SKIPPED || s.state === TROUBLE)
  }
}

async function offline(report, trust) {
  const { file } = report
  const elsewhere = trust
    .all()
    .filter((each) => each.chainId !== file.chainId || each.ledger !== file.ledger)
  await report.take('signature', async () => `By ${await checkSignature(file, elsewhere)}.`)
  for (const side of ['inputs', 'outputs']) {
    const shown = file.opening?.[side]
    if (!shown) {
      report.say(side, SKIPPED, `The file shows no ${side}.`)
      continue
    }
    await report.take(side, async () => {
      await checkSide(file, side)
      if (shown.master !== null) {
        return side === 'inputs'
          ? 'Every byte of them. Whether they are what you sent, only you can say.'
          : 'Every byte of them.'
      }
      const pieces = shown.tensors.reduce((sum, t) => sum + t.opened.length, 0)
      return [CAUTION, `In part: ${pieces} of their chunks are shown and fit; the rest is not shown.`]
    })
  }
  const { model, runtime, program } = file.preimage ?? {}
  if (model) {
    await report.take('model', async () => {
      checkModel(file)
      const names = model.files.length === 1 ? 'One file' : `${model.files.length} files`
      return `${names}, by sha256. Their bytes are not in the receipt.`
    })
  } else report.say('model', SKIPPED, "The file does not list the model's files.")
  if (runtime || program) {
    await report.take('runtime', async () => {
      checkRuntime(file)
      return program
        ? 'An exact program: nothing else decides its numbers.'
        : visible(`${runtime.engine} ${runtime.version}, ${runtime.providers || 'no provider named'}, ${runtime.machine || 'no machine named'}.`)
    })
  } else report.say('runtime', SKIPPED, 'The file does not describe the runtime.')
  if (file.inclusion) {
    await report.take('path', async () => {
      report.path = checkPath(file)
      const { first, size, path } = file.inclusion
      if (size === 1n) return 'It is alone in its batch.'
      return `${path.length} steps up, in the batch of the numbers ${first} to ${first + size - 1n}.`
    })
  } else report.say('path', SKIPPED, 'The file shows no path: it was written before it was settled.')
}

async function onChain(report, rpc, known, trust) {
  const { file } = report
  const latest = await rpc.block('latest').catch(() => null)
  report.chainTime = latest?.time ?? null
  await report.take('log', async () => {
    report.record = await logRecord(rpc, file)
    if (report.record !== null) {
      return `${report.record.operator} opened it on ${when(report.record.openedAt)}.`
    }
    if (!file.inclusion) return [CAUTION, 'The signer has opened no log on this ledger: nobody answers for it yet.']
    throw new Failure(
      'LogNeverOpened',
      `${file.receipt.signer} never opened a log on this ledger: nobody answers for the receipt.`,
    )
  })
  if (report.stopped) return
  if (!file.inclusion) {
    await withoutPath(report)
    return
  }
  await report.take('word', async () => {
    report.words = await checkWord(rpc, file, report.path.root)
    // what is younger than its batch the ledger calls false, too: that is the next step's word
    if (!youngerThanBatch(file)) report.chainTime = await checkConsistent(rpc, file, report.record)
    report.covered = true
    return `Posted ${when(file.inclusion.postedAt)}; root, size and time are those of the path.`
  })
  if (report.stopped) return
  await report.take('times', async () => {
    checkTimes(file)
    return 'Its time of issue is not past its posting.'
  })
  if (report.stopped) return
  await promise(report)
  if (report.stopped) return
  await models(report, rpc, known, trust)
  if (report.stopped) return
  await standing(report, rpc, known)
  report.anchored = !report.stopped
}

async function withoutPath(report) {
  const { file, record } = report
  const { sequence } = file.receipt
  report.covered = record !== null && sequence < record.nextSequence
  report.say(
    'word',
    SKIPPED,
    report.covered
      ? 'A batch covers its number; whether with this receipt, only its path shows. Ask the issuer for the settled receipt.'
      : 'No batch has its number yet.',
  )
  if (record) await promise(report)
}

async function promise(report) {
  const { file, record, chainTime } = report
  const { issuedAt, settleBy } = file.receipt
  await report.take('promise', async () => {
    const caution = checkPromise(file, record)
    if (settleBy === 0n) return [SKIPPED, 'It promises nothing about when it is settled.']
    if (caution) return [CAUTION, caution]
    const within = `It promises to be settled within ${duration(settleBy - issuedAt)}, by ${when(settleBy)}`
    if (file.inclusion && file.inclusion.postedAt > settleBy) {
      return [CAUTION, `${within}: it came ${duration(file.inclusion.postedAt - settleBy)} late.`]
    }
    if (!file.inclusion && !report.covered && chainTime !== null && chainTime > settleBy) {
      return [CAUTION, `${within}: broken since ${duration(chainTime - settleBy)}.`]
    }
    return `${within}.`
  })
}

async function models(report, rpc, known, trust) {
  if (trust.publishers.length === 0) {
    report.say('record', SKIPPED, "You named no publisher, so nobody's word on the model was asked.")
    return
  }
  if (!known.registry) {
    report.say('record', SKIPPED, "No registry is known on this chain, so the model's record was not asked.")
    return
  }
  await report.take('record', async () => {
    const { file } = report
    const active = await modelRecords(rpc, file, known.registry, trust.publishers, file.inclusion.postedAt)
    return active
      .map(({ publisher, record }) => {
        const version = record.version ? ` ${visible(record.version)}` : ''
        return `“${visible(record.name)}”${version} by ${short(publisher)}, since ${when(record.publishedAt)}.`
      })
      .join(' ')
  })
}

async function standing(report, rpc, known) {
  if (!known.court) {
    report.say('standing', SKIPPED, "No court of this ledger is known, so the log's standing was not asked.")
    return
  }
  const { file, record } = report
  const at = file.inclusion.postedAt
  await report.take('standing', async () => {
    const found = await courtStanding(rpc, file, known.court, at)
    report.clean = found.clean
    const of = logStanding(record, at)
    const life = of === 'open' ? '' : ` The log was ${of} by then.`
    const bond = found.bond ? ` ${coins(found.bond)} coins are bonded.` : ' Nothing is bonded.'
    if (found.count === 0) return [life ? CAUTION : PASSED, `Nothing was ever proved against it.${bond}${life}`]
    const when_ = at < found.markedAt ? `${duration(found.markedAt - at)} after` : `${duration(at - found.markedAt)} before`
    const times = found.count === 1 ? 'once' : `${found.count} times`
    return [CAUTION, `Caught ${times}, first “${found.reason}”, ${when_} this receipt's batch was posted.${bond}${life}`]
  })
}

/** Blocks, the batch's own included, before it counts as final: as profiles have it. */
const confirmations = (chainId) => (chainId === LOCAL_CHAIN ? 1n : 3n)

/**
 * The log's batches and when this receipt's became final: for the drawings, no step of §11.
 * @returns {{batches: object[], whole: boolean, own: object|null, finalAt: bigint|null, depth: bigint|null}}
 */
export async function history(report, rpc) {
  const { file, record } = report
  const { batches, whole } = await batchesOf(rpc, file.ledger, file.receipt.signer, record.openedAt)
  const own =
    batches.find((b) => b.first <= file.receipt.sequence && file.receipt.sequence < b.first + b.size) ?? null
  let [finalAt, depth] = [null, null]
  if (own) {
    const head = await rpc.number('eth_blockNumber')
    const needed = own.block + confirmations(file.chainId) - 1n
    depth = head - own.block + 1n
    if (head >= needed) finalAt = (await rpc.block(needed))?.time ?? null
  }
  return { batches, whole, own, finalAt, depth }
}
