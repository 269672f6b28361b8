import { imageReference, type Suite } from '../../recipe/schema.ts'
import type { RecipeDraft } from './recipe-draft.ts'

export interface ChosenBase {
  base: RecipeDraft['base']
  /** Packages that the Dockerfile's image brings and the suite alone doesn't. */
  packages: string[]
  /** What is another than in the Dockerfile. */
  notes: string[]
}

const SUITES = new Map<string, Suite>([
  ['11', 'bullseye'],
  ['12', 'bookworm'],
  ['13', 'trixie'],
  ['bullseye', 'bullseye'],
  ['bookworm', 'bookworm'],
  ['trixie', 'trixie'],
])
/** The Python of each. */
const PYTHONS: Record<string, Suite> = { '3.9': 'bullseye', '3.11': 'bookworm', '3.13': 'trixie' }
/** What `python` images have, and Debian has apart. */
const PYTHON = ['python3', 'python3-pip', 'python-is-python3']

/**
 * The base of a recipe for what a FROM names.
 *
 * @param suite what the user asks for, whatever the image
 * @returns why not, as text, for an image that a recipe cannot stand on
 */
export function chooseBase(reference: string, suite?: Suite): ChosenBase | string {
  const bare = reference.replace(/@sha256:.*$/, '')
  const digest =
    bare === reference ? [] : [`the digest of ${bare} is left out: the packages are pinned one by one`]
  const [, name = '', tag = ''] = /^(?:docker\.io\/)?(?:library\/)?(.+?)(?::([^/:]+))?$/.exec(bare) ?? []
  if (reference === 'scratch') return 'a recipe begins with packages of Debian, not with nothing'
  if (
    /alpine|busybox/.test(bare) ||
    /(^|\/)(alpine|fedora|centos|rockylinux|almalinux|amazonlinux|oraclelinux|archlinux|opensuse|ubi\d+|gentoo|photon)(\/|:|-|$)/.test(
      bare,
    )
  )
    return `${bare} is not Debian, Ubuntu or alike: steps are run by apt and GNU programs`
  if (name === 'debian' || name === 'buildpack-deps') {
    const chosen = suite ?? suiteOf(tag)
    const built =
      name === 'debian'
        ? []
        : ['buildpack-deps has compilers and headers: name those that are needed in the apt step']
    if (chosen !== undefined)
      return { base: { kind: 'debian', suite: chosen }, packages: [], notes: [...digest, ...built] }
    if (tag === '' || /^(latest|stable)(-slim)?$/.test(tag))
      return {
        base: { kind: 'debian', suite: 'trixie' },
        packages: [],
        notes: [`"${reference}" is another release every two years: this is trixie; --suite takes another`],
      }
  }
  if (name === 'python') {
    const [, version] = /^(3\.\d+)/.exec(tag) ?? []
    const wanted = suite ?? (version === undefined ? suiteOf(tag.replace(/^3-?/, '')) : PYTHONS[version])
    if (wanted !== undefined) {
      const own = Object.entries(PYTHONS).find(([, each]) => each === wanted)?.[0]
      return {
        base: { kind: 'debian', suite: wanted },
        packages: PYTHON,
        notes: [
          `${bare} becomes ${wanted} with Debian's own Python ${own}${version === own || version === undefined ? '' : `, and not ${version}`}`,
          ...(/slim/.test(tag)
            ? []
            : ['the image has compilers and headers besides: name those that are needed in the apt step']),
        ],
      }
    }
  }
  if (suite !== undefined)
    return {
      base: { kind: 'debian', suite },
      packages: [],
      notes: [`${bare} becomes ${suite}, as --suite says: what the image brings is not there`],
    }
  const tagged = reference === bare && tag === '' ? `${bare}:latest` : reference
  const checked = imageReference.safeParse(tagged)
  if (!checked.success) return `"${reference}" ${checked.error.issues[0]?.message}`
  return {
    base: { kind: 'image', reference: tagged },
    packages: [],
    notes: tagged === reference ? [] : [`"${reference}" has no tag: it is taken as ${tagged}`],
  }
}

/** Of `bookworm-slim`, `12.5`, `12-slim`, `bookworm-20240110`. */
function suiteOf(tag: string): Suite | undefined {
  const [, first = ''] = /^(?:slim-)?([a-z]+|\d+)(?:[.-].*)?$/.exec(tag) ?? []
  return SUITES.get(first)
}
