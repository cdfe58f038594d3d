/** The page in a real browser: what a reader clicks and types. Skipped, with the reason, where there is no Chromium. */
import { existsSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Browser, chromium, type Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Plan } from '../../src/planner/plan.js'
import { type HtmlOptions, renderHtml } from '../../src/report/html.js'
import { largePlan, mixedPlan, secret } from './fixtures.js'
import { attacks, hostileInput, planWith } from './hostile.js'

const executablePath = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'].find(
  existsSync,
)

const skipped = executablePath ? '' : ' (skipped: no Chromium; apt-get install chromium)'

describe.skipIf(!executablePath)(`a plan’s page${skipped}`, () => {
  let browser: Browser
  let folder: string

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'infra-html-'))
    browser = await chromium.launch({
      executablePath: executablePath ?? '',
      args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--disable-background-networking'],
    })
  }, 120_000)
  afterAll(async () => {
    await browser?.close()
    await rm(folder, { recursive: true, force: true })
  })

  /** The page of a plan, with what went wrong on it and what it asked the network for. */
  async function open(plan: Plan, options: HtmlOptions = {}, colorScheme: 'light' | 'dark' = 'light') {
    const file = join(folder, `${plan.digest}.html`)
    await writeFile(file, renderHtml(plan, options))
    const context = await browser.newContext({ colorScheme, viewport: { width: 1200, height: 900 } })
    const page = await context.newPage()
    const faults: string[] = []
    page.on('pageerror', error => faults.push(error.message))
    page.on('console', message => {
      if (message.type() === 'error') faults.push(message.text())
    })
    page.on('dialog', dialog => {
      faults.push(`dialog: ${dialog.message()}`)
      void dialog.dismiss()
    })
    page.on('request', request => {
      if (!request.url().startsWith('file:') && !request.url().startsWith('blob:'))
        faults.push(`asked for ${request.url()}`)
    })
    await page.goto(`file://${file}`)
    return { page, faults, close: () => context.close() }
  }

  const shown = (page: Page) => page.locator('.item:visible').count()

  it('searches, and filters by action and by hazard', async () => {
    const { page, faults, close } = await open(mixedPlan())
    expect(await shown(page)).toBe(7)
    await page.fill('#search', 'worker AUTOSTART')
    await expect.poll(() => shown(page)).toBe(2)
    expect(await page.textContent('#count')).toBe('2 of 7')
    expect(await page.locator('h2:visible', { hasText: 'Destroy' }).count()).toBe(0)
    await page.fill('#search', '')
    await page.click('button[data-action=delete]')
    await expect.poll(() => shown(page)).toBe(1)
    await page.click('button[data-action=replace]')
    await expect.poll(() => shown(page)).toBe(2)
    await page.click('button[data-hazard=irreversible]')
    await expect.poll(() => shown(page)).toBe(1)
    expect(await page.textContent('.item:visible summary')).toContain('VirtualMachine/legacy')
    expect(faults).toEqual([])
    await close()
  })

  it('shows what destroys opened, opens the rest by click and by keys', async () => {
    const { page, faults, close } = await open(mixedPlan())
    expect(await page.locator('.item.delete pre').isVisible()).toBe(true)
    const update = page.locator('.item.update').first()
    expect(await update.locator('pre').isVisible()).toBe(false)
    await update.locator('summary').click()
    expect(await update.locator('pre').isVisible()).toBe(true)
    await page.keyboard.press('/')
    await page.keyboard.type('worker[b]')
    await expect.poll(() => shown(page)).toBe(1)
    await page.keyboard.press('Escape')
    await expect.poll(() => shown(page)).toBe(7)
    for (const key of ['j', 'j', 'j', 'j', 'k']) await page.keyboard.press(key)
    await page.keyboard.press('Enter')
    const focused = await page.evaluate('document.activeElement.textContent')
    expect(focused).toContain('VirtualMachine/web')
    await page.click('#expand')
    expect(await page.locator('.item pre:visible').count()).toBe(7)
    expect(faults).toEqual([])
    await close()
  })

  it('zooms and moves the graph, and goes from a node to its step', async () => {
    const { page, faults, close } = await open(mixedPlan())
    const box = () => page.getAttribute('.view svg', 'viewBox')
    const whole = await box()
    await page.click('.zoom button[data-key="+"]')
    expect(await box()).not.toBe(whole)
    await page.locator('.view').press('0')
    expect(await box()).toBe(whole)
    await page.locator('.view').press('ArrowRight')
    expect(await box()).not.toBe(whole)
    await page.locator('.view').press('0')
    await page.locator('.view').hover()
    await page.mouse.wheel(0, -100)
    await expect.poll(box).not.toBe(whole)
    await page.locator('.view').press('0')
    await page.locator('.graph g.update').first().click()
    expect(await page.evaluate('document.activeElement.textContent')).toContain('VirtualMachine/web')
    expect(faults).toEqual([])
    await close()
  })

  it('is light or dark as the reader’s system is, until the button is pressed', async () => {
    const background = 'getComputedStyle(document.body).backgroundColor'
    const { page, close } = await open(mixedPlan(), {}, 'dark')
    expect(await page.evaluate(background)).toBe('rgb(13, 17, 23)')
    await page.click('#theme')
    expect(await page.evaluate(background)).toBe('rgb(255, 255, 255)')
    await page.click('#theme')
    expect(await page.evaluate(background)).toBe('rgb(13, 17, 23)')
    await close()
  })

  it('hands out the plan as JSON, without its secrets', async () => {
    const { page, close } = await open(mixedPlan())
    const [download] = await Promise.all([page.waitForEvent('download'), page.click('#save')])
    expect(download.suggestedFilename()).toBe('plan.json')
    const text = String(await page.evaluate("document.getElementById('plan').textContent"))
    expect((JSON.parse(text) as Plan).stack).toBe('shop')
    expect(await page.content()).not.toContain(secret)
    await close()
  })

  const texts = [...attacks.filter(attack => attack.includes('<')), attacks.join(' '), '__proto__']
  it.each(texts.map(text => [text]))('shows %j as the text it is', async attack => {
    const { page, faults, close } = await open(planWith(attack), hostileInput(attack))
    expect(await page.locator('.item').count()).toBe(3)
    expect(await page.locator('img, iframe, object, [onerror], [onload], a[href], base, form').count()).toBe(
      0,
    )
    expect(await page.locator('script').count()).toBe(2)
    const text = String(await page.evaluate("document.getElementById('plan').textContent"))
    expect((JSON.parse(text) as Plan).stack).toBe(attack)
    await page.fill('#search', 'virtualmachine')
    expect(faults).toEqual([])
    await close()
  })

  it('lets no script run that was put into it', async () => {
    const plan = mixedPlan()
    const file = join(folder, 'tampered.html')
    await writeFile(
      file,
      renderHtml(plan).replace('</header>', '<script>document.title="owned"</script></header>'),
    )
    const page = await browser.newPage()
    await page.goto(`file://${file}`)
    expect(await page.title()).not.toBe('owned')
    await page.close()
  })

  it('reads well with 5,000 steps', async () => {
    const start = performance.now()
    const { page, faults, close } = await open(largePlan(5000))
    await expect.poll(() => page.textContent('#count')).toBe('5000 of 5000')
    expect(performance.now() - start).toBeLessThan(30_000)
    await page.fill('#search', 'vm-4999')
    await expect.poll(() => page.textContent('#count')).toBe('1 of 5000')
    await page.locator('.item:visible summary').click()
    expect(await page.locator('#i4999 pre').isVisible()).toBe(true)
    await page.locator('#graph > summary').press('Enter')
    await page.locator('.view').press('+')
    expect(await page.locator('.graph g[data-item]').count()).toBe(5000)
    expect(faults).toEqual([])
    await close()
  }, 120_000)

  it('can be read without its script', async () => {
    const context = await browser.newContext({ javaScriptEnabled: false })
    const page = await context.newPage()
    await page.setContent(renderHtml(mixedPlan()))
    const text = await page.locator('body').textContent()
    for (const part of ['VirtualMachine/legacy', 'deletes-data', 'does not fit', 'connection refused'])
      expect(text).toContain(part)
    await context.close()
  })
})
