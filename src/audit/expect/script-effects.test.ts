import { expect, test } from 'vitest'
import { treeOf } from '../../inventory/tree.test-data.ts'
import { ScriptEffects } from './script-effects.ts'

/** vdr's in Debian 12: its configuration is what symlinks in its home lead to. */
const SCRIPT = `
USER=vdr
GROUP=vdr
if [ -e /var/lib/vdr ] ; then
    chown $USER:$GROUP /var/lib/vdr
    chown $USER:$GROUP /var/lib/vdr/* > /dev/null 2>&1 || true
fi
chown -h $USER:$GROUP /opt/own/*
chown -R $USER:$GROUP /opt/deep
chmod 600 /opt/one
`

test('chown and chmod change what the symlinks lead to that they are given, unless they are told not to', async () => {
  const link = (name: string, linkname: string) => ({ name, type: 'symlink' as const, linkname })
  const tree = await treeOf(
    [
      ['etc/passwd', 'root:x:0:0::/:/bin/sh\nvdr:x:101:102::/:/bin/false\n'],
      ['etc/group', 'root:x:0:\nvdr:x:102:\n'],
      ...['scr.conf', 'own', 'deep', 'one', 'other'].map((name): [string, string] => [`etc/vdr/${name}`, '']),
      link('var/lib/vdr/scr.conf', '/etc/vdr/scr.conf'),
      link('var/lib/vdr/gone', '/etc/vdr/gone'),
      link('opt/own/x', '/etc/vdr/own'),
      link('opt/deep/x', '/etc/vdr/deep'),
      link('opt/one', '../etc/vdr/one'),
    ],
    { keep: (path) => path.startsWith('etc/') },
  )
  const effects = new ScriptEffects(tree, [{ name: 'vdr', texts: [SCRIPT] }], (path) => path)
  const states = (path: string) => effects.states(path, { mode: 0o644, uid: 0, gid: 0 })
  const owned = [{ mode: 0o644, uid: 101, gid: 102 }]
  expect(states('etc/vdr/scr.conf')).toEqual(owned)
  expect(states('var/lib/vdr/scr.conf')).toEqual(owned)
  expect(states('etc/vdr/one')).toEqual([{ mode: 0o600, uid: 0, gid: 0 }])
  for (const name of ['own', 'deep', 'other']) expect(states(`etc/vdr/${name}`), name).toEqual([])
})
