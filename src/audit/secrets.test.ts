import { describe, expect, test } from 'vitest'
import { isSecretFile } from './credentials.ts'
import { findSecret, givesSecret, isSecretName, redact, setsSecret } from './secrets.ts'

// put together here, so that no scanner takes this file for a leak
const TOKEN = `ghp_${'a1B2'.repeat(9)}`
const KEY = `-----BEGIN ${'OPENSSH'} PRIVATE ${'KEY'}-----`

describe('findSecret()', () => {
  test.each([
    [KEY, 'a private key'],
    [`x = "${TOKEN}"`, 'a token of a git host'],
    [`AKIA${'ABCD'.repeat(4)}`, 'an access key of a cloud'],
    ['https://me:hunter2@git.example/x', 'a login in an address'],
    ['http://user:pass@example.org and https://user:hunter2@example.org', 'a login in an address'],
    ['https://root:password@git.example/x', 'a login in an address'],
  ])('%s', (text, what) => {
    expect(findSecret(text)).toBe(what)
  })

  test.each([
    'https://git.example/x@1',
    'http://username:password@host.com:80/path',
    'scheme://[user:passwd@]proxy.server:port',
    'socks5h://<username>:<password>@proxy-host',
    'https://user@git.example/x',
    'http://$USER:$PASSWORD@git.example',
    'mailto:a@example',
    '-----BEGIN CERTIFICATE-----',
    '-----BEGIN PUBLIC KEY-----',
  ])('sees none in %s', (text) => {
    expect(findSecret(text)).toBeUndefined()
  })
})

describe('isSecretFile()', () => {
  test.each([
    '/etc/shadow',
    'etc/gshadow-',
    '/root/.ssh/id_ed25519',
    '/etc/machine-id',
    'etc/munge/munge.key',
    'etc/bind/rndc.key',
    'opt/app/.env',
    'opt/app/.gitmodules',
    'etc/ldap/slapd.d/cn=config/olcDatabase={1}mdb.ldif',
    '/etc/ssl/private/ssl-cert-snakeoil.key',
  ])('%s, whatever it holds', (path) => {
    expect(isSecretFile(path, Buffer.from('x'))).toBe(true)
  })

  test('any file, by what it holds', () => {
    expect(isSecretFile('/opt/notes', Buffer.from(`token: ${TOKEN}`))).toBe(true)
    expect(isSecretFile('/opt/notes', Buffer.from('token: none'))).toBe(false)
  })
})

describe('redact()', () => {
  test.each([
    [`git clone https://me:hunter2@git.example/x`, 'hunter2'],
    [`curl -H ${TOKEN}`, TOKEN],
    ['RUN API_TOKEN=hunter2 make', 'hunter2'],
    [`RUN DB_PASSWORD='hunter 2' make`, 'hunter 2'],
  ])('leaves the secret out of %s', (text, secret) => {
    expect(redact(text)).not.toContain(secret)
    expect(redact(text)).toContain('(redacted)')
  })
})

test.each([
  ['API_TOKEN', true],
  ['PASSWORD', true],
  ['DB_PASSWORD', true],
  ['AWS_SECRET_ACCESS_KEY', true],
  ['TOKENIZERS_PARALLELISM', false],
  ['PASSWORD_FILE', false],
  ['MONKEY', false],
])('isSecretName(%s) is %s', (name, expected) => {
  expect(isSecretName(name)).toBe(expected)
})

describe('setsSecret()', () => {
  test.each([
    'export WANDB_API_KEY=0a1b2c3d',
    'x\n  DB_PASSWORD = correct-horse\n',
    'setenv MY_TOKEN abcd1234',
    '{"user": "me", "password": "correct-horse"}',
    "client = Client(api_key='0a1b2c3d')",
    'db:\n  password: correcthorse\n',
    'AWS_SECRET_ACCESS_KEY="0a1b2c3d"',
    'pip install git+https://0a1b2c3d4e@git.example.org/x',
  ])('%j does', (text) => {
    expect(setsSecret(text)).toBe(true)
  })

  test.each([
    'export PATH=/usr/bin',
    'token = os.environ["API_TOKEN"]',
    'API_TOKEN=$(cat /run/secrets/token)',
    'def login(password=None, token: str = ""):',
    'request(password=password)',
    'self.token = config.token',
    '  password: string',
    'PASSWORD_FILE=/run/secrets/password',
    'monkey = "business"',
    'git clone https://git@example.org/x',
    'ssh://git@example.org/x',
  ])('%j does not', (text) => {
    expect(setsSecret(text)).toBe(false)
  })
})

test('givesSecret() knows options with a value', () => {
  expect(givesSecret(['app', '--api-key', '0a1b'])).toBe(true)
  expect(givesSecret(['app', '--token=0a1b'])).toBe(true)
  expect(givesSecret(['app', '--password-file', '/run/x', '--verbose', 'token'])).toBe(false)
  expect(givesSecret(['app', '--token', '$TOKEN', '--password'])).toBe(false)
})

// in steps as many as there are characters: their square would not end within the time of a test
test('an address of many colons is read in one pass', () => {
  expect(findSecret(`a://user${':'.repeat(300_000)}@host`)).toBe('a login in an address')
})
