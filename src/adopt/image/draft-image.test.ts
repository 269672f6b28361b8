import fc from 'fast-check'
import { describe, expect, it, test } from 'vitest'
import { anyText } from '../../../test/support/any-text.ts'
import { rounds } from '../../../test/support/nightly.ts'
import type { ImageConfig } from '../../formats/oci.ts'
import { Recipe } from '../../recipe/schema.ts'
import { exportedRecipe } from '../draft/exported-recipe.test-data.ts'
import { automatic, dpkgStatus, imageOf, stanza } from './adopt-in-memory.test-data.ts'
import { draftImage, suiteOf } from './draft-image.ts'

const SITE = 'usr/local/lib/python3.11/dist-packages'
const BASE = { kind: 'debian', suite: 'bookworm' } as const
const OPTIONS = { base: BASE, carries: true }

const wheel = (
  name: string,
  version: string,
  more: Record<string, string> = {},
  metadata = '',
): [string, string][] => {
  const info = `${SITE}/${name}-${version}.dist-info`
  const files = {
    METADATA: `Metadata-Version: 2.1\nName: ${name}\nVersion: ${version}\n${metadata}`,
    ...more,
  }
  return Object.entries(files).map(([file, content]) => [`${info}/${file}`, content])
}

const config = (fields: Record<string, unknown> = {}): ImageConfig => ({
  os: 'linux',
  architecture: 'amd64',
  rootfs: { type: 'layers', diff_ids: [] },
  config: fields,
})

describe('draftImage()', () => {
  it('names what was asked for, with what else is needed to get the same', async () => {
    const { tree, inventory } = await imageOf([
      dpkgStatus(
        stanza('dash', { Essential: 'yes' }),
        stanza('git', { Section: 'vcs' }),
        stanza('libgit'),
        stanza('fw', { Section: 'non-free-firmware/x' }),
      ),
      automatic('libgit'),
      ...wheel('rich', '13.7.1', { REQUESTED: '' }, 'Requires-Dist: pygments (>=2)\n'),
      ...wheel('pygments', '2.17.2'),
      ...wheel('mine', '0.1', {
        'direct_url.json': '{"url":"file:///opt/mine","dir_info":{"editable":true}}',
      }),
      ['etc/passwd', 'root:x:0:0::/root:/bin/bash\nme:x:1000:1000::/home/me:/bin/bash\n'],
    ])
    const settings = config({
      User: 'me',
      WorkingDir: '/home/me',
      Env: ['PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin', 'A=b', 'API_TOKEN=xyzzy'],
      Cmd: ['python3'],
      ExposedPorts: { '80/tcp': {} },
    })
    const { source, notes } = draftImage({ reference: 'old.tar', config: settings, tree, inventory }, OPTIONS)
    expect(source).toContain("base: debian('bookworm', { components: ['non-free-firmware'] })")
    expect(source).toContain("apt(['fw', 'git', 'libgit', 'python3-pip'])")
    expect(source).toContain("pip(['rich==13.7.1'], { constraints: ['pygments==2.17.2'] })")
    expect(source).toContain("user: { name: 'me', uid: 1000, home: '/home/me' }")
    expect(source).toContain("env: { A: 'b' }")
    expect(source + JSON.stringify(notes)).not.toContain('xyzzy')
    expect(notes.map(({ text }) => text)).toEqual([
      expect.stringContaining('mine 0.1'),
      expect.stringContaining('python3-pip is added'),
      expect.stringContaining('API_TOKEN is withheld'),
    ])
    expect(() => Recipe.parse(exportedRecipe(source))).not.toThrow()
  })

  it('makes git steps of clones, without logins, and says of each what is not as it was', async () => {
    const clone = (path: string, url: string, more: [string, string][] = []): [string, string][] => [
      [`${path}/.git/HEAD`, `${'a'.repeat(40)}\n`],
      [`${path}/.git/config`, `[remote "origin"]\n\turl = ${url}\n`],
      ...more,
    ]
    const { tree, inventory } = await imageOf([
      ...clone('opt/one', 'https://me:pa55w0rd@git.example.org/one.git', [
        ['opt/one/.gitattributes', '*.bin filter=lfs\n'],
      ]),
      ...clone('opt/two', '/srv/two.git'),
      ...clone('opt/three', 'https://git.example.org/three.git'),
      ...clone('tmp/four', 'https://git.example.org/four.git'),
    ])
    const image = { reference: 'old.tar', config: config(), tree, inventory }
    const refused = new Map([['opt/three', 'it is gone']])
    const { source, notes, clones, recipe, places } = draftImage(image, { ...OPTIONS, refused })
    const [step, ...others] = recipe.steps.filter(({ kind }) => kind === 'git')
    expect(step).toMatchObject({ url: 'https://git.example.org/one.git', ref: 'a'.repeat(40), lfs: true })
    expect(others).toEqual([])
    expect(places[recipe.steps.findIndex((each) => each.kind === step?.kind)]).toBe('opt/one')
    expect(source + JSON.stringify(notes)).not.toContain('pa55w0rd')
    expect(notes.map(({ text }) => text).sort()).toEqual([
      expect.stringMatching(/^the clone at \/opt\/one is https:\/\/git.example.org\/one.git at aaaa/),
      expect.stringMatching(/^the clone at \/opt\/three, .* is carried without its history: it is gone$/),
      expect.stringMatching(/^the clone at \/opt\/two, .* it has no remote that can be asked$/),
    ])
    expect([...clones].sort()).toEqual(['opt/one', 'opt/three', 'opt/two', 'tmp/four'])
  })

  it('reads the suite of Debian, and takes no other for one', async () => {
    const os = async (text: string) => suiteOf((await imageOf([['etc/os-release', text]])).tree).suite
    expect(await os('ID=debian\nVERSION_CODENAME=trixie\n')).toBe('trixie')
    expect(await os('ID=ubuntu\nVERSION_CODENAME=noble\n')).toBeUndefined()
    expect(await os('ID=debian\nVERSION_CODENAME=buster\n')).toBeUndefined()
  })
})

test('no string of an image breaks out of the recipe', async () => {
  const { tree, inventory } = await imageOf([])
  const text = fc.oneof(
    anyText({ maxLength: 30 }),
    fc.constantFrom("'] })\nthrow 1//", '`${1}`', '*/', '\u2028', "\\'"),
  )
  const package_ = (kind: string) =>
    fc.record({
      kind: fc.constant(kind),
      name: text,
      version: text,
      environment: text,
      record: text,
      origin: fc.record({ url: text }),
    })
  await fc.assert(
    fc.asyncProperty(
      text,
      fc.record({
        User: text,
        WorkingDir: text,
        Env: fc.array(text),
        Cmd: fc.array(text),
        Entrypoint: fc.array(text),
        Labels: fc.dictionary(text, text),
        Volumes: fc.dictionary(text, fc.constant({})),
        ExposedPorts: fc.dictionary(text, fc.constant({})),
      }),
      fc.array(fc.oneof(package_('git'), package_('npm'), package_('pypi'))),
      async (reference, settings, packages) => {
        const found = packages.map((each) => ({ ...each, files: [] })) as unknown as typeof inventory.packages
        const image = {
          reference,
          config: config(settings),
          tree,
          inventory: { packages: [...inventory.packages, ...found], problems: [] },
        }
        const { source, recipe } = draftImage(image, OPTIONS)
        expect(Recipe.parse(exportedRecipe(source))).toEqual(recipe)
      },
    ),
    { numRuns: rounds(100, 10_000) },
  )
})
