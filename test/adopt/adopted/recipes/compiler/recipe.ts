// A draft of Dockerfile: nothing of it has been built yet.
import { apt, debian, defineRecipe, file, run } from 'stillroom'

export default defineRecipe({
  base: debian('bookworm'),
  steps: [
    // smoke test
    apt(['ca-certificates', 'gcc', 'libc6-dev', 'make', 'wget']),
    file('https://lua.example.org/ftp/lua-5.4.6.tar.gz', {
      to: '/usr/src/lua',
      sha256: '7d5ea1b9cb6aa0b59ca3dde1c6adcb57ef83a1ba8e5432c0ecd06bf439b3ad88',
      unpack: true,
      strip: 1,
    }),
    // line 27: packages are not purged, as a build wants to find those of the lock: to leave out what only the build needs, take what was made from a recipe of its own by copy()
    // line 18: it may delete files of an earlier layer: layout: 'flat' makes one layer
    run(`set +u
export LUA_VERSION=5.4.6
export LUA_SHA256=7d5ea1b9cb6aa0b59ca3dde1c6adcb57ef83a1ba8e5432c0ecd06bf439b3ad88
mkdir -p /usr/src/lua
nproc="$(nproc)"
make -C /usr/src/lua -j "$nproc" linux
make -C /usr/src/lua install
rm -r /usr/src/lua
lua -v`),
  ],
  env: {
    LUA_VERSION: '5.4.6',
    LUA_SHA256: '7d5ea1b9cb6aa0b59ca3dde1c6adcb57ef83a1ba8e5432c0ecd06bf439b3ad88',
  },
  cmd: ['lua'],
  layout: 'flat',
})
