import { describe, expect, it } from 'vitest'
import { mergeAccounts, sameAccounts } from './accounts.ts'

const text = (...lines: string[]) => Buffer.from(lines.map((line) => `${line}\n`).join(''))

describe('mergeAccounts()', () => {
  it('adds what only the original has, and keeps numbers that programs of packages were told', () => {
    const original = text(
      'root:x:0:0:me:/root:/bin/zsh',
      'bus:x:101:102::/:',
      'me:x:1000:1000::/home/me:/bin/sh',
    )
    const built = text('root:x:0:0:root:/root:/bin/bash', 'bus:x:103:104::/:')
    expect(mergeAccounts('etc/passwd', original, built)).toEqual({
      content: text('root:x:0:0:me:/root:/bin/zsh', 'bus:x:103:104::/:', 'me:x:1000:1000::/home/me:/bin/sh'),
      passwords: [],
    })
  })

  it('leaves out passwords', () => {
    const original = text('root:$6$salt$hash:19000:0:99999:7:::', 'me:!:19000::::::', 'old:DEShash:1::::::')
    const { content, passwords } = mergeAccounts('etc/shadow', original, text('root:*:20000:0:99999:7:::'))
    expect(passwords).toEqual(['root', 'old'])
    expect(content.toString()).not.toMatch(/hash/)
    expect(mergeAccounts('etc/passwd', text('a:DEShash:5:5::/:'), undefined).content).toEqual(
      text('a:!:5:5::/:'),
    )
  })
})

describe('sameAccounts()', () => {
  it('knows neither the order nor the day', () => {
    const one = text('a:*:19000::::::', 'b:!:19001::::::')
    expect(sameAccounts('etc/shadow', one, text('b:!:20000::::::', 'a:*:20000::::::'))).toBe(true)
    expect(sameAccounts('etc/shadow', one, text('a:*:19000::::::'))).toBe(false)
    expect(sameAccounts('etc/passwd', text('a:x:1:'), text('a:x:2:'))).toBe(false)
  })
})
