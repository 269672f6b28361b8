import { createReadStream } from 'node:fs'
import pMap from 'p-map'
import { contextArtifacts } from '../../dockerfile/context-artifacts.ts'
import { EMPTY, EMPTY_CONFIG, MANIFEST_TYPE, sha256Digest } from '../../formats/oci.ts'
import {
  FILE_TYPE,
  type StoredFile,
  storeManifest,
  storeTag,
  TREE_TYPE,
} from '../../formats/store-manifest.ts'
import { withOthers } from '../../lock/other-recipes.ts'
import { recordedRecipe } from '../../lock/recorded-recipe.ts'
import { openRegistries } from '../../sources/registry/open-registries.ts'
import { type Blob, type PushTarget, pushTarget } from '../../sources/registry/push.ts'
import { blobOf } from '../../sources/registry/push-referrers.ts'
import { fetchInputs } from '../build/fetch-inputs.ts'
import type { Cancellation, Reporting } from '../ports.ts'
import { listRecipes } from '../project/list-recipes.ts'
import { lockedPlatform, requireLock } from '../project/lock-file.ts'
import type { Session } from '../session.ts'
import { readTreeText } from './locked-tree.ts'
import { requireStore } from './team-store.ts'

export interface PushStoreResult {
  /** The repository, with its registry. */
  store: string
  /** Of each recipe: the tag that names what its lock needs. */
  tags: Record<string, string>
  /** Files that the locks of these recipes name, and their bytes. */
  files: number
  bytes: number
  /** What the registry did not have before. */
  sent: { files: number; bytes: number }
}

/** How many files are sent at once. */
const AT_ONCE = 4

/**
 * Pushes the artifacts of locks to a repository of a registry, each a blob by its digest, and the locked trees that the store has. A
 * manifest for each lock names them, so that the registry keeps them; who removes its tag lets them go. Those who push at
 * the same time do not touch each other's.
 *
 * @param where `[docker://]REGISTRY/NAME`
 * @param names of recipes; all of the project when there are none
 * @throws {StillroomError} USAGE; LOCK_*; those of fetching; PUSH_FAILED, REGISTRY_LOGIN_REFUSED
 */
export async function pushStore(
  session: Session,
  where: string,
  names: readonly string[],
): Promise<PushStoreResult> {
  const { signal, progress, directory } = session
  const registries = openRegistries(session, await session.sources())
  const store = requireStore('push to', where)
  const target = pushTarget(await registries.repository(store), { signal })
  // a login is refused before anything is fetched
  await target.hasBlob(EMPTY_CONFIG.digest)
  const recipes = names.length > 0 ? [...new Set(names)] : await listRecipes(directory)
  const tags: Record<string, string> = {}
  const all = new Map<string, number>()
  const sent = { files: 0, bytes: 0 }
  for (const name of recipes) {
    progress({ kind: 'stage', title: `the artifacts of recipe ${name}` })
    const blobs = new Map((await lockedBlobs(session, name)).map((blob) => [blob.digest, blob]))
    const fresh = [...blobs.values()].filter(({ digest }) => !all.has(digest))
    for (const { digest, size } of fresh) all.set(digest, size)
    progress({ kind: 'stage', title: `pushing them to ${store}` })
    await pushBlobs(session, target, fresh, sent)
    tags[name] = await nameBlobs(target, name, [...blobs.values()])
  }
  const bytes = [...all.values()].reduce((sum, size) => sum + size, 0)
  return { store, tags, files: all.size, bytes, sent }
}

async function pushBlobs(
  { signal, progress }: Cancellation & Reporting,
  target: PushTarget,
  blobs: readonly Blob[],
  sent: PushStoreResult['sent'],
): Promise<void> {
  let done = 0
  const push = async (blob: Blob) => {
    const isNew = await target.pushBlob(blob)
    done += 1
    progress({ kind: 'status', text: `${done} of ${blobs.length} files` })
    if (!isNew) return
    sent.files += 1
    sent.bytes += blob.size
  }
  await pMap(blobs, push, { concurrency: AT_ONCE, signal })
}

/** Lets a tag name what a recipe's lock needs. @returns the tag */
async function nameBlobs(target: PushTarget, recipe: string, files: readonly StoredFile[]): Promise<string> {
  await target.pushBlob(blobOf(EMPTY))
  const bytes = storeManifest(files)
  const digest = sha256Digest(bytes)
  const tag = storeTag(recipe, digest)
  await target.pushManifest({ bytes, digest, mediaType: MANIFEST_TYPE }, tag)
  return tag
}

async function lockedBlobs(session: Session, name: string): Promise<(Blob & StoredFile)[]> {
  const { store } = session
  const lock = await requireLock(session.directory, name)
  const locked = lockedPlatform(lock, recordedRecipe(lock))
  const artifacts = contextArtifacts(locked)
  await fetchInputs(session, artifacts, locked)
  const trees: Buffer[] = []
  for (const { image } of withOthers(locked)) {
    const tree = image && (await readTreeText(session, image))
    if (tree) trees.push(tree)
  }
  return [
    ...artifacts.files.map(
      ({ artifact: { sha256, size } }) =>
        ({
          mediaType: FILE_TYPE,
          digest: `sha256:${sha256}`,
          size,
          read: () => createReadStream(store.path(sha256)),
        }) as const,
    ),
    ...trees.map((tree) => ({ mediaType: TREE_TYPE, ...blobOf(tree) }) as const),
  ]
}
