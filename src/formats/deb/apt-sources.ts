import { parseControl } from './deb822.ts'

/** One entry of apt's sources for binary packages (sources.list(5)). */
export interface AptSource {
  uris: string[]
  suites: string[]
  components: string[]
  /** Those that it is restricted to; none when it is for all. */
  architectures: string[]
  /** Paths or fingerprints separated by commas or spaces, or the keys themselves. */
  signedBy: string | undefined
}

/**
 * The files of apt's sources, those of the one-line format first, each with what reads it.
 *
 * @param etc where `sources.list` lies
 * @param parts names in `sources.list.d`
 */
export function aptSourceFiles(etc: string, parts: readonly string[]) {
  const ending = (end: string) =>
    parts.filter((name) => name.endsWith(end)).map((name) => `${etc}/sources.list.d/${name}`)
  return [
    ...[`${etc}/sources.list`, ...ending('.list')].map((path) => ({ path, parse: parseAptList })),
    ...ending('.sources').map((path) => ({ path, parse: parseAptDeb822 })),
  ]
}

/** Reads the one-line format: `deb [options] uri suite component...`. Lines that are no entries are ignored. */
export function parseAptList(text: string): AptSource[] {
  return text.split('\n').flatMap((line) => {
    const match = /^\s*deb\s+(?:\[([^\]]*)\]\s*)?(\S+)\s+(\S+)([^#]*)/.exec(line)
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

/** Reads the deb822 format of `*.sources` files; disabled entries are left out. */
export function parseAptDeb822(text: string): AptSource[] {
  return [...parseControl(text)]
    .filter(
      (stanza) => words(stanza.get('types')).includes('deb') && !FALSE.test(stanza.get('enabled') ?? ''),
    )
    .map((stanza) => ({
      uris: words(stanza.get('uris')),
      suites: words(stanza.get('suites')),
      components: words(stanza.get('components')),
      architectures: words(stanza.get('architectures')),
      signedBy: stanza.get('signed-by'),
    }))
}

/** As apt reads it. */
const FALSE = /^(no|false|without|off|disable|0)$/i

function words(text: string | undefined): string[] {
  return (text ?? '').split(/\s+/).filter((word) => word !== '')
}
