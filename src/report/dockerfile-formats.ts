import {
  type CheckedDockerfile,
  DOCKERFILE_RULES,
  type DockerfileCheck,
  type DockerfileFinding,
} from '../adopt/check/finding.ts'
import { maskControls, oneLine } from './markdown.ts'

export const DOCKERFILE_FORMATS = ['text', 'sarif'] as const
export type DockerfileFormat = (typeof DOCKERFILE_FORMATS)[number]

/** The check of Dockerfiles in a format for people or for a code scanner. */
export function renderDockerfileCheck(check: DockerfileCheck, format: DockerfileFormat): string {
  return format === 'sarif' ? dockerfileSarif(check) : dockerfileTable(check)
}

const VERDICTS: Record<DockerfileCheck['verdict'], string> = {
  clean: 'clean: nothing was found that would be another tomorrow',
  findings: 'FINDINGS: it will not be the same when it is built again',
  inconclusive: 'INCONCLUSIVE: something could not be read',
}

const shown = (text: string) => maskControls(oneLine(text))

function dockerfileTable({ files, verdict }: DockerfileCheck): string {
  const blocks = files.flatMap(({ path, findings }) => findings.map((finding) => block(path, finding)))
  const all = files.flatMap(({ findings }) => findings)
  const counts = [...Map.groupBy(all, ({ severity }) => severity)].map(
    ([severity, { length }]) => `${length} ${severity}`,
  )
  const tally = counts.length > 0 ? counts.sort().join(', ') : 'none'
  return [...blocks, `verdict   ${VERDICTS[verdict]}`, `findings  ${tally}`, ''].join('\n')
}

/** As compilers write places, so that editors and terminals find them. */
function block(path: string, { rule, severity, line, column, message, instead }: DockerfileFinding): string {
  return [
    `${shown(path)}:${line}:${column}: ${severity} ${rule}`,
    `  ${shown(message)}`,
    ...(instead === undefined ? [] : [`  instead: ${shown(instead)}`]),
    '',
  ].join('\n')
}

/** SARIF 2.1.0 (OASIS). */
function dockerfileSarif({ files, verdict }: DockerfileCheck): string {
  const ids = Object.keys(DOCKERFILE_RULES) as (keyof typeof DOCKERFILE_RULES)[]
  const rules = ids.map((id) => ({
    id,
    shortDescription: { text: DOCKERFILE_RULES[id].title },
    // no `helpUri`, which would have to be absolute (3.49.12)
    help: { text: `What it means, and what to do: docs/dockerfile-rules.md#${id} of stillroom` },
  }))
  const result = ({ path }: CheckedDockerfile, finding: DockerfileFinding) => ({
    ruleId: finding.rule,
    ruleIndex: ids.indexOf(finding.rule),
    level: finding.severity === 'warning' ? 'warning' : 'error',
    message: {
      text:
        finding.instead === undefined ? finding.message : `${finding.message}\ninstead: ${finding.instead}`,
    },
    locations: [
      {
        physicalLocation: {
          artifactLocation: { uri: encodeURI(path) },
          region: { startLine: finding.line, startColumn: finding.column },
        },
      },
    ],
  })
  const log = {
    $schema: 'https://json.schemastore.org/sarif-2.1.0.json',
    version: '2.1.0',
    runs: [
      {
        tool: { driver: { name: 'stillroom', rules } },
        results: files.flatMap((file) => file.findings.map((finding) => result(file, finding))),
        properties: { verdict },
      },
    ],
  }
  return `${JSON.stringify(log, null, 2)}\n`
}
