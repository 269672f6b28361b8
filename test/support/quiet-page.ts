import type { Browser, Page } from 'puppeteer-core'
import { expect, onTestFinished } from 'vitest'

export interface PageSize {
  width: number
  height: number
}

/** Opens a page that must load nothing and report nothing: whatever it asks for or says fails the test when it ends. */
export async function openQuiet(
  browser: Browser,
  url: string,
  size: PageSize,
  scheme: 'light' | 'dark',
): Promise<Page> {
  const page = await browser.newPage()
  onTestFinished(() => page.close())
  const said: string[] = []
  page.on('console', (message) => said.push(message.text()))
  page.on('pageerror', (error) => said.push(String(error)))
  page.on('request', (request) => {
    if (request.url() !== url && !/^(data:,$|blob:)/.test(request.url()))
      said.push(`asked for ${request.url()}`)
  })
  onTestFinished(() => expect(said).toEqual([]))
  await page.setViewport(size)
  await page.emulateMediaFeatures([{ name: 'prefers-color-scheme', value: scheme }])
  await page.goto(url)
  return page
}

/** The lowest contrast (WCAG 2.2, 1.4.3) of elements' text and the ground it stands on; runs in the page. */
export function lowestContrast(elements: Element[]): number {
  const parse = (color: string) => (color.match(/[\d.]+/g) ?? []).map(Number)
  const luminance = ([r = 0, g = 0, b = 0]: number[]) => {
    const [x = 0, y = 0, z = 0] = [r, g, b].map((c) =>
      c / 255 <= 0.03928 ? c / 255 / 12.92 : ((c / 255 + 0.055) / 1.055) ** 2.4,
    )
    return 0.2126 * x + 0.7152 * y + 0.0722 * z
  }
  const ground = (element: Element | null): number[] => {
    if (!element) return [255, 255, 255]
    const color = parse(getComputedStyle(element).backgroundColor)
    return color[3] === 0 ? ground(element.parentElement) : color
  }
  return Math.min(
    ...elements.map((element) => {
      const [a = 0, b = 0] = [
        luminance(parse(getComputedStyle(element).color)),
        luminance(ground(element)),
      ].sort((x, y) => y - x)
      return (a + 0.05) / (b + 0.05)
    }),
  )
}
