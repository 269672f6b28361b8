import { requirementName } from '../../formats/python/distribution-name.ts'
import { parseAptRequest } from '../../recipe/apt-request.ts'
/** Names of the packages that a recipe asks for itself. */
export interface AskedFor {
  deb: ReadonlySet<string>
  /** Normalised as in PEP 503. */
  pypi: ReadonlySet<string>
}

/**
 * What a recipe's steps ask for, read from a lock's inputs. Read loosely: a lock may have been made when steps had
 * other fields.
 */
export function readAsked(fields: Readonly<Record<string, unknown>>): AskedFor {
  const steps = Object.entries(fields).filter(([name]) => /^steps\[\d+\]$/.test(name))
  const asked = (kind: string, key: string) =>
    steps
      .map(([, step]) => step as Record<string, unknown> | null)
      .filter((step) => step?.kind === kind)
      .flatMap((step) => (Array.isArray(step?.[key]) ? (step[key] as unknown[]) : []))
      .filter((item) => typeof item === 'string')
  return {
    deb: new Set(asked('apt', 'packages').map((word) => parseAptRequest(word).name)),
    pypi: new Set(asked('pip', 'requirements').map(requirementName)),
  }
}
