// What the reader chose, kept in this browser where it keeps anything.

const NAME = 'counterfoil'

export function load() {
  try {
    return { ledgers: '', publishers: '', rpcs: {}, ...JSON.parse(localStorage.getItem(NAME) ?? '{}') }
  } catch {
    return { ledgers: '', publishers: '', rpcs: {} }
  }
}

export function save(settings) {
  try {
    localStorage.setItem(NAME, JSON.stringify(settings))
  } catch {
    // a browser that keeps nothing: the choice holds as long as the page is open
  }
}
