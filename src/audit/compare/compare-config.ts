import type { ImageConfig } from '../../formats/oci.ts'
import type { LockedBase } from '../../lock/schema.ts'
import type { Recipe } from '../../recipe/schema.ts'
import type { ConfigSummary } from '../audit-report.ts'
import type { Finding } from '../finding.ts'
import type { RuleId } from '../rules.ts'
import { isSecretName, redact } from '../secrets.ts'

const ROOT_PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'

/** What an image's config says (OCI image specification, "Image Configuration"), as it is. */
export function readConfig({ os, architecture, config }: ImageConfig): ConfigSummary {
  return {
    platform: `${os}/${architecture}`,
    user: config?.User ?? '',
    workdir: config?.WorkingDir ?? '',
    env: Object.fromEntries((config?.Env ?? []).map(splitVariable)),
    entrypoint: orNull(config?.Entrypoint),
    cmd: orNull(config?.Cmd),
    labels: { ...config?.Labels },
    ports: Object.keys(config?.ExposedPorts ?? {}).sort(),
    volumes: Object.keys(config?.Volumes ?? {}).sort(),
  }
}

const orNull = (words: string[] | null | undefined) => (words?.length ? words : null)

/** The same with the values of variables and labels that look like credentials left out. */
export function redactConfig(summary: ConfigSummary): ConfigSummary {
  const hide = (values: Record<string, string>) =>
    Object.fromEntries(Object.entries(values).map(([name, value]) => [name, shown(name, value)]))
  return { ...summary, env: hide(summary.env), labels: hide(summary.labels) }
}

/** What the config of a recipe's image must say. */
export function expectedConfig(recipe: Recipe, base: LockedBase): ConfigSummary {
  const below = base.kind === 'debian' ? undefined : base.configuration
  const { entrypoint } = recipe
  return {
    platform: recipe.platform,
    user: recipe.user?.name ?? below?.user ?? '',
    workdir: recipe.workdir ?? below?.workdir ?? '',
    env: { ...(below?.env ?? { PATH: ROOT_PATH }), ...recipe.env },
    entrypoint: entrypoint ?? below?.entrypoint ?? null,
    // an entrypoint of one's own switches the base's command off
    cmd: recipe.cmd ?? (entrypoint === undefined ? (below?.cmd ?? null) : null),
    labels: { ...below?.labels, ...recipe.labels },
    ports: [...new Set([...(below?.expose ?? []), ...recipe.expose])].flatMap(ports).sort(),
    volumes: [...new Set([...(below?.volumes ?? []), ...recipe.volumes])].sort(),
  }
}

/** Every field in which a config differs from what the recipe says. */
export function compareConfig(config: ImageConfig, recipe: Recipe, base: LockedBase): Finding[] {
  const actual = readConfig(config)
  const expected = expectedConfig(recipe, base)
  const stopSignal = base.kind === 'debian' ? '' : base.configuration.stopSignal
  const one = (rule: RuleId, field: string, a: unknown, b: unknown): Finding[] =>
    JSON.stringify(a) === JSON.stringify(b)
      ? []
      : [difference(rule, field, JSON.stringify(a), JSON.stringify(b))]
  return [
    ...compareRecords('config-env', 'Env', expected.env, actual.env),
    ...one('config-user', 'User', expected.user, actual.user),
    // none is the root
    ...one('config-workdir', 'WorkingDir', expected.workdir || '/', actual.workdir || '/'),
    ...one('config-entrypoint', 'Entrypoint', expected.entrypoint, actual.entrypoint),
    ...one('config-cmd', 'Cmd', expected.cmd, actual.cmd),
    ...compareRecords('config-labels', 'Labels', expected.labels, actual.labels),
    ...one('config-ports', 'ExposedPorts', expected.ports, actual.ports),
    ...one('config-volumes', 'Volumes', expected.volumes, actual.volumes),
    ...one('config-other', 'platform', expected.platform, actual.platform),
    ...one('config-other', 'StopSignal', stopSignal, config.config?.['StopSignal'] ?? ''),
    ...OTHERS.flatMap((field) => one('config-other', field, null, emptyAsNull(config.config?.[field]))),
  ]
}

/** Settings that change what a container does, and that no recipe has. */
const OTHERS = ['Healthcheck', 'OnBuild', 'Shell']

function emptyAsNull(value: unknown): unknown {
  return value === undefined || (Array.isArray(value) && value.length === 0) ? null : value
}

function compareRecords(
  rule: RuleId,
  field: string,
  expected: Record<string, string>,
  actual: Record<string, string>,
): Finding[] {
  const names = [...new Set([...Object.keys(expected), ...Object.keys(actual)])].sort()
  return names
    .filter((name) => expected[name] !== actual[name])
    .map((name) => difference(rule, `${field}/${name}`, text(name, expected[name]), text(name, actual[name])))
}

const text = (name: string, value: string | undefined) =>
  value === undefined ? 'nothing' : JSON.stringify(shown(name, value))

function shown(name: string, value: string): string {
  return isSecretName(name) && value !== '' ? '(redacted)' : redact(value)
}

function difference(rule: RuleId, field: string, expected: string, actual: string): Finding {
  const message = `${field.replace('/', ' ')} is ${actual}, expected ${expected}`
  return { rule, severity: 'error', subject: `config/${field}`, message, expected, actual }
}

function splitVariable(line: string): [name: string, value: string] {
  const equals = line.indexOf('=')
  return equals === -1 ? [line, ''] : [line.slice(0, equals), line.slice(equals + 1)]
}

/** `43643-43645/tcp` as engines write it: a port each. */
function ports(range: string): string[] {
  const [, from = '', to = from, protocol = 'tcp'] = /^(\d+)(?:-(\d+))?\/(\w+)$/.exec(range) ?? []
  const found: string[] = []
  for (let port = Number(from); port <= Math.min(Number(to), 65_535); port++)
    found.push(`${port}/${protocol}`)
  return found
}
