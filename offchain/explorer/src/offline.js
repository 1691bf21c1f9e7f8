// Steps 2 to 4 of docs/format.md §11: what a receipt file shows by itself.

import { hex, unhex } from './bytes.js'
import { Failure } from './failures.js'
import { climb, leaf, siblings } from './merkle.js'
import { recover } from './signature.js'
import { domainSeparator, digest, modelHash, programHash, receiptDigest, receiptHash, runtimeHash } from './structs.js'
import { openedSet, pacer } from './tensor.js'

/** Numbers on each side that are tried to explain a signature over another number. */
const NEIGHBOURS = 512n

/** Step 2: the signature recovers to the signer. */
export async function checkSignature(file, elsewhere) {
  const { receipt, chainId, ledger, signature } = file
  const found = await recover(receiptDigest(receipt, chainId, ledger), signature)
  if (found === receipt.signer) return found
  const signed = async (domain, changed) => {
    try {
      return (await recover(digest(domain, receiptHash(changed)), signature)) === receipt.signer
    } catch {
      return false
    }
  }
  for (const other of elsewhere) {
    if (!(await signed(domainSeparator(other.chainId, other.ledger), receipt))) continue
    if (other.chainId !== chainId) {
      throw new Failure(
        'SignedForAnotherChain',
        `It was signed for chain ${other.chainId}, not for chain ${chainId}: somebody changed the file's chainId.`,
      )
    }
    throw new Failure(
      'SignedForAnotherLedger',
      `It was signed for the ledger ${other.ledger}, not for ${ledger}: somebody changed the file's ledger.`,
    )
  }
  const pace = pacer()
  const domain = domainSeparator(chainId, ledger)
  for (let distance = 1n; distance <= NEIGHBOURS; distance++) {
    for (const sequence of [receipt.sequence - distance, receipt.sequence + distance]) {
      if (sequence < 0n || sequence >= 2n ** 64n) continue
      if (await signed(domain, { ...receipt, sequence })) {
        throw new Failure(
          'WrongSequence',
          `It was signed as number ${sequence} of its log, not as number ${receipt.sequence}: somebody changed the file's sequence.`,
        )
      }
    }
    await pace()
  }
  throw new Failure(
    'WrongSigner',
    `The signature is not ${receipt.signer}'s over these fields: a field was changed, or somebody else signed.`,
  )
}

/** Step 3, one side: the tensors hash to what the receipt commits to. */
export async function checkSide(file, side) {
  const found = hex(await openedSet(file.opening[side]))
  if (found !== file.receipt[side]) {
    throw new Failure(
      side === 'inputs' ? 'InputsMismatch' : 'OutputsMismatch',
      `The ${side} in the file are not those of the receipt: a value, name, type or shape was changed.`,
    )
  }
}

/** Step 3, the model's files. */
export function checkModel(file) {
  if (hex(modelHash(file.preimage.model)) !== file.receipt.model) {
    throw new Failure('ModelMismatch', "The model files named in the file are not the receipt's.")
  }
}

/** Step 3, the runtime or the exact program. */
export function checkRuntime(file) {
  const { runtime, program } = file.preimage
  if (hex(runtime ? runtimeHash(runtime) : programHash(program)) !== file.receipt.runtime) {
    throw new Failure('RuntimeMismatch', "The runtime named in the file is not the receipt's.")
  }
}

/**
 * Step 4: the path leads from the receipt's leaf to a root.
 * @returns {{way: Uint8Array[], siblings: object[], root: Uint8Array}}
 */
export function checkPath(file) {
  const { first, size, path } = file.inclusion
  const { sequence } = file.receipt
  if (sequence < first || sequence >= first + size) {
    throw new Failure(
      'BadInclusion',
      `The path is of a batch of the receipts ${first} to ${first + size - 1n}, this one has number ${sequence}.`,
    )
  }
  const start = leaf(receiptDigest(file.receipt, file.chainId, file.ledger))
  let way
  try {
    way = climb(start, sequence - first, size, path.map(unhex))
  } catch (error) {
    throw new Failure('BadInclusion', `The path does not fit its batch: ${error.message}.`)
  }
  return { way, siblings: siblings(sequence - first, size), root: way.at(-1) }
}
