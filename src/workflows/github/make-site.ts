import { join } from 'node:path'
import { renderSite } from '../../report/site/render-site.ts'
import { siteData } from '../../report/site/site-data.ts'
import { writeFileAtomic } from '../../store/disk.ts'
import { readHistory } from '../verify/history-files.ts'

export interface SiteResult {
  page: string
  recipes: number
  nights: number
  /** Lines of the history that could not be read. */
  problems: number
}

/**
 * Makes the page of a history.
 *
 * @throws {StillroomError} DISK_FULL, NOT_WRITABLE
 */
export async function makeSite(
  directory: string,
  output: string,
  options: { title: string; nights: number; now: Date },
): Promise<SiteResult> {
  const { history, locks } = await readHistory(directory)
  const data = siteData(history, locks, options)
  const page = join(output, 'index.html')
  await writeFileAtomic(page, renderSite(data, { title: options.title, now: options.now.toISOString() }))
  return { page, recipes: data.recipes.length, nights: data.nights.length, problems: data.problems.length }
}
