// Elements, made of text alone: nothing from a file is ever read as markup.

const SVG = 'http://www.w3.org/2000/svg'

function fill(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes ?? {})) {
    if (value === null || value === undefined || value === false) continue
    if (name.startsWith('on')) element.addEventListener(name.slice(2), value)
    else element.setAttribute(name, value === true ? '' : value)
  }
  element.append(...children.flat().filter((child) => child !== null && child !== undefined))
  return element
}

export const h = (tag, attributes, ...children) =>
  fill(document.createElement(tag), attributes, children)

export const s = (tag, attributes, ...children) =>
  fill(document.createElementNS(SVG, tag), attributes, children)

let drawings = 0

/** A drawing with a title and a description for who does not see it. */
export function drawing(width, height, title, description, ...children) {
  const id = `drawing-${++drawings}`
  return s(
    'svg',
    {
      viewBox: `0 0 ${width} ${height}`, width, height, role: 'img',
      'aria-labelledby': `${id}-title ${id}-text`, class: 'drawing',
    },
    s('title', { id: `${id}-title` }, title),
    s('desc', { id: `${id}-text` }, description),
    ...children,
  )
}

/** A whole digest or address, which may break anywhere. */
export const code = (text) => h('code', {}, text)

/** Draw now and again whenever the place becomes wider or narrower. */
export function fitted(place, draw) {
  let last = 0
  const again = () => {
    const width = Math.floor(place.clientWidth)
    if (width === 0 || width === last) return
    last = width
    place.replaceChildren(draw(width))
  }
  new ResizeObserver(again).observe(place)
  return place
}
