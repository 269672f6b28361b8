import { createHash } from 'node:crypto'
import { chmod, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { execa } from 'execa'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { git, makeRepository, PLAIN_ENV, type PlannedFile } from '../git/make-repository.test-data.ts'
import { gitRunner } from '../git/run-git.ts'
import { archiveProject, type PinnedTree, requireHistory, resolveProject } from './resolve-project.ts'

let root: string
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'stillroom-project-test-'))
})
afterAll(() => rm(root, { recursive: true, force: true }))

const { signal } = new AbortController()
const runner = (env: Record<string, string> = {}) => gitRunner({ env: { ...PLAIN_ENV, ...env }, signal })

const utf8 = (text: string) => Buffer.from(text).toString('latin1')
const file = (path: string, content = path): PlannedFile => ({ mode: '100644', path, content })

/** What tars and people get wrong: links, modes, sizes around blocks, names of any bytes and lengths. */
const NASTY: PlannedFile[] = [
  file('.gitattributes', '* text eol=crlf ident export-subst\nplain export-ignore\n'),
  ...[
    file('plain'),
    file('empty', ''),
    file('crlf', 'x\r\n$Id$ $Format:%H$\n'),
    file('-dash'),
    file('a/sp ace'),
  ],
  ...[file('a-b'), file('a.d/x'), file('a0'), file('a/new\nline'), file('a/tab\t"quote"\\')],
  ...[511, 512, 513, 70_000].map((size) => file(`size-${size}`, 'q'.repeat(size))),
  ...[99, 100, 101, 255].map((length) => file('n'.repeat(length))),
  file(`${'d'.repeat(90)}/${'e'.repeat(120)}/leaf`),
  file(`${'d'.repeat(90)}/leaf-of-more-than-ten`),
  ...[file('latin-\xe4'), { ...file(utf8('ä-ümlaut €')), mode: '100755' as const }],
  { mode: '100755', path: 'run', content: '#!/bin/sh\n' },
  ...[
    'plain',
    '../outside',
    't'.repeat(100),
    't'.repeat(101),
    utf8('ziel-ä'),
    utf8('ü'.repeat(60)),
    'lat-\xe4',
  ].map((target, at): PlannedFile => ({ mode: '120000', path: `l/${at}`, content: target })),
  { mode: '120000', path: utf8('l/ö'), content: 'x' },
]

/** A repository with a commit for each list of files below `recipes/r/p`, and their first tree. */
async function project(
  commits: readonly PlannedFile[][],
  init: readonly string[] = ['--bare'],
): Promise<{ directory: string; recipe: string; tree: string }> {
  const directory = await mkdtemp(join(root, 'r-'))
  const below = commits.map((files) => files.map((one) => ({ ...one, path: `recipes/r/p/${one.path}` })))
  await makeRepository(directory, below, init)
  const tree = await git(directory, ['rev-parse', `main~${commits.length - 1}:recipes/r/p`])
  return { directory, recipe: join(directory, 'recipes/r'), tree }
}

/** The same with its files checked out. */
const workTree = (files: PlannedFile[]) => project([files], [])

async function archive(
  how: ReturnType<typeof runner>,
  directory: string,
  tree: string | PinnedTree,
  epoch = 0,
): Promise<Buffer> {
  const chunks: Buffer[] = []
  const pinned = typeof tree === 'string' ? { commit: '', tree } : tree
  for await (const chunk of archiveProject(how, directory, pinned, epoch)) chunks.push(chunk)
  return Buffer.concat(chunks)
}

const sha256 = (content: Buffer) => createHash('sha256').update(content).digest('hex')

describe('archiveProject()', () => {
  it('makes the same bytes as before of names, links, modes and sizes', async () => {
    const { directory, tree } = await project([NASTY])
    expect(tree).toBe('940ee527d55b9b6ded331e8e9be7f920c6c9ffd2')
    // as tar-stream 3 packed them before: they are parts of build contexts and of saved archives
    expect(sha256(await archive(runner(), directory, tree, 1_700_000_000))).toBe(
      '6938a6ac0776332cb4f1fe8216269a84dc89d07eec28a95487e5ed243233200a',
    )
    expect(sha256(await archive(runner(), directory, tree))).toBe(
      '5db30f5bc0f72620d496673b4a311704089af8356a758fd54a4c87f14ec36af4',
    )
  })

  it('runs one git for all files', async () => {
    const { directory, tree } = await project([
      Array.from({ length: 60 }, (_, at) => file(`d${at % 7}/f${at}`)),
    ])
    const trace = join(directory, 'trace')
    await archive(runner({ GIT_TRACE2_EVENT: trace }), directory, tree)
    const started = (await readFile(trace, 'utf8'))
      .split('\n')
      .filter((line) => line.includes('"event":"start"'))
    const [exists, batch] = started.map((line) => JSON.parse(line).argv.slice(-2))
    expect(started).toHaveLength(2)
    expect(exists).toEqual(['-e', `${tree}^{tree}`])
    expect(batch).toEqual(['cat-file', '--batch'])
  })

  it('fails when the history that holds the tree is not there, and works once it is fetched', async () => {
    const { directory, tree } = await project([[file('a', 'old')], [file('a', 'new')]])
    const shallow = join(root, 'shallow')
    await git(root, ['clone', '--quiet', '--depth=1', `file://${directory}`, shallow])
    await expect(archive(runner(), shallow, tree)).rejects.toMatchObject({
      code: 'PROJECT_TREE_GONE',
      message: expect.stringContaining(tree),
      hint: expect.stringContaining('git fetch --unshallow'),
    })
    await git(shallow, ['fetch', '--quiet', '--unshallow'])
    expect(await archive(runner(), shallow, tree)).toEqual(await archive(runner(), directory, tree))
  })

  it('is not pinned by the commit at which a shallow clone ends, but by one that is known to have changed it', async () => {
    const { directory } = await project([[file('a', 'old')], [file('a', 'new')]])
    const pinOf = async (clone: string) => {
      const recipe = join(clone, 'recipes/r')
      const pinned = await resolveProject(runner(), recipe, { path: 'p' })
      await requireHistory(runner(), recipe, 'p', pinned)
      return pinned
    }
    const clone = async (name: string, ...options: string[]) => {
      await git(root, ['clone', '--quiet', ...options, `file://${directory}`, join(root, name)])
      return join(root, name)
    }
    const shallow = await clone('at-the-edge', '--depth=1')
    await expect(pinOf(shallow)).rejects.toMatchObject({
      code: 'PROJECT_TREE_GONE',
      hint: expect.stringContaining(`git -C '${shallow}/recipes/r/p' fetch --unshallow`),
    })
    await git(shallow, ['fetch', '--quiet', '--unshallow'])
    expect(await pinOf(shallow)).toEqual(await pinOf(await clone('whole')))
  })

  it('names the command that makes a repository of another owner readable', async () => {
    const { directory } = await project([[file('a')]], [])
    const another = { GIT_TEST_ASSUME_DIFFERENT_OWNER: '1' }
    await expect(
      resolveProject(runner(another), join(directory, 'recipes/r'), { path: 'p' }),
    ).rejects.toMatchObject({
      code: 'PROJECT_NOT_FOUND',
      hint: expect.stringContaining(`git config --global --add safe.directory '${directory}'`),
    })
  })

  it('fails where there is no repository', async () => {
    await expect(archive(runner(), root, 'ab'.repeat(20))).rejects.toMatchObject({
      code: 'PROJECT_TREE_GONE',
      message: expect.stringContaining('not a git repository'),
    })
  })

  it('refuses a submodule', async () => {
    const { directory, tree } = await project([
      [file('a'), { mode: '160000', path: utf8('ö'), content: 'ab'.repeat(20) }],
    ])
    await expect(archive(runner(), directory, tree)).rejects.toMatchObject({
      code: 'PROJECT_NOT_FOUND',
      message: expect.stringContaining('submodule at "ö"'),
    })
  })

  it('ends with the reason of a signal, also while git waits for an object', async () => {
    const { directory, tree } = await project([[file('a'), file('b')]])
    const id = await git(directory, ['rev-parse', 'main:recipes/r/p/b'])
    const object = join(directory, 'objects', id.slice(0, 2), id.slice(2))
    await rm(object)
    await execa('mkfifo', [object])
    const control = new AbortController()
    const how = gitRunner({ env: PLAIN_ENV, signal: control.signal })
    const work = async () => {
      for await (const chunk of archiveProject(how, directory, { commit: '', tree }, 0)) {
        if (chunk.toString() === 'a') setImmediate(() => control.abort(new Error('enough')))
      }
    }
    await expect(work()).rejects.toThrow('enough')
  })
})

describe('resolveProject()', () => {
  it('pins the commit that last changed the directory, and its tree', async () => {
    const { directory, recipe, tree } = await workTree([file('a')])
    const commit = await git(directory, ['rev-parse', 'HEAD'])
    await writeFile(join(directory, 'other'), '')
    await git(directory, ['add', 'other'])
    await git(directory, ['commit', '--quiet', '-m', 'other'])
    expect(await resolveProject(runner(), recipe, { path: 'p' })).toEqual({ kind: 'project', commit, tree })
    await writeFile(join(recipe, 'p/new'), '')
    await expect(resolveProject(runner(), recipe, { path: 'p' })).rejects.toMatchObject({
      code: 'PROJECT_DIRTY',
      details: { files: ['?? recipes/r/p/new'] },
    })
  })

  it('says what is missing', async () => {
    const { recipe } = await workTree([file('a')])
    await mkdir(join(recipe, 'empty'))
    const outside = join(root, 'outside')
    await mkdir(join(outside, 'p'), { recursive: true })
    const refusals = [
      [recipe, 'none', 'is not a directory'],
      [recipe, 'empty', 'is not committed'],
      [outside, 'p', 'is not in a git repository'],
    ] as const
    for (const [where, path, message] of refusals) {
      await expect(resolveProject(runner(), where, { path })).rejects.toMatchObject({
        code: 'PROJECT_NOT_FOUND',
        message: expect.stringContaining(message),
      })
    }
    const foreign = runner({ GIT_TEST_ASSUME_DIFFERENT_OWNER: '1' })
    await expect(resolveProject(foreign, recipe, { path: 'p' })).rejects.toMatchObject({
      code: 'PROJECT_NOT_FOUND',
      message: expect.stringContaining('dubious ownership'),
    })
  })

  it('takes a directory above the recipe, but for what is left out of it', async () => {
    const { directory, recipe } = await workTree([file('a')])
    const add = async (path: string, content: string) => {
      await mkdir(dirname(join(directory, path)), { recursive: true })
      await writeFile(join(directory, path), content)
      await git(directory, ['add', path])
      await git(directory, ['commit', '--quiet', '-m', path])
      return git(directory, ['rev-parse', 'HEAD'])
    }
    await add('src/a.py', 'a = 1\n')
    await add('data/raw/big', 'big')
    const commit = await add('data/öl', 'oil')
    const exclude = ['recipes', 'data/raw']
    const step = { path: '../..', exclude }
    const pinned = await resolveProject(runner(), recipe, step)
    expect(pinned).toMatchObject({ commit, part: { directory: '', exclude: ['data/raw', 'recipes'] } })
    const tar = await archive(runner(), directory, pinned)
    expect(
      (await execa('tar', ['-t', '--quoting-style=literal'], { input: tar })).stdout.split('\n'),
    ).toEqual(['data/öl', 'src/a.py'])
    // as git has the tree of them
    await git(directory, ['rm', '-r', '-q', '--cached', ...exclude])
    expect(pinned.tree).toBe(await git(directory, ['write-tree']))
    await git(directory, ['reset', '-q'])

    // what is left out may change, and lie there uncommitted
    await add('recipes/r/lock.json', '{}')
    await writeFile(join(directory, 'recipes/r/lock.json'), '{ }')
    const ways = runner({ GIT_LITERAL_PATHSPECS: '1' })
    expect(await resolveProject(ways, recipe, step)).toEqual(pinned)
    await writeFile(join(directory, 'data/öl'), 'more')
    await expect(resolveProject(runner(), recipe, step)).rejects.toMatchObject({ code: 'PROJECT_DIRTY' })
    await git(directory, ['checkout', '-q', '.'])

    // a clone that has the last commit alone
    const clone = await mkdtemp(join(root, 'shallow-'))
    await git(clone, ['clone', '-q', '--depth=1', `file://${directory}`, '.'])
    expect(await archive(runner(), clone, pinned)).toEqual(tar)

    await add('src/b.py', '')
    expect((await resolveProject(runner(), recipe, step)).tree).not.toBe(pinned.tree)
    expect(await archive(runner(), directory, pinned)).toEqual(tar)
    expect(await resolveProject(runner(), recipe, { path: '../../data', exclude: ['raw'] })).toMatchObject({
      commit,
      part: { directory: 'data', exclude: ['raw'] },
    })
    expect(await resolveProject(runner(), recipe, { path: '../../src' })).toEqual({
      kind: 'project',
      commit: await git(directory, ['rev-parse', 'HEAD']),
      tree: await git(directory, ['rev-parse', 'HEAD:src']),
    })
    await expect(
      archive(runner(), directory, { ...pinned, part: { directory: 'none', exclude } }),
    ).rejects.toMatchObject({ code: 'PROJECT_TREE_GONE' })
  })

  it('refuses a directory that holds the recipe, and one of another repository', async () => {
    const { directory, recipe } = await workTree([file('a')])
    const other = await mkdtemp(join(root, 'parent-'))
    await git(other, ['init', '-q'])
    await execa('mv', [directory, join(other, 'inner')])
    const moved = join(other, 'inner/recipes/r')
    for (const [path, name] of [
      ['../..', 'recipes'],
      ['..', 'r'],
    ] as const)
      await expect(resolveProject(runner(), moved, { path, exclude: ['generated'] })).rejects.toMatchObject({
        code: 'PROJECT_NOT_FOUND',
        hint: expect.stringContaining(`project('${path}', { to: ..., exclude: ['${name}', 'generated'] })`),
      })
    await expect(resolveProject(runner(), moved, { path: '../../..' })).rejects.toMatchObject({
      code: 'PROJECT_NOT_FOUND',
      message: expect.stringContaining('another git repository'),
    })
    expect(recipe).toContain(directory)
  })

  it('takes the repository that the directory is in, whatever the environment says, and runs no program', async () => {
    const { directory, recipe, tree } = await workTree([file('a')])
    const other = await workTree([file('a', 'other')])
    const ran = join(directory, '.git/ran')
    const program = join(directory, '.git/program')
    await writeFile(program, `#!/bin/sh\necho "$0 $*" >> '${ran}'\n`)
    await chmod(program, 0o755)
    const hooks = join(directory, '.git/own-hooks')
    await mkdir(hooks)
    for (const hook of ['post-index-change', 'fsmonitor-watchman']) {
      await execa('cp', [program, join(hooks, hook)])
    }
    await git(directory, ['config', 'core.fsmonitor', program])
    await git(directory, ['config', 'core.hooksPath', hooks])
    await git(directory, ['config', 'log.showSignature', 'true'])
    await git(directory, ['config', 'gpg.program', program])
    await git(directory, ['config', 'diff.external', program])
    // git looks at what the file holds, and would write that to its index
    await writeFile(join(recipe, 'p/a'), 'a')
    const env = {
      GIT_DIR: join(other.directory, '.git'),
      GIT_WORK_TREE: other.directory,
      GIT_INDEX_FILE: join(other.directory, '.git/index'),
      GIT_OBJECT_DIRECTORY: join(other.directory, '.git/objects'),
      GIT_EXTERNAL_DIFF: program,
    }
    await rm(ran, { force: true })
    expect((await resolveProject(runner(env), recipe, { path: 'p' })).tree).toBe(tree)
    expect((await archive(runner(env), recipe, tree)).includes('other')).toBe(false)
    await expect(readFile(ran)).rejects.toMatchObject({ code: 'ENOENT' })
    // the programs would have run
    await git(directory, ['status'])
    expect(await readFile(ran, 'utf8')).toContain('program')
  })

  it('sees what is committed through the filters and attributes that the user has set up', async () => {
    const { recipe } = await workTree([file('a.txt', 'UPPER')])
    const attributes = join(root, 'attributes')
    const config = join(root, 'config')
    await writeFile(attributes, '*.txt filter=upper\n')
    await writeFile(
      config,
      `[core]\n\tattributesFile = ${attributes}\n[filter "upper"]\n\tclean = tr a-z A-Z\n`,
    )
    await writeFile(join(recipe, 'p/a.txt'), 'upper')
    await expect(resolveProject(runner(), recipe, { path: 'p' })).rejects.toMatchObject({
      code: 'PROJECT_DIRTY',
    })
    expect(await resolveProject(runner({ GIT_CONFIG_GLOBAL: config }), recipe, { path: 'p' })).toMatchObject({
      kind: 'project',
    })
  })
})
