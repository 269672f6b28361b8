import { secretIn } from '../../audit/credentials.ts'
import { findSecret, isSecretName } from '../../audit/secrets.ts'
import type { Instruction } from '../../formats/dockerfile/read-dockerfile.ts'
import { type DockerfileWord, readPairs, splitWords } from '../../formats/dockerfile/words.ts'
import type { Stage, StageInstruction } from '../stages.ts'
import { FULL_COMMIT } from './check-downloads.ts'
import type { Add } from './run-context.ts'

/** What an image is named by: its digest, or anything that moves. */
export function checkImage(
  reference: string | undefined,
  text: string,
  at: Parameters<Add>[1],
  earlier: readonly Stage[],
  add: Add,
): void {
  const name = reference ?? text
  if (name === 'scratch' || name === '' || /@sha256:[0-9a-f]{64}$/.test(name)) return
  if (earlier.some((stage, i) => stage.name === name.toLowerCase() || String(i) === name)) return
  // a digest that is given when the image is built
  if (reference === undefined && /@/.test(text)) return
  const bare = name.replace(/@.*$/, '')
  const tagged = /:[^/]+$/.test(bare) ? bare : `${bare}:latest`
  add(
    'image-floating',
    at,
    `"${name}" is another image as soon as its tag is moved`,
    `${tagged}@sha256:<digest>, which "docker buildx imagetools inspect ${tagged}" says`,
  )
}

/** `--from` of COPY, and of mounts of a RUN. */
export function checkFromFlags({ flags }: Instruction, earlier: readonly Stage[], add: Add): void {
  for (const { name, value, at } of flags) {
    const from =
      name === 'from' ? value : name === 'mount' ? /(?:^|,)from=([^,]+)/.exec(value)?.[1] : undefined
    if (from !== undefined) checkImage(from.includes('$') ? undefined : from, from, at, earlier, add)
  }
}

/** Words of ADD and COPY: the sources, and last the destination. */
export function sourcesOf({ instruction, variables }: StageInstruction, escaping: string): DockerfileWord[] {
  const { body, json } = instruction
  if (json !== undefined) return json.slice(0, -1).map((word) => ({ text: word, value: word, at: 0 }))
  return splitWords(body.text, escaping, variables)
    .slice(0, -1)
    .filter(({ text }) => !text.startsWith('<<'))
}

/** What ADD fetches. */
export function checkAdd(each: StageInstruction, escaping: string, add: Add): void {
  const { instruction } = each
  for (const { text, value, at } of sourcesOf(each, escaping)) {
    const url = value ?? text
    const place = instruction.body.positionAt(at)
    if (/^(git@|git:\/\/|ssh:\/\/)|^https?:\/\/[^\s#]+\.git(#|$)/.test(url)) {
      const ref = /#([^:]*)/.exec(url)?.[1] ?? ''
      if (!FULL_COMMIT.test(ref) && !/^\$\{?\w*(COMMIT|SHA|REV)/i.test(ref))
        add(
          'git-moving',
          place,
          `"${url}" is whatever its branch or tag is on the day of the build`,
          `${url.replace(/#.*$/, '')}#<commit>`,
        )
    } else if (
      /^(https?|ftp):\/\//.test(url) &&
      !instruction.flags.some(({ name, value: sum }) => name === 'checksum' && sum !== '')
    ) {
      add(
        'download-unverified',
        place,
        `${url} is not compared with a checksum`,
        `ADD --checksum=sha256:<sha256> ${url} <destination>`,
      )
    }
  }
}

const isSecretVariable = (name: string) =>
  isSecretName(name) || /(^|_)(PASS|SECRETS|SSH_KEY)(_|$)/i.test(name)

/** Names of what says where a secret lies, or how long it is. */
const NO_SECRET =
  /_(FILE|PATH|DIR|URL|URI|HOST|PORT|LENGTH|EXPIRY|EXPIRES|TTL|NAME|TYPE|METHOD|ENABLED?|REQUIRED|HEADER|SOCK)$/i

/** Passwords, tokens and keys, that everybody who has the image or its history has. */
export function checkSecrets(each: StageInstruction, escaping: string, add: Add): void {
  const { instruction, variables } = each
  const { keyword, body, script, at } = instruction
  if (keyword === 'ARG' || keyword === 'ENV') {
    const pairs =
      keyword === 'ENV'
        ? readPairs(body, escaping, variables)
        : splitWords(body.text, escaping, variables).map(({ text, at }) => ({
            name: text.replace(/=.*$/s, ''),
            value: 'given',
            at,
          }))
    for (const { name, value, at: offset } of pairs) {
      if (!isSecretVariable(name) || NO_SECRET.test(name) || value === '') continue
      add(
        'secret',
        body.positionAt(offset),
        `the value of ${name} is in the history of the image`,
        `RUN --mount=type=secret,id=${name.toLowerCase()} ...`,
      )
    }
  }
  if (keyword === 'COPY' || keyword === 'ADD') {
    for (const { text, value, at: offset } of sourcesOf(each, escaping)) {
      const what = /^[a-z]+:\/\//.test(text) ? undefined : nameOfSecret(value ?? text)
      if (what !== undefined && !instruction.flags.some(({ name }) => name === 'from'))
        add(
          'secret',
          body.positionAt(offset),
          `"${value ?? text}" holds ${what}`,
          'a line in .dockerignore, and RUN --mount=type=secret',
        )
    }
  }
  const login = /\bhttps?:\/\/(?!\$?\{?\w*(HOST|URL|SERVER)\w*\}?[/:])[^\s/@'"<>]+@[\w$[{]/i.exec(script.text)
  if (login)
    add(
      'secret',
      script.positionAt(login.index),
      'an address with a login in it is in the history of the image',
      'RUN --mount=type=secret,id=netrc,target=/root/.netrc ...',
    )
  else if (findSecret(script.text) !== undefined)
    add('secret', at, `it has ${findSecret(script.text)}`, 'RUN --mount=type=secret ...')
}

function nameOfSecret(path: string): string | undefined {
  const bare = path.replace(/\/+$/, '')
  if (/(^|\/)\.(ssh|gnupg|aws|kube|azure)$/.test(bare)) return 'keys and logins'
  if (/(^|\/)\.npmrc$/.test(bare)) return 'a token of a package index'
  if (/(^|\/)[^/]*(private|server|tls|ssl)[^/]*\.(key|pem)$|\.key$/i.test(bare)) return 'a private key'
  return secretIn(bare, Buffer.alloc(0))
}
