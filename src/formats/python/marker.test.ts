import { expect, test } from 'vitest'
import { evaluateMarker } from './marker.ts'

const environment = {
  ...{ os_name: 'posix', sys_platform: 'linux', platform_machine: 'x86_64', extra: '' },
  ...{ python_version: '3.11', python_full_version: '3.11.2' },
}

// each as pip's own `packaging` 26.4 decides it in this environment, but for those that are not known here
test.each([
  ['python_version < "3.12"', true],
  ["python_version < '3.9'", false],
  ['python_version >= "3.8" and python_version < "4"', true],
  ['"3.10" > python_version', false],
  ['python_full_version >= "3.11.4"', false],
  ['python_version == "3.*"', true],
  ['python_version ~= "3.8"', true],
  ['python_version in "3.9 3.10 3.11"', true],
  ['python_version not  in "3.9 3.10"', true],
  ['sys_platform == "win32" or python_version < "3.12" and os_name == "posix"', true],
  ['(sys_platform == "win32" or sys_platform == "linux") and os_name == "nt"', false],
  ['extra == "all"', false],
  ['os.name == "posix"', true],
  ['sys.platform != "win32"', true],
  ['platform_machine == "aarch64" or platform_machine == "arm64"', false],
  // not known
  ['platform_machine >= "a"', undefined],
  ['platform_release >= "5"', undefined],
  ['platform_release >= "5" and sys_platform == "win32"', false],
  ['platform_release >= "5" or sys_platform == "linux"', true],
  ['platform_release >= "5" or sys_platform == "win32"', undefined],
  ['constructor == "x"', undefined],
  // not readable
  ['python_version <', undefined],
  ['(python_version < "4"', undefined],
  ['python_version < "4")', undefined],
  ['python_version # "4"', undefined],
  ['', undefined],
])('%j holds: %s', (marker, expected) => {
  expect(evaluateMarker(marker, environment)).toBe(expected)
})
