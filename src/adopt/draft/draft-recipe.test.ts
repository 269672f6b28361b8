import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import { describe, expect, it, test } from 'vitest'
import { rounds } from '../../../test/support/nightly.ts'
import { type DraftOptions, draftRecipes } from './draft-recipe.ts'
import { exportedRecipe } from './exported-recipe.test-data.ts'
import { nastyText } from './nasty-text.test-data.ts'
import { recipeOf } from './recipe-draft.ts'
import { quote, writeRecipe } from './write-recipe.ts'

/** The recipe of the last stage. */
function draftRecipe(text: string, options: Omit<DraftOptions, 'name'>) {
  return draftRecipes(text, { name: 'new', ...options }).at(-1) ?? expect.unreachable()
}

const ROOT = new URL('../../../', import.meta.url).pathname
const SAMPLES = join(ROOT, 'test/adopt/dockerfiles')
const names = globSync('*/Dockerfile', { cwd: SAMPLES })
  .map((path) => path.replace('/Dockerfile', ''))
  .sort()
const sample = (name: string) => readFileSync(join(SAMPLES, name, 'Dockerfile'), 'utf8')

function contextOf(name: string) {
  return (path: string) => {
    try {
      return readFileSync(join(SAMPLES, name, path), 'utf8')
    } catch {
      return undefined
    }
  }
}

describe('draftRecipe()', () => {
  it.each(names)('drafts %s', async (name) => {
    const recipes = draftRecipes(sample(name), { name, path: 'Dockerfile', contextFile: contextOf(name) })
    for (const { name: own, source, recipe } of recipes) {
      await expect(source).toMatchFileSnapshot(join(ROOT, `test/adopt/adopted/recipes/${own}/recipe.ts`))
      expect(JSON.stringify(exportedRecipe(source))).toBeDefined()
      expect(recipe.steps.length).toBe((exportedRecipe(source) as { steps?: unknown[] }).steps?.length ?? 0)
    }
  })

  const refused: [string, string, number][] = [
    ['FROM alpine AS a\nFROM debian\nCOPY --from=a /x /x\n', 'alpine is not Debian', 1],
    ['FROM scratch AS a\nFROM a\n', 'a recipe begins with packages of Debian', 1],
    ['RUN x\n', 'there is no FROM', 1],
    ['\nFROM python:3.11-alpine\n', 'python:3.11-alpine is not Debian, Ubuntu or alike', 2],
    ['FROM scratch\n', 'a recipe begins with packages of Debian', 1],
    ['ARG X\nFROM $X\n', 'is only known with --build-arg', 2],
    [`FROM debian:12\nRUN ${'pip install x; '.repeat(1001)}\n`, 'it has more than 1000 steps', 2],
  ]
  it.each(refused)('refuses %j, with its place', (text, reason, line) => {
    const error = refusal(text)
    expect(error).toMatchObject({ code: 'DOCKERFILE_UNADOPTABLE', details: { line } })
    expect((error as Error).message).toContain(reason)
  })

  it.each(globSync('generated/*/Dockerfile', { cwd: ROOT }))('refuses %s: its recipe is there', (path) =>
    expect(refusal(readFileSync(join(ROOT, path), 'utf8'))).toMatchObject({ code: 'DOCKERFILE_UNADOPTABLE' }),
  )

  it('has the environment, the shell and the steps of a stage that another stands on, however deep', () => {
    const text = [
      ...['FROM debian:12 AS a', 'ENV X=1', 'SHELL ["/bin/bash", "-c"]', 'FROM a AS b', 'ENV Y=2'],
      ...['FROM b', 'RUN echo $X$Y > /x'],
    ]
    const { recipe } = draftRecipe(text.join('\n'), { path: 'Dockerfile' })
    expect(recipe.env).toEqual({ X: '1', Y: '2' })
    expect(recipe.steps).toMatchObject([{ command: expect.stringMatching(/bash[\s\S]*X=1[\s\S]*Y=2/) }])
  })

  it.each<[string, string, unknown]>([
    ['a file to a path', '/src/a /usr/local/bin/b', { path: '/src/a', to: '/usr/local/bin/b' }],
    ['a directory by its name', '/src/ /opt/x/', { path: '/src', to: '/opt/x' }],
    ['a directory to one of that name', '/src/out /srv/out/', { path: '/src/out', to: '/srv/out' }],
    [
      'what may be a file to a directory',
      '/src/a /usr/local/bin',
      { path: '/opt/stillroom-files/1', to: '/usr/local/bin' },
    ],
    ['a pattern', '/src/*.so /usr/lib/', { path: '/opt/stillroom-files/1', to: '/usr/lib' }],
    ['several', '/a /b ./', { path: '/opt/stillroom-files/1', to: '/work' }],
  ])('takes %s from another stage', (_, words, step) => {
    const text = `FROM debian:12 AS One\nRUN make\nFROM debian:12\nWORKDIR /work\nCOPY --from=one ${words}\n`
    const [other, own] = draftRecipes(text, { name: 'new', path: 'Dockerfile' })
    expect(own?.recipe.steps).toMatchObject([
      { kind: 'copy', from: { name: 'new-one' }, ...(step as object) },
    ])
    expect(other?.name).toBe('new-one')
  })

  it('copies what another stage is mounted for, installs wheels of it, and takes uv from its wheel', () => {
    const mounted = (run: string) => {
      const text = `FROM python:3.11 AS made\nRUN pip wheel -w /wheels six && echo x > /made.conf\nFROM python:3.11-slim\n${run}\n`
      return draftRecipes(text, { name: 'new', path: 'Dockerfile' }).at(-1)
    }
    const bind = '--mount=type=bind,from=made,'
    const wheels = mounted(
      `RUN ${bind}source=/wheels,target=/wheels pip install --no-index --find-links=/wheels /wheels/*.whl`,
    )
    expect(wheels?.recipe.steps.map(({ kind }) => kind)).toEqual(['apt', 'pip'])
    const file = mounted(`RUN ${bind}source=/made.conf,target=/etc/made.conf cat /etc/made.conf > /srv/made`)
    expect(file?.recipe.steps.map(({ kind }) => kind)).toEqual(['apt', 'copy', 'run'])
    const uv = mounted(
      'COPY --from=registry.example.org/astral-sh/uv:0.5.11 /uv /bin/\nRUN --mount=from=registry.example.org/astral-sh/uv,source=/uv,target=/bin/uv uv pip install --system six',
    )
    expect(uv?.recipe.steps.slice(1)).toMatchObject([
      { kind: 'pip', requirements: ['uv==0.5.11'] },
      { kind: 'pip', requirements: ['six'] },
    ])
    expect([wheels, file, uv].flatMap((each) => each?.notes.filter(({ kind }) => kind === 'todo'))).toEqual(
      [],
    )
  })

  it('leaves out stages that nothing is taken from, and says what no copy step has', () => {
    const text =
      'FROM alpine AS lint\nFROM debian:12 AS one\nFROM debian:12\nCOPY --from=one --parents /a /b\n'
    const [other, ...more] = draftRecipes(text, { name: 'new', path: 'Dockerfile' })
    expect([other.name, more]).toEqual(['new', []])
    expect(other.notes).toMatchObject([
      { kind: 'todo', line: 4, text: expect.stringMatching(/no --parents/) },
    ])
  })

  it('takes --suite and --build-arg', () => {
    const text = 'ARG TAG\nFROM ubuntu:$TAG\nARG P\nRUN apt-get install -y $P\n'
    const options = { path: 'Dockerfile', buildArgs: { TAG: '20.04', P: 'jq git' } }
    const { recipe } = draftRecipe(text, options)
    expect([recipe.base, recipe.steps[0]]).toMatchObject([
      { kind: 'image', reference: 'ubuntu:20.04' },
      { kind: 'apt', packages: ['jq', 'git'] },
    ])
    expect(draftRecipe(text, { ...options, suite: 'trixie' }).recipe.base).toEqual({
      kind: 'debian',
      suite: 'trixie',
    })
  })

  it('gives modes and owners to what was copied, and to nothing else in its directory', () => {
    const commands = (text: string) =>
      draftRecipe(text, { path: 'Dockerfile' }).recipe.steps.flatMap((step) =>
        step.kind === 'run' ? [step.command] : [],
      )
    expect(commands('FROM debian:12\nCOPY --chmod=755 a.sh b.sh /\n').at(-1)).toBe('chmod 755 /a.sh /b.sh')
    expect(commands('FROM debian:12\nCOPY --chmod=755 bin/ /opt/app/\n').at(-1)).toBe('chmod -R 755 /opt/app')
    expect(commands('FROM debian:12\nCOPY --chmod=755 bin/ /usr/\n').join()).not.toContain('chmod')
    const taken =
      'FROM debian:12 AS a\nRUN make\nFROM debian:12\nCOPY --from=a --chown=me --chmod=700 /x/ /usr/\n'
    expect(commands(taken).join('\n')).not.toMatch(/(chmod|chown) .* \/usr$/m)
  })

  it.each([
    ['RUN <<EOF bash -ex\napt-get update\napt-get install -y --no-install-recommends jq\nEOF'],
    ['RUN bash -eux <<"EOF"\napt-get install -y --no-install-recommends jq\nEOF'],
    ['RUN bash -c "apt-get install -y --no-install-recommends jq"'],
    ['RUN m="$(apt-mark showmanual)"; apt-get install -y --no-install-recommends jq; apt-mark auto ".*"'],
    ['RUN n=$(nproc) && apt-get update && apt-get install -y --no-install-recommends jq'],
    [
      'RUN for i in 1 2 3; do apt-get update && apt-get install -y --no-install-recommends jq && break; sleep 5; done',
    ],
    ['RUN until apt-get install -y --no-install-recommends jq; do sleep 1; done'],
    ['RUN for p in jq; do apt-get install -y --no-install-recommends $p; done'],
    ['RUN (apt-get update; apt-get install -y --no-install-recommends jq)'],
    ['RUN umask 022; ulimit -n 1024; apt-get install -y --no-install-recommends jq && apt-get purge -y gcc'],
    [
      `RUN a=$(uname -m); case "$a" in x86_64) b=1 ;; *) exit 1 ;; esac; \\
 apt-get install -y --no-install-recommends jq`,
    ],
  ])('finds packages in %j', (text) => {
    const { recipe, notes } = draftRecipe(`FROM debian:12\n${text}\n`, { path: 'Dockerfile' })
    expect(recipe.steps).toEqual([{ kind: 'apt', packages: ['jq'], recommends: false }])
    expect(notes.filter(({ kind }) => kind === 'todo')).toEqual([])
  })

  it.each([
    'xargs -a /p/names.txt apt-get install -y --no-install-recommends',
    'apt-get install -y --no-install-recommends $(grep -vE "^\\s*#" /p/names.txt | tr "\\n" " ")',
    "cat /p/names.txt | grep -v '^#' | xargs -r apt-get install -y --no-install-recommends",
    "sed 's/#.*//' /p/names.txt | xargs apt-get install -y --no-install-recommends",
    'xargs apt-get install -y --no-install-recommends < /p/names.txt',
    'apt-get install -y --no-install-recommends $(cat /p/names.txt)',
    "apt-get install -y --no-install-recommends $(grep -vE '^\\s*#' /p/names.txt)",
  ])('finds the packages that a file of the build context names: %s', (command) => {
    const contextFile = (path: string) =>
      path === 'names.txt' ? '# tools\njq less\n\nmake # for C\n' : undefined
    const text = `FROM debian:12\nCOPY names.txt /p/\nRUN apt-get update && ${command}\n`
    const { recipe } = draftRecipe(text, { path: 'Dockerfile', contextFile })
    expect(recipe.steps.at(-1)).toEqual({ kind: 'apt', packages: ['jq', 'less', 'make'], recommends: false })
  })

  it('installs a package that lies in the image in a run step, and says what that needs', () => {
    const text =
      'FROM debian:12\nRUN wget https://example.org/x.deb && apt-get install -y ./x.deb && rm x.deb\n'
    const { recipe, notes } = draftRecipe(text, { path: 'Dockerfile' })
    expect(recipe.steps).toMatchObject([
      { kind: 'file', to: '/x.deb' },
      { kind: 'run', command: expect.stringContaining('apt-get install -y ./x.deb') },
    ])
    expect(notes.map((note) => note.text)).toContain(
      'what the package depends on must be there: name it in an apt step before',
    )
  })

  it('takes no package from a branch, and none whose name only running it tells', () => {
    for (const text of [
      'if [ -e /x ]; then apt-get install -y jq; fi',
      'for p in $(ls /p); do apt-get install -y $p; done',
    ]) {
      const { recipe, notes } = draftRecipe(`FROM debian:12\nRUN ${text}\n`, { path: 'Dockerfile' })
      expect(recipe.steps).toEqual([])
      expect(notes).toMatchObject([{ kind: 'todo', line: 2 }])
    }
  })

  it('says by line what no two builds have in common, and leaves out what an installation does, too', () => {
    const text = `FROM debian:12
RUN apt-get install -y openssh-server && ssh-keygen -A && echo root:x | chpasswd
RUN openssl genrsa -out /etc/key.pem
RUN head -c 9 /dev/urandom > /etc/id; date > /etc/built
`
    const { recipe, notes } = draftRecipe(text, { path: 'Dockerfile' })
    expect(notes.map(({ line, text }) => `${line}: ${text}`)).toEqual([
      '2: keys of a host are no part of an image: run ssh-keygen -A when a container starts',
      expect.stringMatching(/^2: everybody who has the image has this password/),
      expect.stringMatching(/^3: openssl genrsa makes a key/),
      expect.stringMatching(/^4: \/dev\/urandom is another in each build/),
    ])
    expect(JSON.stringify(recipe.steps)).not.toContain('ssh-keygen')
  })

  it.each([
    'python3 -m spacy download en_core_web_sm',
    `python -c "import nltk; nltk.download('punkt')"`,
    `python3 -c 'from transformers import pipeline, AutoModel; AutoModel.from_pretrained("x")'`,
    'huggingface-cli download team/model',
    'aws s3 cp s3://bucket/file /data',
    `julia -e 'using Pkg; Pkg.add("JSON")'`,
  ])('knows that %j asks the network', (command) => {
    const { recipe, notes } = draftRecipe(`FROM debian:12\nRUN ${command}\n`, { path: 'Dockerfile' })
    expect(recipe.steps).toEqual([])
    expect(notes).toMatchObject([{ kind: 'todo', text: expect.stringContaining('needs the network') }])
  })

  it('brings time zones where they are used, and where no step has brought them', () => {
    const packages = (lines: string) => {
      const { recipe } = draftRecipe(`FROM debian:12\n${lines}\n`, { path: 'Dockerfile' })
      return recipe.steps.map((step) => (step.kind === 'apt' ? step.packages.join() : step.kind))
    }
    const link = 'RUN ln -fs /usr/share/zoneinfo/Asia/Tokyo /etc/localtime'
    expect(packages(link)).toEqual(['tzdata', 'run'])
    expect(packages(`RUN apt-get install -y tzdata\n${link}`)).toEqual(['tzdata', 'run'])
    expect(packages('ENV TZ=Asia/Tokyo\nRUN apt-get install -y jq')).toEqual(['tzdata', 'jq'])
    expect(packages('RUN apt-get install -y jq')).toEqual(['jq'])
  })

  it('places a file that pip reads where a later command needs it, and deletes none that is not placed', () => {
    const steps = (command: string) => {
      const text = `FROM python:3.11\nWORKDIR /app\nCOPY requirements.txt .\nRUN pip install -r requirements.txt\nRUN ${command}\n`
      const options = { path: 'Dockerfile', contextFile: () => 'six==1.16.0\n' }
      return draftRecipe(text, options).recipe.steps.map(({ kind }) => kind)
    }
    expect(steps('rm requirements.txt')).toEqual(['apt', 'pip'])
    expect(steps('grep six requirements.txt > used')).toEqual(['apt', 'project', 'pip', 'run'])
  })

  it('keeps what is asked of the machine with each step that may need it', () => {
    const text =
      'FROM debian:12\nRUN a=$(uname -m); if [ "$a" = x ]; then b=1; fi; apt-get install -y jq; echo $a $b > /x\n'
    expect(draftRecipe(text, { path: 'Dockerfile' }).recipe.steps.at(-1)).toMatchObject({
      command: expect.stringMatching(/a=\$\(uname -m\)\nif .*; fi\necho \$a \$b > \/x$/),
    })
  })

  it('goes on behind a loop whose variables nothing else needs', () => {
    const text = 'FROM debian:12\nRUN for f in /a/*; do n=$f; gzip $n; done; apt-get install -y jq\n'
    const { recipe } = draftRecipe(text, { path: 'Dockerfile' })
    expect(recipe.steps.map(({ kind }) => kind)).toEqual(['run', 'apt'])
  })

  it('writes no step that asks the network from a here-document', () => {
    const { recipe } = draftRecipe('FROM debian:12\nRUN <<EOF bash\nx=$HOME; apt-get install -y jq\nEOF\n', {
      path: 'Dockerfile',
    })
    expect(recipe.steps).toEqual([])
  })

  it('keeps clones and archives of places that are emptied, and puts them there for the step that needs them', () => {
    const text = `FROM debian:12\nRUN cd /tmp && git clone -b v1 https://example.org/a.git && cd a && make install
RUN curl -L https://example.org/b.tar.gz | tar xz -C /tmp/b && make -C /tmp/b install\n`
    const { recipe, notes } = draftRecipe(text, { path: 'Dockerfile' })
    expect(recipe.steps).toMatchObject([
      { kind: 'git', to: '/opt/downloads/a' },
      { command: expect.stringMatching(/^mkdir -p \/tmp\/a && cp -R \/opt\/downloads\/a\/\. \/tmp\/a\n/) },
      { kind: 'file', to: '/opt/downloads/b', unpack: true },
      { command: expect.stringMatching(/^mkdir -p \/tmp\/b && cp -R \/opt\/downloads\/b\/\. \/tmp\/b\n/) },
    ])
    expect(notes).toEqual([])
  })

  it('makes its user and group once, and leaves no virtual environment that it is not in', () => {
    const text = [
      ...['FROM debian:12', 'RUN groupadd me --gid=1000 && useradd -g me --uid=1000 me'],
      ...['RUN python3 -m venv /v && . /v/bin/activate && pip install six && deactivate', 'USER me'],
    ]
    const { recipe } = draftRecipe(text.join('\n'), { path: 'Dockerfile' })
    expect(recipe.steps).toMatchObject([
      { command: expect.stringContaining('-m venv') },
      { kind: 'apt', packages: ['python3-pip'], recommends: false },
      { kind: 'pip' },
    ])
  })

  it('knows the account by its number, sections by their names, and an ARG that nobody gives', () => {
    const text = [
      ...['ARG S', 'FROM debian:${S:-bookworm}', 'ARG N=1001', 'RUN useradd -m -u $N me', 'USER $N'],
      ...[
        'USER root',
        "RUN sed -i 's/main/main contrib/' /etc/apt/sources.list.d/debian.sources",
        'USER 1001',
      ],
    ]
    const { recipe, notes } = draftRecipe(text.join('\n'), { path: 'Dockerfile' })
    expect(recipe.user).toMatchObject({ name: 'me', uid: 1001 })
    expect(recipe.base).toEqual({ kind: 'debian', suite: 'bookworm', components: ['main', 'contrib'] })
    expect(notes).toEqual([])
  })

  it('makes one layer when a step deletes what an earlier step placed', () => {
    const text =
      'FROM debian:12\nADD https://example.org/a.txt /usr/src/\nRUN mkdir -p /usr/src && rm -r /usr/src\n'
    expect(draftRecipe(text, { path: 'Dockerfile' }).recipe.layout).toBe('flat')
  })

  it('takes words that are names in JavaScript, and names that no shell has, for what they are', () => {
    const text = 'FROM debian:constructor\nARG A)\nENV B)=c\nRUN __proto__ toString constructor "$A"\n'
    const { recipe } = draftRecipe(text, { path: 'Dockerfile' })
    expect(recipe.base).toEqual({ kind: 'image', reference: 'debian:constructor' })
    expect(recipe.steps).toMatchObject([
      { command: expect.stringContaining('__proto__ toString constructor') },
    ])
  })

  it('places thousands of files', () => {
    const files = Array.from({ length: 4000 }, (_, i) => `f${i}.txt`).join(' ')
    const { recipe } = draftRecipe(`FROM debian:12\nCOPY ${files} /opt/x/\n`, { path: 'Dockerfile' })
    expect(recipe.steps).toEqual([{ kind: 'project', path: 'files/opt-x', to: '/opt/x' }])
  })

  it('leaves out what no recipe may have, and says so', () => {
    const text =
      'FROM debian:12\nRUN apt-get install -y Not_A_Package\nEXPOSE 0\nENV __proto__=x\nCMD ["a\\nb"]\nVOLUME /\n'
    const { source, recipe, notes } = draftRecipe(text, { path: 'Dockerfile' })
    expect([recipe.steps, recipe.expose, recipe.cmd, recipe.volumes]).toEqual([[], [], undefined, []])
    expect(notes.filter(({ kind }) => kind === 'todo')).toHaveLength(5)
    expect(exportedRecipe(source)).toBeDefined()
  })
})

function refusal(text: string): unknown {
  try {
    draftRecipe(text, { path: 'Dockerfile' })
    return undefined
  } catch (error) {
    return error
  }
}

test('writeRecipe() of any strings is source of the same strings', () => {
  fc.assert(
    fc.property(fc.array(nastyText, { minLength: 12, maxLength: 12 }), (all) => {
      const [a = '', b = '', c = '', d = '', e = '', f = '', g = '', h = '', i = '', j = '', k = '', l = ''] =
        all
      const own = (key: string, value: string) => (key === '__proto__' ? {} : { [key]: value })
      const at = { line: 1, column: 1 }
      const draft = {
        comments: [a, b],
        base: { kind: 'image' as const, reference: c },
        entries: [
          { at, comments: [d], step: { kind: 'run' as const, command: e } },
          { at, comments: [], step: { kind: 'apt' as const, packages: [f, g], recommends: true } },
          { at, comments: [h], step: { kind: 'git' as const, url: i, ref: j, to: k, submodules: true } },
          {
            at,
            comments: [],
            step: { kind: 'file' as const, url: l, sha256: a, to: b, unpack: true, strip: 2, mode: c },
          },
          { at, comments: [d], step: undefined },
          {
            at,
            comments: [],
            step: {
              kind: 'pip' as const,
              requirements: [],
              files: [e],
              constraints: [f],
              constraintFiles: [g],
              index: h,
              local: [{ path: i, editable: true, extras: [j] }],
            },
          },
          { at, comments: [], step: { kind: 'project' as const, path: k, to: l } },
          {
            at,
            comments: [],
            step: { kind: 'copy' as const, from: { kind: 'recipe' as const, name: a }, path: b, to: c },
          },
        ],
        env: own(a, b),
        labels: own(c, d),
        user: { name: e, uid: 1, home: f, shell: g },
        workdir: h,
        entrypoint: [i],
        cmd: [j, k],
        expose: [l],
        volumes: [a],
        tasks: { t: { description: b, command: [c] } },
        trailing: [d],
      }
      const found = JSON.parse(JSON.stringify(exportedRecipe(writeRecipe(draft)))) as {
        steps: Record<string, unknown>[]
      }
      const wanted = JSON.parse(JSON.stringify(recipeOf(draft)))
      // defaults that the functions fill in
      const bare = (value: Record<string, unknown>) => ({ ...value, lfs: undefined, constraints: undefined })
      expect(found.steps.map(bare)).toEqual(wanted.steps.map(bare))
      // what is empty is not written
      expect({ env: {}, labels: {}, ...found, steps: [] }).toEqual({ ...wanted, steps: [] })
    }),
    { numRuns: rounds(500, 5000) },
  )
})

test('quote() gives a literal of the same string, all of it visible', () => {
  fc.assert(
    fc.property(nastyText, (text) => {
      expect(new Function(`return ${quote(text)}`)()).toBe(text)
      expect(quote(text)).not.toMatch(/[\p{Cc}\p{Cf}\u2028\u2029]/u)
    }),
    { numRuns: rounds(500, 5000) },
  )
})
