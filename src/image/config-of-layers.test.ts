import { expect, test } from 'vitest'
import { configOfLayers } from './config-of-layers.ts'

const digest = (character: string) => `sha256:${character.repeat(64)}`
const created = '2026-11-21T02:10:46Z'
const step = (created_by: string, more = {}) => ({
  created,
  created_by,
  comment: 'buildkit.dockerfile.v0',
  ...more,
})
const CMD = 'CMD ["sh" "-c" "true && echo > x"]'

/** Keys in BuildKit's order, and Go's escapes. */
const config = (diffIDs: string[], history: object[]) =>
  JSON.stringify({
    architecture: 'amd64',
    config: { User: 'a', Cmd: ['sh', '-c', 'true && echo > x'], ArgsEscaped: true },
    created,
    history,
    os: 'linux',
    rootfs: { type: 'layers', diff_ids: diffIDs },
  })
    .replaceAll('&', '\\u0026')
    .replaceAll('>', '\\u003e')

test('a config is made of one with other layers, to the byte', () => {
  const whole = config(
    [digest('a'), digest('b'), digest('c')],
    [step('COPY /target/ /'), step('COPY /one/ /'), step('COPY /two/ /'), step(CMD, { empty_layer: true })],
  )
  const similar = config([digest('c')], [step('COPY /two/ /'), step(CMD, { empty_layer: true })])
  const history = ['COPY /target/ /', 'COPY /one/ /', 'COPY /two/ /', CMD].map((createdBy) => ({
    created: Date.parse(created) / 1000,
    createdBy,
    comment: 'buildkit.dockerfile.v0',
  }))
  const made = configOfLayers(Buffer.from(similar), [digest('a'), digest('b'), digest('c')], history)
  expect(made.toString()).toBe(whole)
})
