/**
 * What the page does in the browser, as the text of its one script: filters, a graph that is moved and zoomed, keys. Without
 * it everything is still there to read.
 */
export const script = `'use strict'
const all = selector => [...document.querySelectorAll(selector)]
const one = selector => document.querySelector(selector)
const items = all('.item')
const search = one('#search')
const pressed = name => all('button[data-' + name + '][aria-pressed=true]').map(button => button.dataset[name])
let texts

function filter() {
  texts ??= items.map(item => item.textContent.toLowerCase())
  const words = search.value.toLowerCase().split(/\\s+/).filter(word => word !== '')
  const actions = pressed('action')
  const hazards = pressed('hazard')
  let shown = 0
  items.forEach((item, index) => {
    const own = item.dataset.hazards.split(' ')
    const fits =
      words.every(word => texts[index].includes(word)) &&
      (actions.length === 0 || actions.includes(item.dataset.action)) &&
      (hazards.length === 0 || hazards.some(hazard => own.includes(hazard)))
    item.hidden = !fits
    if (fits) shown += 1
  })
  for (const section of all('.list')) section.hidden = section.querySelector('.item:not([hidden])') === null
  one('#count').textContent = shown + ' of ' + items.length
}

let waiting
search.addEventListener('input', () => {
  clearTimeout(waiting)
  waiting = setTimeout(filter, 60)
})
for (const button of all('button[aria-pressed]'))
  button.addEventListener('click', () => {
    button.setAttribute('aria-pressed', String(button.getAttribute('aria-pressed') !== 'true'))
    filter()
  })
one('#expand').addEventListener('click', () => {
  const shown = items.filter(item => !item.hidden)
  const open = shown.some(item => !item.open)
  for (const item of shown) item.open = open
})
one('#theme').addEventListener('click', () => {
  const root = document.documentElement
  const dark = root.dataset.theme ? root.dataset.theme === 'dark' : matchMedia('(prefers-color-scheme:dark)').matches
  root.dataset.theme = dark ? 'light' : 'dark'
})
one('#save').addEventListener('click', () => {
  const link = document.createElement('a')
  link.href = URL.createObjectURL(new Blob([one('#plan').textContent], { type: 'application/json' }))
  link.download = 'plan.json'
  link.click()
  setTimeout(() => URL.revokeObjectURL(link.href), 1000)
})

document.addEventListener('keydown', event => {
  if (event.ctrlKey || event.metaKey || event.altKey) return
  if (event.key === 'Escape' && document.activeElement === search) {
    search.value = ''
    filter()
    search.blur()
    return
  }
  if (event.target instanceof HTMLInputElement) return
  if (event.key === '/') {
    event.preventDefault()
    search.focus()
  }
  if (event.key === 'j' || event.key === 'k') step(event.key === 'j' ? 1 : -1)
})
function step(by) {
  const shown = items.filter(item => !item.hidden)
  const now = shown.findIndex(item => item.contains(document.activeElement))
  const next = shown[now === -1 ? 0 : Math.min(Math.max(now + by, 0), shown.length - 1)]
  next?.querySelector('summary').focus()
}
function show(id) {
  const item = document.getElementById(id)
  if (!item) return
  item.hidden = false
  item.closest('.list').hidden = false
  item.open = true
  item.scrollIntoView({ block: 'center' })
  item.querySelector('summary').focus()
}

const view = one('.view')
if (view) {
  const svg = view.querySelector('svg')
  const whole = svg.getAttribute('viewBox').split(' ').map(Number)
  let box = [...whole]
  const put = next => {
    box = next
    svg.setAttribute('viewBox', box.join(' '))
  }
  const zoom = (factor, x = 0.5, y = 0.5) => {
    const width = Math.min(Math.max(box[2] * factor, 200), whole[2] * 2)
    const height = box[3] * (width / box[2])
    put([box[0] + (box[2] - width) * x, box[1] + (box[3] - height) * y, width, height])
  }
  const move = (x, y) => put([box[0] + x * box[2], box[1] + y * box[3], box[2], box[3]])
  view.addEventListener(
    'wheel',
    event => {
      event.preventDefault()
      const area = svg.getBoundingClientRect()
      const factor = event.deltaY > 0 ? 1.2 : 1 / 1.2
      zoom(factor, (event.clientX - area.left) / area.width, (event.clientY - area.top) / area.height)
    },
    { passive: false },
  )
  let held
  svg.addEventListener('pointerdown', event => {
    held = { x: event.clientX, y: event.clientY, moved: false }
  })
  window.addEventListener('pointermove', event => {
    if (!held) return
    const area = svg.getBoundingClientRect()
    const scale = Math.max(box[2] / area.width, box[3] / area.height)
    const x = event.clientX - held.x
    const y = event.clientY - held.y
    if (!held.moved && Math.abs(x) + Math.abs(y) < 4) return
    put([box[0] - x * scale, box[1] - y * scale, box[2], box[3]])
    held = { x: event.clientX, y: event.clientY, moved: true }
  })
  window.addEventListener('pointerup', event => {
    const click = held && !held.moved
    held = undefined
    const node = click && event.target instanceof Element && event.target.closest('[data-item]')
    if (node) show(node.dataset.item)
  })
  const acts = { '+': () => zoom(1 / 1.4), '=': () => zoom(1 / 1.4), '-': () => zoom(1.4), 0: () => put([...whole]),
    ArrowLeft: () => move(-0.1, 0), ArrowRight: () => move(0.1, 0), ArrowUp: () => move(0, -0.1), ArrowDown: () => move(0, 0.1) }
  view.addEventListener('keydown', event => {
    const act = acts[event.key]
    if (!act || event.ctrlKey || event.metaKey) return
    event.preventDefault()
    act()
  })
  for (const button of view.querySelectorAll('button')) button.addEventListener('click', () => acts[button.dataset.key]())
}
filter()
`
