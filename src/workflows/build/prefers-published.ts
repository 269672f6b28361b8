import type { LockedPlatform } from '../../lock/schema.ts'

/** Whether an image is fetched from where it was published: who wants all of it built, or built elsewhere, wants none that others built. */
export function prefersPublished(
  { image }: LockedPlatform,
  {
    fromSource,
    noCache,
    builder,
  }: { fromSource?: boolean | undefined; noCache: boolean; builder?: string | undefined },
): boolean {
  return !fromSource && !noCache && builder === undefined && image?.published !== undefined
}
