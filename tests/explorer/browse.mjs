// The page in a real browser. In: {chromium, modules, shots, scenes}. Out: what each scene showed.
// A scene: {name, url, file | paste | files, ledgers, publishers, rpc, keys, width, height, scheme, axe, shot}.
import { mkdirSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'

const told = JSON.parse(readFileSync(0))
const require = createRequire(join(told.modules, 'package.json'))
const { chromium } = require('playwright-core')
const axe = readFileSync(require.resolve('axe-core/axe.min.js'), 'utf8')

const browser = await chromium.launch({
  executablePath: told.chromium,
  args: [
    '--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run',
    '--disable-background-networking', '--disable-component-update', '--disable-sync',
  ],
})

const settled = (page) =>
  page.waitForFunction(
    () =>
      document.body.dataset.tone !== 'idle' &&
      document.body.dataset.busy === 'false' &&
      !document.getElementById('line').textContent.startsWith('Checking'),
    null,
    { timeout: 30_000 },
  )

const state = (page) =>
  page.evaluate(() => ({
    tone: document.body.dataset.tone,
    line: document.getElementById('line').textContent,
    more: document.getElementById('more').textContent,
    title: document.title,
    steps: Object.fromEntries(
      [...document.querySelectorAll('.step')].map((row) => [
        row.dataset.step,
        [row.className.replace('step ', ''), row.querySelector('.said').textContent],
      ]),
    ),
    texts: Object.fromEntries(
      [...document.querySelectorAll('#result section')].map((each) => [each.id, each.innerText]),
    ),
    figures: [...document.querySelectorAll('figure')].map((each) => each.className),
    drawings: [...document.querySelectorAll('svg[role=img]')].map((each) =>
      each.querySelector('desc').textContent),
    ticket: document.querySelector('.ticket')?.className ?? null,
    images: document.querySelectorAll('img').length,
    share: document.querySelector('.share a')?.getAttribute('href') ?? null,
    error: document.getElementById('setting-error').textContent,
    wide: document.documentElement.scrollWidth - window.innerWidth,
  }))

/** One page for all scenes: emptied between them, which is quicker than a new one. */
const context = await browser.newContext({ reducedMotion: 'reduce' })
const page = await context.newPage()

async function emptied(scene) {
  page.removeAllListeners()
  await page.goto(new URL('index.html', told.scenes[0].url).href)
  await page.evaluate(() => localStorage.clear())
  await page.goto('about:blank')
  await page.setViewportSize({ width: scene.width ?? 1100, height: 900 })
  await page.emulateMedia({ colorScheme: scene.scheme ?? 'light', reducedMotion: 'reduce' })
}

async function play(scene) {
  await emptied(scene)
  const asked = new Set()
  const errors = []
  page.on('request', (request) => asked.add(new URL(request.url()).origin))
  page.on('pageerror', (error) => errors.push(String(error)))
  page.on('console', (message) => {
    const text = message.text()
    if (message.type() === 'error' && !/Failed to load resource|CORS policy/.test(text)) errors.push(text)
  })
  await page.goto(scene.url)
  if (scene.files) return { files: await many(page, scene.files), errors }
  if (scene.file) await page.setInputFiles('#file', scene.file)
  if (scene.paste) {
    await page.fill('#text', scene.paste)
    await page.click('#paste button')
  }
  if (!scene.idle) await settled(page)
  if (scene.ledgers || scene.publishers) {
    await page.click('#settings summary')
    await page.fill('#ledgers', scene.ledgers ?? '')
    await page.fill('#publishers', scene.publishers ?? '')
  }
  if (scene.keys) {
    await page.focus('#rpc')
    await page.keyboard.press('Control+A')
    await page.keyboard.type(scene.rpc)
    await page.keyboard.press('Enter')
    await settled(page)
  } else if (scene.rpc !== undefined) {
    await page.fill('#rpc', scene.rpc)
    await page.click('.ask button')
    await settled(page)
  } else if (scene.ledgers) {
    await page.click('#settings details button')
    await settled(page)
  }
  if (scene.again) {
    await page.goto(scene.again)
    await page.reload()
    await settled(page)
  }
  const found = await state(page)
  if (scene.tabs) found.tabs = await tabs(page)
  if (scene.axe) {
    await page.evaluate(() => document.querySelectorAll('details').forEach((each) => { each.open = true }))
    await page.evaluate(axe)
    const { violations, passes } = await page.evaluate(() =>
      // from disk, axe-core may not fetch the style sheet
      window.axe.run({ preload: location.protocol !== 'file:' }))
    found.axe = violations.map((v) => `${v.id}: ${v.nodes.map((n) => n.target.join(' ')).join(', ')}`)
    found.passes = passes.length
    await page.evaluate(() => document.querySelectorAll('#result details').forEach((each) => { each.open = false }))
  }
  if (scene.shot) {
    mkdirSync(told.shots, { recursive: true })
    await page.evaluate(() => {
      document.querySelectorAll('#result details, #settings details').forEach((each) => { each.open = false })
      if (document.body.dataset.loaded) document.getElementById('intake').open = false
    })
    await page.screenshot({ path: join(told.shots, `${scene.name}.png`), fullPage: true })
  }
  return { ...found, asked: [...asked], errors }
}

/** What the page says of each file, one after the other. */
async function many(page, files) {
  const out = {}
  for (const file of files) {
    await page.evaluate(() => { document.body.dataset.tone = 'idle' })
    await page.setInputFiles('#file', file)
    await settled(page)
    out[file.split('/').at(-1)] = await page.evaluate(() => [
      document.body.dataset.tone,
      document.getElementById('line').textContent,
      document.getElementById('more').textContent,
    ])
  }
  return out
}

/** What the tabulator reaches, in its order. */
async function tabs(page) {
  const out = []
  await page.evaluate(() => {
    document.body.tabIndex = -1
    document.body.focus()
    document.body.removeAttribute('tabindex')
  })
  for (let i = 0; i < 40; i++) {
    await page.keyboard.press('Tab')
    const name = await page.evaluate(() => {
      const at = document.activeElement
      return at === document.body ? null : at.id || at.getAttribute('aria-label') || at.textContent.trim()
    })
    if (name === null) break
    out.push(name)
  }
  return out
}

const out = {}
for (const scene of told.scenes) {
  const start = performance.now()
  try {
    out[scene.name] = await play(scene)
  } catch (error) {
    out[scene.name] = { broken: String(error.stack ?? error) }
  }
  out[scene.name].seconds = (performance.now() - start) / 1000
}
await browser.close()
console.log(JSON.stringify(out))
