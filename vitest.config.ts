import { availableParallelism } from 'node:os'
import { defineConfig } from 'vitest/config'

/** End-to-end tests that need no engine: several at once, beside the unit tests. */
const OFFLINE = [
  'bad-input',
  'ci',
  'diff-lock',
  'dockerfiles',
  'drift-issues',
  'engine-trees',
  'faults',
  'git',
  'init',
  'live-progress',
  'merge',
  'nightly-workflow',
  'other-archives',
  'pull-request',
  'push',
  'recipe-page',
  'recipes',
  'redirects',
  'registry-images',
  'seed',
  'setup',
  'several-recipes',
  'side-by-side',
  'site',
  'team-store',
  'ten-years',
  'survey',
  'upstream',
  'verify-sources',
].map((name) => `test/${name}.test.ts`)

/** Some tests wait for a server or a program: one more than the processors there are. */
const maxWorkers = availableParallelism() + 1

export default defineConfig({
  test: {
    // a golden that is missing or differs fails; `-u` writes it
    update: 'none',
    projects: [
      {
        test: {
          name: 'unit',
          include: ['src/**/*.test.ts'],
          testTimeout: 120_000,
          // No unit test replaces a module or keeps state in one, so files share what they import.
          isolate: false,
          setupFiles: ['test/support/compare-bytes.ts'],
          maxWorkers,
        },
      },
      {
        test: {
          name: 'offline',
          include: OFFLINE,
          globalSetup: ['test/support/pack.ts'],
          testTimeout: 300_000,
          hookTimeout: 300_000,
          maxWorkers,
          env: {
            // one that asks for an engine fails
            DOCKER_HOST: 'unix:///nonexistent/no-engine.sock',
            // no commit of a test is outside
            STILLROOM_SOFTWARE_HERITAGE: 'none',
          },
        },
      },
      {
        test: {
          name: 'e2e',
          include: ['test/**/*.test.ts'],
          exclude: OFFLINE,
          globalSetup: ['test/support/pack.ts', 'test/support/find-engine.ts'],
          testTimeout: 900_000,
          hookTimeout: 900_000,
          // what a test takes away shall be nowhere: no service outside is asked for it
          env: {
            STILLROOM_SNAPSHOT: 'none',
            STILLROOM_OLD_RELEASES: 'none',
            STILLROOM_SOFTWARE_HERITAGE: 'none',
          },
          // they share an engine
          fileParallelism: false,
        },
      },
    ],
  },
})
