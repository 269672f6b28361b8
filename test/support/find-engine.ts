import { connectEngine } from '../../src/engine/connect.ts'

/** Finds an engine once for all tests, or starts one: it is in their environment, and that of what they run. */
export default async function setup(): Promise<void> {
  await connectEngine()
}
