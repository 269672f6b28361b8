import { isSameVersion } from '../../formats/versions/compare-pep440.ts'
import type { LockedPlatform } from '../../lock/schema.ts'
import type { ImageSubject, LockSubject } from '../subject.ts'
import { expectDeb, parseDiversions } from './expect-deb.ts'
import { expectBuilt, expectInstalled } from './expect-installed.ts'
import { expectMade } from './expect-made.ts'
import { expectSources } from './expect-sources.ts'
import { expectWheel, findSites } from './expect-wheel.ts'
import { ExpectedFiles } from './expected-files.ts'
import type { ContentFile, LockedContents } from './locked-contents.ts'
import { type LockedPackage, packageId } from './locked-packages.ts'
import type { PackageScripts } from './script-effects.ts'

/** Everything that a lock puts into an image, by path, as the artifacts themselves have it. */
export function expectLock(
  image: Pick<ImageSubject, 'tree' | 'inventory'>,
  { locked, recipe, contents }: LockSubject,
  packages: ReadonlyMap<string, LockedPackage>,
): ExpectedFiles {
  const { tree, inventory } = image
  const scripts = packageScripts(packages, contents)
  const expected = new ExpectedFiles(tree, scripts)
  const diversions = parseDiversions(tree.read('var/lib/dpkg/diversions')?.toString('latin1') ?? '')
  const sites = findSites(tree)
  const installed = Map.groupBy(inventory.packages, packageId)
  const placed = placedFiles(locked, contents)
  for (const entry of packages.values()) {
    const artifact = contents.artifacts.get(entry.artifact?.sha256 ?? '')
    const found = installed.get(packageId(entry))?.findLast(({ version }) => isSame(entry, version))
    if (found !== undefined && entry.artifact === undefined && entry.step !== 'base')
      expectBuilt(expected, image, found, placed, {})
    else if (artifact === undefined) {
      if (found !== undefined && entry.artifact !== undefined) expectInstalled(expected, tree, found)
    } else if (entry.kind === 'deb') expectDeb(expected, entry, artifact, diversions)
    else if (entry.artifact?.file.endsWith('.whl')) expectWheel(expected, tree, entry, artifact, sites)
    else if (found !== undefined) expectBuilt(expected, image, found, artifact.files, artifact)
  }
  expectSources(expected, recipe, locked, contents)
  if (locked.base.kind === 'debian')
    expected.add('etc/apt/sources.list', {
      owner: 'base',
      type: 'file',
      made: true,
      mode: 0o644,
      uid: 0,
      gid: 0,
    })
  expectMade(expected, tree, new Set(scripts.map(({ name }) => name)), expected.effects)
  return expected
}

function isSame({ kind, version }: LockedPackage, found: string): boolean {
  return kind === 'pypi' ? isSameVersion(version, found) : version === found
}

/** Scripts of the Debian packages whose contents are at hand. */
function packageScripts(
  packages: ReadonlyMap<string, LockedPackage>,
  { artifacts }: LockedContents,
): PackageScripts[] {
  return [...packages.values()].flatMap(({ kind, name, artifact }) => {
    const contents = kind === 'deb' ? artifacts.get(artifact?.sha256 ?? '') : undefined
    if (contents === undefined) return []
    const { preinst, postinst } = contents.control ?? {}
    return [{ name, texts: [preinst?.text, postinst?.text].flatMap((text) => text ?? []) }]
  })
}

/** What git and project steps placed: the sources of packages that are installed from a directory of the image. */
function placedFiles({ steps }: LockedPlatform, { artifacts, trees }: LockedContents): ContentFile[] {
  return steps.flatMap((step) => {
    if (step.kind === 'git') return artifacts.get(step.sha256)?.files ?? []
    return step.kind === 'project' ? (trees.get(step.tree)?.files ?? []) : []
  })
}
