import { createHash } from 'node:crypto'
import { appendFile, mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import type { Browser, Page } from 'puppeteer-core'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import type { HistoryRun } from '../src/verify/history.ts'
import type { SiteResult } from '../src/workflows/github/make-site.ts'
import { canHaveChromium, startChromium } from './support/chromium.ts'
import { copyProject, put } from './support/project.ts'
import { lowestContrast, openQuiet, type PageSize } from './support/quiet-page.ts'
import { stillroom, stillroomJson } from './support/stillroom.ts'

const chromium = await canHaveChromium()
if (chromium !== true) console.warn(`skipped: the page of a history in Chromium, since ${chromium}`)

const digest = (digit: string) => `sha256:${digit.repeat(64)}`

function run(
  at: string,
  recipe: string,
  verdict: HistoryRun['verdict'],
  more: Partial<HistoryRun> = {},
): string {
  const whole: HistoryRun = {
    historyVersion: 1,
    at,
    recipe,
    platform: 'linux/amd64',
    verdict,
    lock: null,
    revision: null,
    image: digest('a'),
    reference: digest('a'),
    variations: [],
    causes: [],
    problem: null,
    seconds: 20,
    parts: [{ part: 'base', kind: 'debian', packages: 90, bytes: 30_000_000 }],
    ...more,
  }
  return `${JSON.stringify(whole)}\n`
}

/** A history of three nights, in which hello once was different by a hostile path, and its lock changed. */
async function history(directory: string): Promise<string> {
  const lock = await readFile(join(import.meta.dirname, '../recipes/hello/lock.json'), 'utf8')
  const older = lock.replace(/"name": "cowsay", "version": "[^"]+"/, '"name": "cowsay", "version": "5.0"')
  expect(older).not.toBe(lock)
  const keep = async (text: string) => {
    const sha256 = createHash('sha256').update(text).digest('hex')
    await put(directory, `history/locks/${sha256}.json`, text)
    return sha256
  }
  const [before, after] = [await keep(older), await keep(lock)]
  const cause = {
    cause: 'timestamp',
    title: 'the time of the build',
    advice: 'take the time from SOURCE_DATE_EPOCH',
    count: 1,
    examples: ['/opt/<img src=x onerror=alert(1)>'],
  }
  const lines = [
    run('2026-11-20T02:00:00Z', 'hello', 'identical', { lock: before }),
    run('2026-11-20T02:10:00Z', 'mesh', 'failed', {
      problem: { code: 'ARTIFACT_GONE', message: 'cannot get it' },
    }),
    run('2026-11-21T02:00:00Z', 'hello', 'different', {
      lock: after,
      reference: digest('b'),
      causes: [cause],
    }),
    run('2026-11-22T02:00:00Z', 'hello', 'identical', { lock: after }),
    run('2026-11-22T02:10:00Z', 'mesh', 'identical'),
  ]
  await put(directory, 'history/runs.jsonl', lines.join(''))
  return join(directory, 'history')
}

test('report site tells of lines that it cannot read, and makes the page all the same', async () => {
  const directory = await copyProject('hello')
  await appendFile(join(await history(directory), 'runs.jsonl'), '{"historyVersion":1,"at"')
  const { exitCode, stdout } = await stillroom(directory, ['report', 'site', '--json'])
  expect(JSON.parse(stdout)).toMatchObject({ recipes: 2, nights: 3, problems: 1 })
  expect(exitCode).toBe(1)
  expect(await readFile(join(directory, 'site/index.html'), 'utf8')).toContain(
    'runs.jsonl, line 6: the line is not JSON',
  )
})

describe.skipIf(chromium !== true)('the page in Chromium, from disk', () => {
  let browser: Browser
  let url: string
  let directory: string

  beforeAll(async () => {
    browser = await startChromium()
    directory = await mkdtemp(join(tmpdir(), 'stillroom-site-'))
    await history(directory)
    const { page } = await stillroomJson<SiteResult>(directory, ['report', 'site'])
    url = pathToFileURL(page).href
  })
  afterAll(async () => {
    await browser?.close()
    await rm(directory, { recursive: true, force: true })
  })

  const open = (size: PageSize, scheme: 'light' | 'dark', at = url) => openQuiet(browser, at, size, scheme)

  const shown = (page: Page) =>
    page.$$eval('.run', (runs) =>
      runs.filter((each) => getComputedStyle(each).display !== 'none').map((each) => each.textContent),
    )

  test.each([
    ['a desktop', { width: 1280, height: 900 }, 'light' as const],
    ['a phone', { width: 360, height: 740 }, 'dark' as const],
  ])('on %s: nothing sticks out, and a click on a night opens it', async (_, size, scheme) => {
    const page = await open(size, scheme)
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBe(size.width)
    expect(await page.$$eval('.grid tbody a', (links) => links.length)).toBe(5)
    expect(await shown(page)).toEqual([])
    await page.click('a.cell.different')
    const [text] = await shown(page)
    expect(text).toContain('the time of the build: 1 difference')
    expect(text).toContain('/opt/<img src=x onerror=alert(1)>')
    expect(text?.replace(/\s+/g, ' ')).toMatch(/Lock changes since the run before: 1.*pypi\/cowsay5\.0/)
    // links and cells are large enough for a thumb, and text stands out from its ground
    const cell = await page.$eval('a.cell', (link) => link.getBoundingClientRect().toJSON())
    expect(Math.min(cell.width, cell.height)).toBeGreaterThanOrEqual(44)
    expect(await page.$$eval('a.cell, body, dt, a.close', lowestContrast)).toBeGreaterThan(4.5)
  })

  test.each([
    ['a phone', { width: 390, height: 844 }, 5],
    ['a desktop', { width: 1280, height: 900 }, 15],
  ])(
    'on %s: of six recipes and 40 nights the last are in sight, the oldest a scroll away',
    async (_, size, least) => {
      const many = await mkdtemp(join(tmpdir(), 'stillroom-site-'))
      onTestFinished(() => rm(many, { recursive: true, force: true }))
      const names = ['fenics-tf', 'hello', 'mesh-tools', 'mpi-solver-with-a-long-name', 'notebook', 'r']
      const lines = Array.from({ length: 40 }, (_, n) => {
        const at = new Date(Date.UTC(2026, 9, 11 + n, 2, 17)).toISOString()
        return names.map((name) => run(at, name, n === 39 ? 'different' : 'identical')).join('')
      })
      await put(many, 'history/runs.jsonl', lines.join(''))
      const { page: path } = await stillroomJson<SiteResult>(many, ['report', 'site'])
      const page = await open(size, 'light', pathToFileURL(path).href)
      expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBe(size.width)
      const seen = () =>
        page.$$eval('.grid tbody tr', (rows) =>
          rows.map((row) => {
            const from = row.querySelector('th')?.getBoundingClientRect().right ?? 0
            const places = [...row.querySelectorAll('td a')].map((link) => link.getBoundingClientRect())
            return places.map(({ left, right }) => left >= from && right <= innerWidth)
          }),
        )
      for (const row of await seen()) {
        expect(row.filter(Boolean).length).toBeGreaterThanOrEqual(least)
        expect(row.at(-1)).toBe(true)
      }
      // focus brings what is out of sight
      await page.focus('.grid tbody a')
      for (const row of await seen()) expect(row[0]).toBe(true)
      const parts = await page.$$eval('.scroll:has(.parts)', (all) =>
        all.map((each) => each.scrollWidth - each.clientWidth),
      )
      expect(parts).toEqual(names.map(() => 0))
    },
  )

  test('with the keyboard alone', async () => {
    const page = await open({ width: 1280, height: 900 }, 'light')
    await page.focus('.grid tbody a')
    await page.keyboard.press('ArrowRight')
    const label = () => page.evaluate(() => document.activeElement?.getAttribute('aria-label'))
    expect(await label()).toBe('hello, 2026-11-21: different, lock changed')
    await page.keyboard.press('Enter')
    await page.waitForFunction(() => document.activeElement?.classList.contains('run'))
    expect(await shown(page)).toHaveLength(1)
    await page.keyboard.press('Escape')
    await page.waitForFunction(() => document.activeElement?.classList.contains('cell'))
    expect(await label()).toBe('hello, 2026-11-21: different, lock changed')
    expect(await shown(page)).toEqual([])
    await page.keyboard.press('ArrowDown')
    // mesh has no run in that night
    expect(await label()).toBe('hello, 2026-11-21: different, lock changed')
    await page.keyboard.press('ArrowRight')
    await page.keyboard.press('ArrowDown')
    expect(await label()).toBe('mesh, 2026-11-22: identical')
  })
})
