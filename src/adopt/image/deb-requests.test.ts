import { describe, expect, it } from 'vitest'
import { automatic, dpkgStatus, imageOf, stanza } from './adopt-in-memory.test-data.ts'
import { debRequests, readInstalledDebs } from './deb-requests.ts'

const SYSTEM = [
  stanza('dash', { Essential: 'yes', Depends: 'libc6 (>= 2)' }),
  stanza('libc6'),
  stanza('apt', { 'Pre-Depends': 'libc6' }),
]

async function requests(members: Parameters<typeof imageOf>[0], inBase?: ReadonlySet<string>) {
  const { asked, besides } = debRequests(readInstalledDebs((await imageOf(members)).tree), inBase)
  return { asked: asked.map(({ name }) => name), besides: besides.map(({ name }) => name) }
}

describe('debRequests()', () => {
  it('goes by the marks of apt, and names what nothing asks for', async () => {
    const status = dpkgStatus(
      ...SYSTEM,
      stanza('tool', { Depends: 'libtool1 | libtool2, mail-agent' }),
      stanza('libtool1'),
      stanza('postfix', { Provides: 'mail-agent' }),
      stanza('helper', { Depends: 'libhelper' }),
      stanza('libhelper'),
    )
    const marks = automatic('libtool1', 'postfix', 'helper', 'libhelper')
    expect(await requests([status, marks])).toEqual({ asked: ['tool'], besides: ['helper'] })
  })

  it('goes by who needs whom where the marks are gone', async () => {
    const status = dpkgStatus(
      ...SYSTEM,
      stanza('tool', { Depends: 'libtool1' }),
      stanza('libtool1'),
      stanza('zone', { Depends: 'ring' }),
      stanza('ring', { Depends: 'zone' }),
    )
    expect(await requests([status])).toEqual({ asked: ['ring', 'tool'], besides: [] })
  })

  it('leaves out what a base brings', async () => {
    const status = dpkgStatus(...SYSTEM, stanza('of-base'), stanza('tool'))
    const base = new Set(['dash', 'libc6', 'apt', 'of-base'])
    expect(await requests([status], base)).toEqual({ asked: ['tool'], besides: [] })
  })

  it('takes no package that is removed but for its configuration', async () => {
    const status = dpkgStatus(...SYSTEM, stanza('gone', { Status: 'deinstall ok config-files' }))
    expect(await requests([status])).toEqual({ asked: [], besides: [] })
  })

  it('takes no package of another architecture', async () => {
    const status = dpkgStatus(...SYSTEM, stanza('wine', { Architecture: 'i386' }))
    expect(await requests([status])).toEqual({ asked: [], besides: [] })
  })
})
