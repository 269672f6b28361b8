import type { LockedBase, LockedImageBase } from '../lock/schema.ts'
import type { Recipe } from '../recipe/schema.ts'
import type { Artifact } from '../store/artifact.ts'

/** A recipe on its base. */
export interface BasedRecipe extends Recipe {
  /** Of the base's user, who works in the image unless the recipe makes one. */
  account?: LockedImageBase['account']
  /** What the image's config names as its user: empty for root. */
  userName?: string
  stopSignal?: string
}

/** A layer of a base, and where it lies in the build context, as a plain tar: in the order of their names. */
export function layerArtifacts({
  reference,
  layers,
}: Pick<LockedImageBase, 'reference' | 'layers'>): { artifact: Artifact; destination: string }[] {
  return layers.map(({ digest, size }, place) => ({
    artifact: {
      name: `layer ${place + 1} of ${reference}`,
      file: layerFile(place),
      sha256: digest.slice('sha256:'.length),
      size,
      origin: { kind: 'registry', reference, digest },
    },
    destination: `artifacts/layers/${layerFile(place)}`,
  }))
}

function layerFile(place: number): string {
  return `layer-${String(place + 1).padStart(3, '0')}.tar`
}

/**
 * A recipe with what its base says where the recipe itself says nothing, and the account of the base's user; the same
 * recipe when its base is Debian's packages. An entrypoint of the recipe's own switches the base's command off.
 */
export function onBase(recipe: Recipe, base: LockedBase): BasedRecipe {
  if (base.kind === 'debian') return recipe
  const { configuration: below, account } = base
  const cmd = recipe.cmd ?? (recipe.entrypoint === undefined ? below.cmd : null)
  const entrypoint = recipe.entrypoint ?? below.entrypoint
  const workdir = recipe.workdir ?? below.workdir
  const { entrypoint: _, cmd: __, workdir: ___, ...own } = recipe
  return {
    ...own,
    env: { ...below.env, ...recipe.env },
    labels: { ...below.labels, ...recipe.labels },
    expose: [...new Set([...below.expose, ...recipe.expose])],
    volumes: [...new Set([...below.volumes, ...recipe.volumes])].sort(),
    ...(workdir === '' ? {} : { workdir }),
    ...(entrypoint === null ? {} : { entrypoint }),
    ...(cmd === null ? {} : { cmd }),
    account,
    userName: recipe.user?.name ?? below.user,
    stopSignal: below.stopSignal,
  }
}
