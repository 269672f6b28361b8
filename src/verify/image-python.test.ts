import { expect, test } from 'vitest'
import type { BasePackage, LockedPlatform, LockedStep } from '../lock/schema.ts'
import { imageBase, smallLock } from '../lock/small-lock.test-data.ts'
import { imagePython } from './image-python.ts'

const small = smallLock.platforms['linux/amd64'] as LockedPlatform
const pip = small.steps[1] as Extract<LockedStep, { kind: 'pip' }>

const on = (inventory: BasePackage[]): LockedPlatform => ({
  ...small,
  base: { ...imageBase, inventory },
  steps: [{ ...pip, pip: '24.0' }],
})
const deb = (name: string, version: string) => ({ kind: 'deb', name, version })
const py = (environment: string, version = '24.0') => ({ kind: 'pypi', name: 'pip', version, environment })

test('the Python of a Debian base is that of its packages', () => {
  expect(imagePython(small, 1)).toEqual({ version: '3.11.2', libc: undefined, pip: '23.0.1' })
  expect(imagePython(small, 0)).toBeUndefined()
  // the step comes before
  expect(imagePython({ ...small, steps: [pip, small.steps[0] as LockedStep] }, 0)).toBeUndefined()
})

test.each<[string, BasePackage[], string | undefined, string | undefined]>([
  [
    'the packages alone',
    [deb('python3', '3.10.6-1~22.04'), deb('libc6', '2.35-0ubuntu3')],
    '3.10.6',
    'glibc 2.35',
  ],
  [
    'the interpreter behind the default one',
    [deb('python3-minimal', '3.11.2-1+b1'), deb('python3.11-minimal', '3.11.4-6+deb12u3')],
    '3.11.4',
    undefined,
  ],
  [
    'the pip of a Python that no package manager knows',
    [deb('python3', '3.11.2-1'), py('usr/local/lib/python3.12/site-packages'), deb('libc6', '2.36-9')],
    '3.12',
    'glibc 2.36',
  ],
  [
    'another pip',
    [deb('python3', '3.11.2-1'), py('usr/local/lib/python3.12/site-packages', '23')],
    '3.11.2',
    undefined,
  ],
  [
    'two pips of one version',
    [py('usr/lib/python3.11/site-packages'), py('usr/local/lib/python3.12/site-packages')],
    undefined,
    undefined,
  ],
  [
    'Alpine',
    [
      { kind: 'apk', name: 'python3', version: '3.12.3-r1' },
      { kind: 'apk', name: 'musl', version: '1.2.5-r0' },
      py('usr/lib/python3.12/site-packages'),
    ],
    '3.12.3',
    'musl 1.2',
  ],
  [
    'conda',
    [{ kind: 'conda', name: 'python', version: '3.9.18' }, py('opt/conda/lib/python3.9/site-packages')],
    '3.9.18',
    undefined,
  ],
  [
    'conda, of which the pip is not known',
    [{ kind: 'conda', name: 'python', version: '3.9.18' }, deb('python3', '3.11.2-1')],
    undefined,
    undefined,
  ],
])('of an image, it is known by %s', (_, inventory, version, libc) => {
  const found = imagePython(on(inventory), 0)
  expect(found?.version).toBe(version)
  if (found !== undefined) expect(found.libc && `${found.libc.kind} ${found.libc.version}`).toBe(libc)
})
