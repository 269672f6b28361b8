import { describe, expect, it } from 'vitest'
import { submoduleUrl } from './submodules.ts'

describe('submoduleUrl()', () => {
  it.each([
    ['https://git.example.org/team/tool.git', '../part.git', 'https://git.example.org/team/part.git'],
    ['https://git.example.org/team/tool.git/', '../../other/part', 'https://git.example.org/other/part'],
    ['https://git.example.org/team/tool.git', './part/', 'https://git.example.org/team/tool.git/part'],
    ['git@git.example.org:team/tool.git', '../part.git', 'git@git.example.org:team/part.git'],
    ['git@git.example.org:tool.git', '../part.git', 'git@git.example.org:part.git'],
    ['file:///srv/tool.git', '../part.git', 'file:///srv/part.git'],
    ['https://git.example.org/team/tool.git', 'https://other.example/x', 'https://other.example/x'],
  ])('%s and %s give %s', (parent, url, expected) => {
    expect(submoduleUrl(parent, url)).toBe(expected)
  })
})
