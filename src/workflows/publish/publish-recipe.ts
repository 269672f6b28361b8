import { join } from 'node:path'
import { connectEngine, type Engine } from '../../engine/connect.ts'
import { StillroomError } from '../../error.ts'
import { formatReference } from '../../formats/image-reference.ts'
import { hasImage, manifestOf, type PushedImage, pushImage } from '../../image/push-image.ts'
import { describeTransfer } from '../../image/transfer.ts'
import { recordedRecipe } from '../../lock/recorded-recipe.ts'
import type { LockedImage, Lockfile } from '../../lock/schema.ts'
import { serializeLock } from '../../lock/serialize-lock.ts'
import { openRegistries } from '../../sources/registry/open-registries.ts'
import { type PushTarget, pushTarget } from '../../sources/registry/push.ts'
import { pushReferrers } from '../../sources/registry/push-referrers.ts'
import { sweepAbandoned } from '../../store/disk.ts'
import { requireLockedImage } from '../build/locked-image.ts'
import type { Cache, Fetching, Reporting } from '../ports.ts'
import { lockedPlatform, requireLock, writeLock } from '../project/lock-file.ts'
import { spooledImage, spoolImage } from '../save/spooled-image.ts'
import type { Session } from '../session.ts'
import { compressLayers } from './compress-layers.ts'
import { filesToAttach, readStatement } from './files-to-attach.ts'
import { requireTagged } from './require-tagged.ts'
import { readSigningKey, signImage } from './sign-image.ts'

export interface PublishResult {
  recipe: string
  /** The image ID. */
  image: string
  /** Where it is now, with its tag. */
  reference: string
  /** The digest of its manifest: the same from every machine, in every registry. */
  manifest: string
  /** What the registry did not have before. */
  sent: PushedImage['sent']
  /** Names of the files that are attached to it. */
  attached: string[]
  /** Whether `--key` signed it, now or before. */
  signed: boolean
  /** Whether the lockfile did not name it there before. */
  noted: boolean
}

/**
 * Pushes the locked image of a recipe to a registry, with the files that say what it is, and notes in the lockfile where it is. What
 * is there already is not sent again.
 *
 * @param where a name in a registry: `[docker://]REGISTRY/NAME[:TAG]`
 * @param options `statement`: a file that is attached, too; `key`: a file with the key that signs
 * @throws {StillroomError} USAGE, KEY_UNUSABLE; LOCK_*; IMAGE_MISSING when the engine lacks the image; PUSH_FAILED, REGISTRY_LOGIN_REFUSED;
 *   those of reading images; ENGINE_*; DISK_FULL, NOT_WRITABLE
 */
export async function publishRecipe(
  session: Session,
  name: string,
  where: string,
  {
    statement: statementFile,
    key: keyFile,
  }: { statement?: string | undefined; key?: string | undefined } = {},
): Promise<PublishResult> {
  const { signal, progress, directory } = session
  const key = keyFile === undefined ? undefined : await readSigningKey(directory, keyFile)
  const registries = openRegistries(session, await session.sources())
  const asked = requireTagged(where)
  const { tag = 'latest', ...expanded } = await registries.expand(asked)
  const reference = formatReference({ ...expanded, tag })
  const lock = await requireLock(directory, name)
  const recipe = recordedRecipe(lock)
  const locked = lockedPlatform(lock, recipe)
  const engine = await connectEngine(session)
  const present = await requireLockedImage(session, engine, name, locked)
  const image = locked.image as LockedImage
  const statement =
    statementFile === undefined ? undefined : await readStatement(directory, statementFile, image)

  progress({ kind: 'stage', title: `asking for ${reference}` })
  const target = pushTarget(await registries.repository(asked), { signal })
  const there = await hasImage(target, image.published?.manifest, tag)
  const { manifest: descriptor, sent } = there
    ? { manifest: there, sent: { blobs: 0, bytes: 0 } }
    : await pushPresent(session, engine, target, { lock, image, from: present.reference, reference, tag })
  const manifest = descriptor.digest

  progress({ kind: 'stage', title: 'attaching what says what it is' })
  const published = { reference, manifest }
  const platform = { ...locked, image: { ...image, published } }
  const next = { ...lock, platforms: { ...lock.platforms, [recipe.platform]: platform } }
  const files = await filesToAttach(session, name, present.name, {
    image,
    lock: serializeLock(next),
    statement,
  })
  await pushReferrers(target, descriptor, files)
  if (key) {
    progress({ kind: 'stage', title: 'signing' })
    const repository = formatReference({ ...expanded, tag: undefined })
    await signImage(target, key, { repository, manifest })
  }
  const { written: noted } = await writeLock(directory, name, next)
  const attached = files.map((file) => file.name)
  return {
    recipe: name,
    image: image.id,
    reference,
    manifest,
    sent,
    attached,
    signed: key !== undefined,
    noted,
  }
}

/** Pushes an image of the engine, compressed. */
async function pushPresent(
  ports: Cache & Fetching & Reporting,
  engine: Engine,
  target: PushTarget,
  about: { lock: Lockfile; image: LockedImage; from: string; reference: string; tag: string },
): Promise<PushedImage> {
  const { progress } = ports
  const { lock, image, from, reference, tag } = about
  progress({ kind: 'stage', title: `reading image ${image.id} from the engine` })
  const spool = join(ports.cache, 'spool')
  await sweepAbandoned(spool)
  await using spooled = await spoolImage(ports, engine, from, join(spool, lock.recipe))
  const writable = await spooledImage(ports, spooled, image.id)
  progress({ kind: 'stage', title: 'compressing layers' })
  await using compressed = await compressLayers(ports, engine, writable, spool)
  requireManifest(lock, image, manifestOf(compressed).digest)
  progress({ kind: 'stage', title: `pushing to ${reference}` })
  // not before it is pushed do the copies go
  return await pushImage(target, compressed, tag, (state) =>
    progress({ kind: 'status', text: describeTransfer(state) }),
  )
}

/** The manifest follows from the image and the compressor: another digest is a wrong lock. */
function requireManifest({ recipe }: Lockfile, { id, published }: LockedImage, actual: string): void {
  if (published === undefined || published.manifest === actual) return
  throw new StillroomError(
    'LOCK_INVALID',
    `the lockfile of recipe "${recipe}" names another manifest of image ${id} than there is: expected ${published.manifest}, actual ${actual}`,
    {
      hint: `take the line "published" out of recipes/${recipe}/lock.json, and the comma before it: publish writes it again`,
    },
  )
}
