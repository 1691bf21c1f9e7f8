// viem hashes every struct, and recovers our signatures.
// In: {structs: [...], signed: [...], messages: [...]}. Out: the same, as viem finds them.
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'

const require = createRequire(import.meta.url)
const { hashDomain, hashStruct, hashTypedData, keccak256, recoverAddress } = require('viem')

const told = JSON.parse(readFileSync(0))
const domainTypes = { EIP712Domain: told.domainType }

const structs = told.structs.map(({ primaryType, types, message }) =>
  hashStruct({ primaryType, types, data: message }),
)
const signed = []
for (const { primaryType, types, message, domain, signature } of told.signed) {
  const typed = { ...domain, chainId: BigInt(domain.chainId) }
  const digest = hashTypedData({ primaryType, types, message, domain: typed })
  signed.push({
    domain: hashDomain({ domain: typed, types: domainTypes }),
    digest,
    address: await recoverAddress({ hash: digest, signature }),
  })
}
console.log(JSON.stringify({ structs, signed, messages: told.messages.map((m) => keccak256(m)) }))
