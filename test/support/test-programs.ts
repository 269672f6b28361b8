import { join } from 'node:path'
import { defaultCacheDirectory } from '../../src/store/cache-directory.ts'

/** Where programs that tests need are kept from run to run, in the user's cache whatever cache a test uses. */
export const TEST_PROGRAMS = join(defaultCacheDirectory(process.env), 'test-programs')
