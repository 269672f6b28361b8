import { parseControl } from '../formats/deb/deb822.ts'
import type { DebianArchive } from '../lock/schema.ts'

/** One entry of apt's sources for binary packages (sources.list(5)). */
export interface AptSource {
  uris: string[]
  suites: string[]
  components: string[]
  /** Those it is for; all when there are none. */
  architectures: string[]
  /** Paths separated by commas or white space, or the keys themselves. */
  signedBy: string | undefined
}

/** Reads the one-line format: `deb [options] uri suite component...`. Lines that aren't entries are skipped. */
export function parseAptList(text: string): AptSource[] {
  return text.split('\n').flatMap((line) => {
    const match = /^\s*deb\s+(?:\[([^\]]*)\]\s*)?(\S+)\s+(\S+)\s*([^#]*)/.exec(line)
    if (match === null) return []
    const [, options = '', uri = '', suite = '', components = ''] = match
    const option = (name: string) => new RegExp(`(?:^|\\s)${name}=(\\S+)`, 'i').exec(options)?.[1]
    return [
      {
        uris: [uri],
        suites: [suite],
        components: words(components),
        architectures: words(option('arch')?.replaceAll(',', ' ')),
        signedBy: option('signed-by'),
      },
    ]
  })
}

/** Reads the deb822 format of `*.sources` files; entries switched off by `Enabled: no` are left out. */
export function parseAptDeb822(text: string): AptSource[] {
  return [...parseControl(text)]
    .filter(
      (stanza) =>
        words(stanza.get('types')).includes('deb') &&
        !/^(no|false|0|off)$/i.test(stanza.get('enabled') ?? ''),
    )
    .map((stanza) => ({
      uris: words(stanza.get('uris')),
      suites: words(stanza.get('suites')),
      components: words(stanza.get('components')),
      architectures: words(stanza.get('architectures')),
      signedBy: stanza.get('signed-by'),
    }))
}

const SUITE =
  /^(stretch|buster|bullseye|bookworm|trixie|forky|sid|(old)*stable|testing|unstable)(-updates|-backports|-proposed-updates|-security|\/updates)?$/

/**
 * Which of Debian's archives the entries point to: http and https only, entries with a Debian suite and the
 * component main only. What other vendors publish under the same suite names cannot be distinguished here; the
 * signatures do that. So the usual addresses, whose path ends in the archive's name, come first.
 */
export function debianMirrors(sources: readonly AptSource[]): Record<DebianArchive, string[]> {
  const found: Record<DebianArchive, Set<string>> = { debian: new Set(), 'debian-security': new Set() }
  for (const source of sources) {
    if (!source.components.includes('main')) continue
    for (const suite of source.suites.filter((name) => SUITE.test(name))) {
      const archive = /-security$|\/updates$/.test(suite) ? 'debian-security' : 'debian'
      for (const uri of source.uris) {
        if (/^https?:\/\//.test(uri)) found[archive].add(uri.replace(/\/+$/, ''))
      }
    }
  }
  const usualFirst = (archive: DebianArchive): string[] => {
    const isUsual = (uri: string): boolean => uri.endsWith(`/${archive}`)
    const uris = [...found[archive]]
    return [...uris.filter(isUsual), ...uris.filter((uri) => !isUsual(uri))]
  }
  return { debian: usualFirst('debian'), 'debian-security': usualFirst('debian-security') }
}

function words(text: string | undefined): string[] {
  return (text ?? '').split(/\s+/).filter((word) => word !== '')
}
