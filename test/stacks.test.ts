import { execa } from 'execa'
import { expect, onTestFinished, test } from 'vitest'
import type { BuildReport } from '../src/report/build-report.ts'
import { NIGHTLY } from './support/nightly.ts'
import { ownName } from './support/own-name.ts'
import { commitAll, makeProject } from './support/project.ts'
import { useScratchCache } from './support/scratch-cache.ts'
import { stillroom } from './support/stillroom.ts'

/*
 * Packages that make keys, databases, key stores, formats and logs as they are installed, from this machine's own sources,
 * built twice, the second time as on another machine.
 */

if (!NIGHTLY) console.warn('skipped: packages with keys, databases and logs, which are built twice at night')

useScratchCache()

const RECIPE = `import { apt, debian, defineRecipe, project, run } from 'stillroom'
export default defineRecipe({
  base: debian('bookworm'),
  steps: [
    apt(['build-essential', 'cmake', 'openjdk-17-jre-headless', 'openssh-server', 'ssl-cert', 'munge', 'texlive-latex-base'], {
      after: 'rm -rf /usr/share/doc/cmake*',
    }),
    project('src', { to: '/opt/src' }),
    run('cmake -S /opt/src -B /opt/build && cmake --build /opt/build -j2'),
  ],
})
`
const FILES = {
  'src/CMakeLists.txt': `cmake_minimum_required(VERSION 3.20)
project(heat CXX)
add_library(heatlib STATIC lib.cpp)
add_executable(heat main.cpp)
target_link_libraries(heat heatlib)
`,
  'src/lib.cpp': 'const char *built() { return __DATE__ " " __TIME__; }\n',
  'src/main.cpp':
    '#include <iostream>\nconst char *built();\nint main() { std::cout << built() << __FILE__ << "\\n"; }\n',
}

test.runIf(NIGHTLY)(
  'what packages make by chance or by the clock is the same in both builds, or in neither',
  async () => {
    const name = ownName('stacks')
    const directory = await makeProject({
      [`recipes/${name}/recipe.ts`]: RECIPE,
      ...Object.fromEntries(Object.entries(FILES).map(([path, text]) => [`recipes/${name}/${path}`, text])),
    })
    await commitAll(directory)
    onTestFinished(async () => {
      await execa('docker', ['image', 'rm', '--force', `stillroom/${name}`], { reject: false })
    })
    const lock = await stillroom(directory, ['lock', 'recipe', name])
    expect(lock.exitCode, lock.stderr).toBe(0)
    expect(lock.stdout).toContain('ssh-keygen -A')
    const { stdout, stderr } = await stillroom(directory, ['build', 'recipe', name, '--twice', '--json'])
    expect(stdout, stderr).not.toBe('')
    const report = JSON.parse(stdout) as BuildReport
    expect(report.second).toMatchObject({ verdict: 'identical', difference: null, problem: null })
    const keys = await execa(
      'docker',
      [
        ...['run', '--rm', `stillroom/${name}`, 'sh', '-c'],
        'ls /etc/ssh/ssh_host_* /etc/munge/munge.key /etc/ssl/*/ssl-cert-snakeoil.* /usr/share/doc/cmake 2>&1 | grep -v "No such"; test -d /.stillroom/clock && echo clock',
      ],
      { reject: false },
    )
    expect(keys.stdout).toBe('')
  },
)
