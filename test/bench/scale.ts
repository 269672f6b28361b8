import { mkdir, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { settledUsage, total } from './disk.ts'
import type { Measurement } from './measure.ts'
import { ownMachine } from './own-machine.ts'

const ROOT = join(import.meta.dirname, '../..')

/** What all of the recipes have, and what each has for itself. */
const SHARED = ['python3', 'python3-numpy', 'gcc', 'git', 'curl']
const OWN = `
jq tree file bc rsync zip sqlite3 gnuplot-nox
arj ascii bison cabextract calc ccache cloc cmark colordiff cowsay cpio cppcheck cscope datamash dc
gddrescue dialog diffstat dos2unix ed entr exif fdupes figlet flex fzf gawk gettext-base gifsicle
git-lfs gperf graphviz help2man htop indent inotify-tools ipcalc jo jpegoptim lbzip2 lftp
libarchive-tools lrzip lsof lz4 lzip lzop m4 mdp miller moreutils most ncdu netcat-openbsd
ninja-build optipng p7zip-full parallel patchutils pbzip2 pigz plzip pngcrush poppler-utils psmisc
pv qpdf ragel re2c recode rename ripgrep rlwrap screen sharutils socat sox stow strace time tmux
toilet unzip uuid wdiff xxhash xxd yasm zstd universal-ctags pdfgrep silversearcher-ag
`
  .trim()
  .split(/\s+/)

/**
 * Recipes that share their base and most of their packages: what each of them after the first adds to the disk, of what the first took;
 * and what a night takes for all of them, of one's time for each.
 *
 * @param count how many recipes; at most 100
 */
export function scaleMeasurement(part: string, scratch: string, count: number): Measurement {
  const own = OWN.slice(0, count)
  return {
    part,
    run: async () => {
      const project = join(scratch, part)
      await mkdir(join(project, 'node_modules'), { recursive: true })
      await symlink(ROOT, join(project, 'node_modules/stillroom'))
      await writeFile(join(project, 'package.json'), '{ "type": "module" }\n')
      for (const name of own) {
        await mkdir(join(project, 'recipes', name), { recursive: true })
        await writeFile(
          join(project, 'recipes', name, 'recipe.ts'),
          `import { apt, debian, defineRecipe } from 'stillroom'\n\n` +
            `export default defineRecipe({ base: debian('bookworm'), steps: [apt(${JSON.stringify(SHARED)}), apt(['${name}'])] })\n`,
        )
      }
      await using machine = await ownMachine()
      const stillroom = (...args: string[]) => machine.stillroom('-C', project, ...args)
      const make = async (name: string) => {
        await stillroom('lock', 'recipe', name)
        return seconds(() => stillroom('build', 'recipe', name))
      }
      const [first = '', ...others] = own
      const built = [await make(first)]
      const one = await settledUsage(machine)
      for (const name of others) built.push(await make(name))
      const all = await settledUsage(machine)
      const oneNight = await seconds(() => stillroom('verify', 'recipe', first))
      const allNight = await seconds(() => stillroom('verify', 'recipe', '--all'))
      const added = (total(all) - total(one)) / others.length
      return [
        {
          what: `disk: each of ${others.length} recipes more, of the first`,
          value: added / total(one),
          atMost: 0.5,
          parts: Object.fromEntries(
            Object.entries(all).map(([name, bytes]) => [name, bytes - (one[name] ?? 0)]),
          ),
        },
        {
          what: `build of a recipe more, of the first's time`,
          value: built.slice(1).reduce((sum, each) => sum + each, 0) / others.length / (built[0] ?? 0),
          atMost: 0.5,
          parts: Object.fromEntries(own.map((name, i) => [name, built[i] ?? 0])),
        },
        {
          what: `verify recipe --all of ${count}, of one's time for each`,
          value: allNight / oneNight / count,
          atMost: 1.1,
          parts: { one: oneNight, all: allNight },
        },
      ]
    },
  }
}

async function seconds(run: () => Promise<unknown>): Promise<number> {
  const started = performance.now()
  await run()
  return (performance.now() - started) / 1000
}
