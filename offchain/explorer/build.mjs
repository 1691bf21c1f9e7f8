// Build the page into the package: `node build.mjs [FOLDER]`. The same sources give the same bytes.

import { copyFileSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'
import { concatHex, encodeAbiParameters, getContractAddress, keccak256, stringToHex } from 'viem'

const here = dirname(fileURLToPath(import.meta.url))
const packaged = join(here, '..', 'counterfoil')
const target = resolve(process.argv[2] ?? join(packaged, 'server', 'explorer'))
const artefact = (name) => JSON.parse(readFileSync(join(packaged, 'artefacts', `${name}.json`), 'utf8'))

// Ledgers that the page trusts: the recorded deployments, and where a developer's own node has
// them, which CREATE2 decides (counterfoil/chain/deployment.py).
function known() {
  const list = []
  for (const [chainId, made] of Object.entries(artefact('deployments'))) {
    if (!made.ReceiptLedger) continue
    list.push({
      chainId,
      ledger: made.ReceiptLedger.address,
      registry: made.ModelRegistry?.address ?? null,
      court: made.PromiseCourt?.address ?? null,
    })
  }
  const { ReceiptLedger: ledger, ModelRegistry: registry } = artefact('addresses')
  // LOCAL_TERMS: claim window and answer window in seconds, reward cap in wei
  const terms = encodeAbiParameters(
    [{ type: 'address' }, { type: 'uint256' }, { type: 'uint256' }, { type: 'uint256' }],
    [ledger, 3600n, 600n, 5n * 10n ** 16n],
  )
  const court = getContractAddress({
    opcode: 'CREATE2',
    from: '0x4e59b44847b379578588920cA78FbF26c0B4956C',
    salt: keccak256(stringToHex('counterfoil/1')),
    bytecode: concatHex([artefact('PromiseCourt').bytecode, terms]),
  })
  list.push({ chainId: '31337', ledger, registry, court })
  return list
}

writeFileSync(join(here, 'src', 'known.json'), `${JSON.stringify(known(), null, 2)}\n`)
rmSync(target, { recursive: true, force: true })
mkdirSync(target, { recursive: true })
const shared = { bundle: true, minify: true, charset: 'utf8', legalComments: 'none', absWorkingDir: here }
const made = await build({
  ...shared,
  metafile: true,
  entryPoints: ['src/main.js'],
  outfile: join(target, 'explorer.js'),
  format: 'iife',
  platform: 'browser',
  target: ['es2022'],
})
await build({ ...shared, entryPoints: ['explorer.css'], outfile: join(target, 'explorer.css') })
copyFileSync(join(here, 'index.html'), join(target, 'index.html'))

// What is bundled is other people's work, under licences that go along with it.
const [{ inputs }] = Object.values(made.metafile.outputs)
const folders = Object.entries(inputs)
  .filter(([, { bytesInOutput }]) => bytesInOutput > 0)
  .map(([name]) => /^(node_modules\/(?:@[^/]+\/)?[^/]+)\//.exec(name)?.[1])
const notices = [...new Set(folders)].filter(Boolean).sort().map((folder) => {
  const { name, version, license } = JSON.parse(readFileSync(join(here, folder, 'package.json'), 'utf8'))
  const file = readdirSync(join(here, folder)).find((each) => /^licen[cs]e/i.test(each))
  const text = file ? readFileSync(join(here, folder, file), 'utf8').trim() : `Licence: ${license}`
  return `${name} ${version}\n\n${text}\n`
})
writeFileSync(join(target, 'licences.txt'), notices.join(`\n${'-'.repeat(72)}\n\n`))
