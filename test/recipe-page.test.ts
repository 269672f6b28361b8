import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import type { Browser, Page } from 'puppeteer-core'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { ownFiles } from '../src/audit/own-files.ts'
import { audit, smallImage, withStep } from '../src/audit/small-image.test-data.ts'
import { treeDigest, treeText } from '../src/image/tree-digest.ts'
import type { LockedImage } from '../src/lock/schema.ts'
import { serializeLock } from '../src/lock/serialize-lock.ts'
import { renderSbom } from '../src/report/audit-formats.ts'
import type { RecipePage } from '../src/report/recipe-page/recipe-page.ts'
import { renderRecipePage } from '../src/report/recipe-page/render-recipe-page.ts'
import { openStore } from '../src/store/store.ts'
import type { RecipePageResult } from '../src/workflows/page/report-recipe.ts'
import { canHaveChromium, startChromium } from './support/chromium.ts'
import { lockedProject } from './support/locked-project.ts'
import { lowestContrast, openQuiet } from './support/quiet-page.ts'
import { stillroom, stillroomJson } from './support/stillroom.ts'

const chromium = await canHaveChromium()
if (chromium !== true) console.warn(`skipped: the page of a recipe in Chromium, since ${chromium}`)

const DESKTOP = { width: 1280, height: 900 }
const PHONE = { width: 360, height: 740 }

/** A project whose lock names an image, and a cache of its own. */
async function project() {
  const directory = await lockedProject({ steps: [], locked: [] })
  const { image } = await smallImage()
  const locked: LockedImage = {
    id: image.id,
    tree: treeDigest(image.tree.root),
    size: 1,
    diffIDs: [image.id],
  }
  const path = join(directory, 'recipes/x/lock.json')
  const lock = JSON.parse(await readFile(path, 'utf8'))
  lock.platforms['linux/amd64'].image = locked
  await writeFile(path, serializeLock(lock))
  const cache = await mkdtemp(join(tmpdir(), 'stillroom-page-'))
  onTestFinished(() => rm(cache, { recursive: true, force: true }))
  return { directory, image, options: { env: { STILLROOM_CACHE: cache } }, cache }
}

describe('without an engine', () => {
  test('the locked tree gives the page, all bytes and no audit', async () => {
    const { directory, image, options, cache } = await project()
    await (await openStore(join(cache, 'store'))).putCompressed(treeText(image.tree.root))
    const args = ['report', 'recipe', 'x', '--output', 'site/x.html']
    const result = await stillroomJson<RecipePageResult>(directory, args, options)
    const inodes = new Set([...image.tree.files()].map(({ inode }) => inode))
    const files = [...inodes].filter(({ type }) => type === 'file')
    expect(result).toMatchObject({
      from: 'locked-tree',
      verdict: null,
      files: files.length,
      bytes: files.reduce((sum, { size }) => sum + size, 0),
    })
    const page = await readFile(join(directory, 'site/x.html'), 'utf8')
    expect(page).toContain('Not audited')
    await stillroom(directory, args, options)
    expect(await readFile(join(directory, 'site/x.html'), 'utf8')).toBe(page)
  })

  test('neither image nor locked tree is an error that names the command', async () => {
    const { directory, options } = await project()
    const { exitCode, stderr } = await stillroom(directory, ['report', 'recipe', 'x'], options)
    expect(stderr).toContain('neither its image')
    expect(stderr).toContain('stillroom build recipe x')
    expect(exitCode).toBe(3)
  })

  test('so is an image that was never built', async () => {
    const directory = await lockedProject({ steps: [], locked: [] })
    const { exitCode, stderr } = await stillroom(directory, ['report', 'recipe', 'x'])
    expect(stderr).toContain('names no image: it was never built')
    expect(exitCode).toBe(3)
  })
})

/** Of a small image with a directory of 300 files and names that are markup. */
async function smallPage(): Promise<RecipePage> {
  const many = Array.from({ length: 300 }, (_, n) => [
    `opt/data/${n % 3}/${n}.dat`,
    { content: 'x'.repeat(n) },
  ])
  const hostile = ['opt/</script><script>alert(1)</script>', 'opt/<img src=x onerror=alert(1)>']
  const small = await withStep(await smallImage(), 6, {
    ...Object.fromEntries(many),
    ...Object.fromEntries(hostile.map((path) => [path, { content: 'y'.repeat(900) }])),
  })
  const { image, lock } = small
  const report = await audit(small)
  const { recipe, locked } = lock
  return {
    name: 'small',
    recipe: {
      ...recipe,
      description: 'Of every kind of step',
      tasks: { solve: { description: 'Solve', command: ['true'], ports: ['8888'], waitFor: [] } },
    },
    locked: { ...locked, image: locked.image as LockedImage },
    lock: 'a'.repeat(64),
    files: ownFiles(image, lock),
    audit: report,
    history: {
      runs: [
        {
          historyVersion: 1,
          at: '2026-11-21T02:00:00Z',
          recipe: 'small',
          platform: 'linux/amd64',
          verdict: 'identical',
          lock: 'a'.repeat(64),
          revision: null,
          image: image.id,
          reference: image.id,
          variations: [],
          causes: [],
          problem: null,
          seconds: 20,
          parts: [],
        },
      ],
      problems: [],
    },
    downloads: [
      { file: 'small.cdx.json', title: 'CycloneDX', text: await renderSbom(report, 'cyclonedx') },
      { file: 'lock.json', title: 'the lockfile', text: '{"a": "</script>"}\n' },
    ],
  }
}

describe.skipIf(chromium !== true)('the page in Chromium, from disk', () => {
  let browser: Browser
  let directory: string
  let url: string
  let small: RecipePage

  beforeAll(async () => {
    browser = await startChromium()
    directory = await mkdtemp(join(tmpdir(), 'stillroom-page-'))
    const path = join(directory, 'small.html')
    small = await smallPage()
    await writeFile(path, renderRecipePage(small))
    url = pathToFileURL(path).href
  })
  afterAll(async () => {
    await browser?.close()
    await rm(directory, { recursive: true, force: true })
  })

  const tiles = (page: Page) =>
    page.$$eval('.tile', (all) => all.map((tile) => tile.getAttribute('aria-label') ?? ''))
  const rows = (page: Page) => page.$$eval('#rows th', (all) => all.map((cell) => cell.textContent ?? ''))
  const trail = (page: Page) => page.$$eval('#trail li', (all) => all.map((item) => item.textContent ?? ''))
  const focused = (page: Page) =>
    page.evaluate(() => document.activeElement?.getAttribute('aria-label') ?? '')
  /** Waits until the last of the trail is this. */
  const isAt = (page: Page, name: string) =>
    page.waitForFunction(
      (text) => document.querySelector('#trail li:last-child')?.textContent === text,
      {},
      name,
    )

  test.each([
    ['a desktop', DESKTOP, 'light' as const],
    ['a desktop in the dark', DESKTOP, 'dark' as const],
    ['a phone', PHONE, 'dark' as const],
    ['a phone in daylight', PHONE, 'light' as const],
  ])('on %s: nothing sticks out, and text stands out from its ground', async (_, size, scheme) => {
    const page = await openQuiet(browser, url, size, scheme)
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBe(size.width)
    const texts = 'p, dt, dd, th, td, a, li, code, .soft, .tile, .label, .inner'
    expect(await page.$$eval(texts, lowestContrast)).toBeGreaterThan(4.5)
    // each tile lies in the treemap and has some of it
    const outside = await page.$$eval('.tile', (all) => {
      const map = document.querySelector('#map')?.getBoundingClientRect() as DOMRect
      return all.filter((tile) => {
        const { left, right, top, bottom } = tile.getBoundingClientRect()
        return left < map.left - 1 || right > map.right + 1 || top < map.top - 1 || bottom > map.bottom + 1
      }).length
    })
    expect(outside).toBe(0)
    const wide = await page.$$eval(
      '.scroll',
      (all) => all.filter((each) => each.scrollWidth > each.clientWidth).length,
    )
    expect(wide).toBe(0)
  })

  test.each([
    ['a desktop', DESKTOP],
    ['a phone', PHONE],
  ])('on %s: by mouse into a part and back, treemap and table alike', async (_, size) => {
    const page = await openQuiet(browser, url, size, 'light')
    const first = await rows(page)
    expect(first.map((name) => name.split(' ')[0])).toContain('pip-2')
    expect((await tiles(page)).map((label) => label.split(':')[0])).toEqual(
      first.map((name) => name.split(' ')[0]),
    )
    // in the treemap
    await page.click('.tile.k-run .label')
    await isAt(page, 'run-6')
    expect(await trail(page)).toEqual(['small', 'run-6'])
    expect(await rows(page)).toEqual([
      '/opt/data/2/',
      '/opt/data/1/',
      '/opt/data/0/',
      // with slashes in it, it is two directories and a file
      '/opt/</script><script>alert(1)</',
      '/opt/<img%20src=x%20onerror=alert(1)>',
      '/opt/result.txt',
    ])
    // in the table
    await page.click('#rows a')
    await isAt(page, '/opt/data/2/')
    expect(await rows(page)).toHaveLength(100)
    expect(await tiles(page)).toHaveLength(100)
    await page.click('#trail a')
    await isAt(page, 'small')
    expect(await rows(page)).toEqual(first)
    await page.goBack()
    await isAt(page, '/opt/data/2/')
  })

  test('with the keyboard alone', async () => {
    const page = await openQuiet(browser, url, DESKTOP, 'light')
    await page.focus('#trail')
    await page.focus('nav a[href="#downloads"]')
    // the treemap is one stop
    await page.keyboard.press('Tab')
    expect(await focused(page)).toMatch(/^run-6: /)
    await page.keyboard.press('Enter')
    await isAt(page, 'run-6')
    expect(await focused(page)).toMatch(/^\/opt\/data\/2\/: /)
    await page.keyboard.press('ArrowRight')
    expect(await focused(page)).not.toMatch(/^\/opt\/data\/2\/: /)
    await page.keyboard.press('ArrowLeft')
    expect(await focused(page)).toMatch(/^\/opt\/data\/2\/: /)
    await page.keyboard.press('Enter')
    await isAt(page, '/opt/data/2/')
    // a file has nothing in it
    await page.keyboard.press('Enter')
    expect(await focused(page)).toMatch(/^299\.dat: 299 B, /)
    await page.keyboard.press('Escape')
    await isAt(page, 'run-6')
    expect(await focused(page)).toMatch(/^\/opt\/data\/2\/: /)
    await page.keyboard.press('Backspace')
    await isAt(page, 'small')
    expect(await focused(page)).toMatch(/^run-6: /)
    await page.keyboard.press('Escape')
    expect(await trail(page)).toEqual(['small'])
    // the table after it
    await page.keyboard.press('Tab')
    expect(await focused(page)).toBe('The parts as a table')
    await page.keyboard.press('Tab')
    await page.keyboard.press('Enter')
    await isAt(page, 'run-6')
    expect(await page.evaluate(() => document.activeElement?.closest('#rows') !== null)).toBe(true)
  })

  test('every part can be reached by arrow keys, and has its share of the area', async () => {
    const page = await openQuiet(browser, `${url}#size/base`, DESKTOP, 'light')
    const shares = await page.$$eval('.tile', (all) => {
      const area = (element: Element) =>
        element.getBoundingClientRect().width * element.getBoundingClientRect().height
      const whole = area(document.querySelector('#map') as Element)
      return all.map((tile) => area(tile) / whole)
    })
    expect(shares.reduce((sum, share) => sum + share, 0)).toBeCloseTo(1, 2)
    await page.focus('.tile[tabindex="0"]')
    const seen = new Set<string>()
    const open = [await focused(page)]
    for (let at = open.pop(); at !== undefined; at = open.pop()) {
      if (seen.has(at)) continue
      seen.add(at)
      for (const key of ['ArrowLeft', 'ArrowRight', 'ArrowUp', 'ArrowDown'] as const) {
        await page.focus(`.tile[aria-label="${at}"]`)
        await page.keyboard.press(key)
        open.push(await focused(page))
      }
    }
    expect([...seen].sort()).toEqual((await tiles(page)).sort())
  })

  test('a link to a part opens it, one to a part that is gone what is left of the way', async () => {
    const page = await openQuiet(browser, `${url}#size/pip-2/pypi%2Fsix`, DESKTOP, 'light')
    expect(await trail(page)).toEqual(['small', 'pip-2', 'pypi/six'])
    const other = await openQuiet(browser, `${url}#size/pip-2/pypi%2Fgone/%E0%A4`, DESKTOP, 'light')
    expect(await trail(other)).toEqual(['small', 'pip-2'])
  })

  test('packages are found by words and sorted by columns', async () => {
    const page = await openQuiet(browser, url, DESKTOP, 'light')
    const shown = () =>
      page.$$eval('#packages tbody tr', (all) =>
        all.filter((row) => row.checkVisibility()).map((row) => row.children[0]?.textContent?.split(' ')[0]),
      )
    const all = await shown()
    await page.type('#filter', 'PIP-2 pypi')
    expect((await shown()).sort()).toEqual(['docopt', 'six', 'tool'])
    await page.$eval('#filter', (field) => {
      ;(field as HTMLInputElement).value = ''
      field.dispatchEvent(new Event('input'))
    })
    await page.click('#packages thead th:first-child button')
    expect(await shown()).toEqual([...all].sort())
    expect(await page.$eval('#packages thead th', (head) => head.getAttribute('aria-sort'))).toBe('ascending')
    await page.click('#packages thead th:first-child button')
    expect(await shown()).toEqual([...all].sort().reverse())
  })

  test('what is downloaded has the bytes that were put in', async () => {
    const page = await openQuiet(browser, url, DESKTOP, 'light')
    const session = await browser.target().createCDPSession()
    await session.send('Browser.setDownloadBehavior', {
      behavior: 'allow',
      downloadPath: directory,
      eventsEnabled: true,
    })
    for (const { file, text } of small.downloads) {
      const done = new Promise<void>((resolve) => {
        session.on('Browser.downloadProgress', ({ state }) => {
          if (state === 'completed') resolve()
        })
      })
      await page.click(`a[download="${file}"]`)
      await done
      expect(await readFile(join(directory, file), 'utf8')).toBe(text)
    }
  })

  test('the page that the packed command line writes has its script whole', async () => {
    const { directory, image, options, cache } = await project()
    await (await openStore(join(cache, 'store'))).putCompressed(treeText(image.tree.root))
    const result = await stillroomJson<RecipePageResult>(directory, ['report', 'recipe', 'x'], options)
    const page = await openQuiet(browser, pathToFileURL(result.page).href, DESKTOP, 'light')
    await page.click('.tile .label')
    await isAt(page, 'unknown')
    expect(await tiles(page)).toEqual(expect.arrayContaining([expect.stringMatching(/^\/usr\/.*: /)]))
  })

  test('without its script there is the table of the first level, and no empty treemap', async () => {
    const page = await browser.newPage()
    onTestFinished(() => page.close())
    await page.setJavaScriptEnabled(false)
    await page.goto(url)
    expect((await rows(page)).map((name) => name.split(' ')[0])).toContain('pip-2')
    expect(
      await page.$$eval('#map, a[data-file]', (all) => all.filter((each) => each.checkVisibility()).length),
    ).toBe(0)
  })
})
