/** Whether a suite is flat (sources.list(5)): named by a path that ends in a slash, without `dists` and components. */
export function isFlat(suite: string): boolean {
  return suite.endsWith('/')
}

/** The directory of a suite's Release file, below an archive's root. */
export function suiteRoot(base: string, suite: string): string {
  if (!isFlat(suite)) return `${base}/dists/${suite}`
  const path = suite.replace(/^\.?\/+/, '').replace(/\/+$/, '')
  return path === '' ? base : `${base}/${path}`
}

/** Where a Release file names the package index of a component. */
export function packagesPath(suite: string, component: string): string {
  return isFlat(suite) ? 'Packages' : `${component}/binary-amd64/Packages`
}
