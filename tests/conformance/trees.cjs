// merkletreejs builds and proves the trees; Python only says what it found itself.
// In: {data: [hex], leaf, roots: {size: hex}, paths: {size: {index: [hex]}}}.
// Out: {sizes, paths, wrong}: how many were compared, and what differs.
const { MerkleTree } = require('merkletreejs')
const { keccak256 } = require('viem')

const keccak = (data) => Buffer.from(keccak256(data, 'bytes'))

function leaf(data) {
  return keccak(Buffer.concat([Buffer.from([0]), data]))
}

// merkletreejs hashes a pair as one buffer of 64 bytes; ours has 0x01 before it. A pair is hashed
// once, for all the trees that have it: nearly every node of one is a node of the next.
const known = new Map()
function node(pair) {
  if (pair.length !== 64) throw new Error(`a node of ${pair.length} bytes`)
  const key = pair.toString('latin1')
  if (!known.has(key)) known.set(key, keccak(Buffer.concat([Buffer.from([1]), pair])))
  return known.get(key)
}

function main(told) {
  const data = told.data.map((hex) => Buffer.from(hex, 'hex'))
  const leaves = data.map(leaf)
  if (leaves[0].toString('hex') !== told.leaf) throw new Error('another leaf hash')
  let paths = 0
  const wrong = []
  for (const [text, root] of Object.entries(told.roots)) {
    const size = Number(text)
    // No sorting and no duplicateOdd: an odd last node moves up, as RFC 9162 has it.
    const tree = new MerkleTree(leaves.slice(0, size), node, { sort: false, duplicateOdd: false })
    if (tree.getRoot().toString('hex') !== root) wrong.push(`root of ${size}`)
    for (const [place, path] of Object.entries(told.paths[text] ?? {})) {
      const index = Number(place)
      const proof = tree.getProof(leaves[index], index)
      if (proof.map((step) => step.data.toString('hex')).join() !== path.join()) {
        wrong.push(`path ${index} of ${size}`)
      }
      if (!MerkleTree.verify(proof, leaves[index], tree.getRoot(), node)) {
        wrong.push(`its own path ${index} of ${size}`)
      }
      paths += 1
    }
  }
  return { sizes: Object.keys(told.roots).length, paths, wrong }
}

console.log(JSON.stringify(main(JSON.parse(require('fs').readFileSync(0)))))
