/** An image's name taken apart (distribution project, "reference" grammar). */
export interface Reference {
  /** As references name it: `registry.example.org:5000`. */
  registry: string
  /** Below the registry: `team/solver`. */
  repository: string
  tag: string | undefined
  /** `sha256:...`; counts before the tag. */
  digest: string | undefined
}

/**
 * Takes a reference apart as Docker does: what stands before the first slash is a registry when it has a dot or a
 * colon or is `localhost`; else the engine's default registry is meant, where names of one part lie below `library/`.
 *
 * @param reference as the recipe's schema admits it
 * @param fallback the name of the engine's default registry
 */
export function parseReference(reference: string, fallback: string): Reference {
  const [name = '', digest] = reference.split('@')
  const [, path = name, tag] = /^(.+):([^/:]+)$/.exec(name) ?? []
  const slash = path.indexOf('/')
  const first = path.slice(0, Math.max(0, slash))
  if (/[.:]/.test(first) || first === 'localhost') {
    return { registry: first, repository: path.slice(slash + 1), tag, digest }
  }
  return { registry: fallback, repository: slash === -1 ? `library/${path}` : path, tag, digest }
}

/** The reference with nothing left to a convention. */
export function formatReference({ registry, repository, tag, digest }: Reference): string {
  return `${registry}/${repository}${tag === undefined ? '' : `:${tag}`}${digest === undefined ? '' : `@${digest}`}`
}
