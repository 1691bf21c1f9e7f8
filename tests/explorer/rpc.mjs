// The page's RPC client against servers that never end. Out: the kind of each failure, and seconds.
import { createServer } from 'node:http'

const { Rpc } = await import(new URL('../../offchain/explorer/src/rpc.js', import.meta.url))
const ways = {
  silent: () => {},
  drips: (response) => {
    response.writeHead(200)
    const timer = setInterval(() => response.write(' '), 20)
    response.on('close', () => clearInterval(timer))
  },
  endless: (response) => {
    response.writeHead(200)
    const more = () => {
      while (response.write(' '.repeat(2 ** 20)));
    }
    response.on('drain', more)
    more()
  },
  cut: (response) => {
    response.writeHead(200, { 'Content-Length': 100 })
    response.write('{"jsonrpc": ')
    setTimeout(() => response.destroy(), 20)
  },
  null: (response) => response.end('null'),
  list: (response) => response.end('[]'),
  error: (response) => response.end('{"jsonrpc":"2.0","id":1,"error":null,"result":"0x"}'),
}
const out = {}
for (const [name, answer] of Object.entries(ways)) {
  const server = createServer((request, response) => {
    request.resume()
    answer(response)
  })
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve))
  const start = performance.now()
  try {
    const timeout = name === 'endless' ? 30_000 : 400
    await new Rpc(`http://127.0.0.1:${server.address().port}`, { timeout }).number('eth_chainId')
    out[name] = ['answered']
  } catch (error) {
    out[name] = [error.kind ?? error.stack, (performance.now() - start) / 1000]
  }
  server.closeAllConnections()
  server.close()
}
for (const url of ['', 'ws://127.0.0.1:1', 'file:///x', 'http://user:word@127.0.0.1:1', 'nonsense']) {
  try {
    new Rpc(url)
    out[url] = ['taken']
  } catch (error) {
    out[url] = [error.kind, 0]
  }
}
console.log(JSON.stringify(out))
