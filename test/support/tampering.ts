import { readFileSync } from 'node:fs'

const LOCK = readFileSync(new URL('../../recipes/hello/lock.json', import.meta.url), 'utf8')

/** What the lock has after that, as far as `what` matches. */
function locked(start: string, what: RegExp): string {
  const [, text] = new RegExp(`${start}(${what.source})`).exec(LOCK) ?? []
  if (text === undefined) throw new Error(`hello's lock has no ${start}`)
  return text
}

const ZLIB = `/usr/lib/x86_64-linux-gnu/libz.so.${locked('"zlib1g", "version": "1:', /[0-9]+(?:\.[0-9]+)*/)}`
const PYTHON_DIRECTORY = `/usr/lib/${locked('"name": "', /python3\.[0-9]+/)}`
const PYTHON_PROGRAM = PYTHON_DIRECTORY.replace('/lib/', '/bin/')
const WHEELS = `${PYTHON_DIRECTORY.replace('/usr/', '/usr/local/')}/dist-packages`
const COWSAY = locked('"name": "cowsay", "version": "', /[0-9.]+/)

/** One way to tamper with the image of hello, and all that an audit must say of it. */
export interface Tampering {
  name: string
  /** Run by a shell as root in a container of the image. */
  script?: string
  /** Run instead, and told by the image's history. */
  command?: string[]
  /** Instructions for `docker commit --change`. */
  changes?: string[]
  /** `RULE SUBJECT` of each finding but those on the image's identity. */
  expected: string[]
}

const PYTHON = '/usr/lib/python3/dist-packages/pip'
const CACHE = `${PYTHON}/__pycache__`

/** A wheel made on the spot, so that no index is asked. */
const WHEEL = `import zipfile
with zipfile.ZipFile('/tmp/evil-1.0-py3-none-any.whl', 'w') as wheel:
    wheel.writestr('evil.py', 'print("here")\\n')
    wheel.writestr('evil-1.0.dist-info/METADATA', 'Metadata-Version: 2.1\\nName: evil\\nVersion: 1.0\\n')
    wheel.writestr('evil-1.0.dist-info/WHEEL', 'Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n')
    wheel.writestr('evil-1.0.dist-info/RECORD', 'evil.py,,\\nevil-1.0.dist-info/METADATA,,\\nevil-1.0.dist-info/WHEEL,,\\nevil-1.0.dist-info/RECORD,,\\n')
`

/** The library's last byte, with its size and time as before. */
const LIBRARY = `import glob, os
path = os.path.realpath(glob.glob('/usr/lib/x86_64-linux-gnu/libz.so.1.*')[0])
times = os.stat(path)
data = bytearray(open(path, 'rb').read())
data[-1] ^= 1
open(path, 'wb').write(data)
os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))
`

/** A checkout of one file, which is not as the index says. */
const CHECKOUT = `import hashlib, os, struct
os.makedirs('/opt/app/.git/refs/heads')
os.chdir('/opt/app')
old, new = b'print(1)\\n', b'print(2)\\n'
name = hashlib.sha1(b'blob %d\\0' % len(old) + old).digest()
entry = struct.pack('>10I', 0, 0, 0, 0, 0, 0, 0o100644, 0, 0, len(old)) + name + struct.pack('>H', 7) + b'tool.py'
index = b'DIRC' + struct.pack('>2I', 2, 1) + entry + b'\\0' * (8 - len(entry) % 8)
for path, data in [
    ('tool.py', new),
    ('.git/index', index + hashlib.sha1(index).digest()),
    ('.git/HEAD', b'ref: refs/heads/main\\n'),
    ('.git/refs/heads/main', b'1' * 40 + b'\\n'),
]:
    open(path, 'wb').write(data)
`

/** What dpkg leaves, which a build removes. */
const LOGS = ['file-unexplained /var/lib/dpkg/status-old', 'file-unexplained /var/log/dpkg.log']

/** What the programs that change accounts leave. */
const backups = (...names: string[]) => [
  'file-unexplained /etc/.pwd.lock',
  ...names.map((name) => `file-unexplained /etc/${name}-`),
]

const python = (text: string) => `python3 -B - <<'END'\n${text}END`

export const TAMPERINGS: readonly Tampering[] = [
  {
    name: 'a package is downgraded',
    script: `mkdir -p /tmp/p/DEBIAN && dpkg -L hostname | grep -vx -e /. -e /bin | tar -C / --no-recursion -cPf - -T - | tar -C /tmp/p -xf -
dpkg-query -s hostname | grep -v '^Status:' | sed 's/^Version: .*/Version: 3.22/' > /tmp/p/DEBIAN/control
dpkg-deb -b /tmp/p /tmp/p.deb && dpkg --force-downgrade -i /tmp/p.deb && rm -r /tmp/p /tmp/p.deb`,
    expected: ['package-version deb/hostname', ...LOGS],
  },
  {
    name: 'a package is removed',
    script: 'dpkg --purge --force-depends media-types',
    expected: ['package-missing deb/media-types', ...LOGS],
  },
  {
    name: 'a wheel is added',
    script: `${python(WHEEL)}
python3 -B -m pip install --quiet --no-index --break-system-packages /tmp/*.whl && rm /tmp/*.whl`,
    expected: ['package-extra pypi/evil'],
  },
  {
    name: 'another version of a wheel',
    script: `cd ${WHEELS} && mv cowsay-${COWSAY}.dist-info cowsay-6.0.dist-info &&
sed -i s/${COWSAY}.dist-info/6.0.dist-info/ cowsay-6.0.dist-info/RECORD && sed -i 's/^Version: ${COWSAY}/Version: 6.0/' cowsay-6.0.dist-info/METADATA`,
    expected: ['package-version pypi/cowsay'],
  },
  {
    name: 'a .py is edited',
    script: `echo 'import os' >> ${PYTHON}/__init__.py`,
    expected: [`file-modified ${PYTHON}/__init__.py`],
  },
  {
    name: 'a wheel is edited, and its RECORD with it',
    script: python(`import base64, hashlib, re
root = '${WHEELS}/'
open(root + 'cowsay/main.py', 'a').write('# here\\n')
data = open(root + 'cowsay/main.py', 'rb').read()
digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b'=').decode()
record = root + 'cowsay-${COWSAY}.dist-info/RECORD'
lines = open(record).read()
open(record, 'w').write(re.sub(r'cowsay/main.py,.*', f'cowsay/main.py,sha256={digest},{len(data)}', lines))
`),
    expected: [
      `file-modified ${WHEELS}/cowsay-${COWSAY}.dist-info/RECORD`,
      `file-modified ${WHEELS}/cowsay/main.py`,
    ],
  },
  {
    name: 'a shared library is replaced, its size and time kept',
    script: python(LIBRARY),
    expected: [`file-modified ${ZLIB}`],
  },
  {
    name: 'a library and its md5 in the package database',
    script: `${python(LIBRARY)}
cd / && sum=$(md5sum ${ZLIB.slice(1)} | cut -d ' ' -f 1) &&
sed -i "s|^.*  ${ZLIB.slice(1)}$|$sum  ${ZLIB.slice(1)}|; s|^.*  ${ZLIB.slice('/usr/'.length)}$|$sum  ${ZLIB.slice('/usr/'.length)}|" var/lib/dpkg/info/zlib1g:amd64.md5sums`,
    expected: [`file-modified ${ZLIB}`, 'file-modified /var/lib/dpkg/info/zlib1g:amd64.md5sums'],
  },
  {
    name: 'byte code is swapped',
    script: `cp ${CACHE}/__main__.cpython-311.pyc ${CACHE}/__init__.cpython-311.pyc`,
    expected: [`byte-code ${CACHE}/__init__.cpython-311.pyc`],
  },
  {
    name: "byte code is swapped, its source's hash kept",
    script: python(`path = '${CACHE}/__init__.cpython-311.pyc'
data = bytearray(open(path, 'rb').read())
data[-2] ^= 1
open(path, 'wb').write(data)
`),
    expected: [`byte-code ${CACHE}/__init__.cpython-311.pyc`],
  },
  {
    name: 'a file is deleted',
    script: `rm ${PYTHON_DIRECTORY}/ssl.py`,
    expected: [`file-missing ${PYTHON_DIRECTORY}/ssl.py`],
  },
  {
    name: 'a configuration file is edited',
    script: "echo 'DIR_MODE=0777' >> /etc/adduser.conf",
    expected: ['file-modified /etc/adduser.conf'],
  },
  {
    name: 'a program is added',
    script: "printf '#!/bin/sh\\n' > /usr/bin/frobnicate && chmod 755 /usr/bin/frobnicate",
    expected: ['file-unexplained /usr/bin/frobnicate'],
  },
  {
    name: 'a program is replaced by a symlink',
    script: 'ln -sf /bin/true /usr/bin/python3',
    expected: ['file-modified /usr/bin/python3'],
  },
  {
    name: 'an alternative leads elsewhere',
    script: 'ln -sf /bin/dash /etc/alternatives/awk',
    expected: ['file-modified /etc/alternatives/awk'],
  },
  {
    name: 'a library is preloaded',
    script: 'echo /usr/lib/evil.so > /etc/ld.so.preload',
    expected: ['file-unexplained /etc/ld.so.preload'],
  },
  {
    name: 'the index of libraries leads elsewhere',
    script: `mkdir /usr/lib/evil && cp /usr/lib/x86_64-linux-gnu/libz.so.1 /usr/lib/evil/libz.so.9 && ldconfig /usr/lib/evil && rm -r /usr/lib/evil /var/cache/ldconfig/aux-cache`,
    expected: ['file-modified /etc/ld.so.cache'],
  },
  {
    name: 'a maintainer script is edited',
    script: 'echo true >> /var/lib/dpkg/info/libc6:amd64.postinst',
    expected: ['file-modified /var/lib/dpkg/info/libc6:amd64.postinst'],
  },
  {
    name: 'a certificate authority is added',
    script: `head -n 20 /etc/ssl/certs/ca-certificates.crt | tr A-M N-Z >> /etc/ssl/certs/ca-certificates.crt`,
    expected: ['file-modified /etc/ssl/certs/ca-certificates.crt'],
  },
  {
    name: 'Python may become anybody',
    script: python(`import os, struct
os.setxattr('${PYTHON_PROGRAM}', 'security.capability', struct.pack('<IIIII', 0x02000001, 1 << 7, 0, 0, 0))
`),
    expected: [`setuid ${PYTHON_PROGRAM}`],
  },
  {
    name: 'nobody needs a password',
    script: "printf 'auth\\trequired\\t\\t\\tpam_permit.so\\n' > /etc/pam.d/common-auth",
    expected: ['file-modified /etc/pam.d/common-auth'],
  },
  {
    name: 'an empty package that Python imports',
    script: `mkdir -p /usr/lib/python3/dist-packages/numpy && chgrp hello /etc/shadow && rm /etc/nsswitch.conf`,
    expected: [
      'file-missing /etc/nsswitch.conf',
      'file-mode /etc/shadow',
      'file-unexplained /usr/lib/python3/dist-packages/numpy',
    ],
  },
  {
    name: 'a user is added',
    script: 'useradd --uid 1234 --no-create-home mallory',
    expected: [
      'account /etc/group',
      'account /etc/passwd',
      'file-modified /etc/subgid',
      'file-modified /etc/subuid',
      ...backups('group', 'gshadow', 'passwd', 'shadow', 'subgid', 'subuid'),
    ],
  },
  {
    name: 'a second root',
    script: "echo 'toor:x:0:0::/root:/bin/bash' >> /etc/passwd",
    expected: ['account /etc/passwd'],
  },
  {
    name: 'a password is set',
    script: "echo 'root:secret' | chpasswd",
    expected: ['account /etc/shadow', ...backups()],
  },
  {
    name: 'the user joins a group',
    script: 'usermod -aG sudo hello',
    expected: ['account /etc/group', 'account /etc/gshadow', ...backups('group', 'gshadow')],
  },
  {
    name: 'everybody may become root',
    script: "mkdir -p /etc/sudoers.d && echo 'hello ALL=(ALL) NOPASSWD: ALL' > /etc/sudoers.d/hello",
    expected: ['file-unexplained /etc/sudoers.d/hello'],
  },
  {
    name: 'a package gets setuid',
    script: `chmod u+s ${PYTHON_PROGRAM}`,
    expected: [`setuid ${PYTHON_PROGRAM}`],
  },
  {
    name: 'a setuid shell is planted',
    script: 'cp /bin/dash /usr/local/bin/rootsh && chmod 4755 /usr/local/bin/rootsh',
    expected: ['setuid /usr/local/bin/rootsh'],
  },
  {
    name: 'a directory that everybody may write to',
    script: 'mkdir -m 777 /opt/drop',
    expected: ['world-writable /opt/drop'],
  },
  {
    name: "a package's file gets another owner",
    script: `chown hello ${PYTHON_DIRECTORY}/os.py`,
    expected: [`file-mode ${PYTHON_DIRECTORY}/os.py`],
  },
  {
    name: 'a key is planted',
    script:
      "mkdir -m 700 /root/.ssh && printf -- '-----BEGIN OPENSSH %s KEY-----\\nAAAA\\n' PRIVATE > /root/.ssh/id_ed25519",
    expected: ['credential /root/.ssh/id_ed25519', 'file-mode /root/.ssh'],
  },
  {
    name: 'somebody may log in',
    script: "mkdir -m 700 /root/.ssh && echo 'ssh-ed25519 AAAA mallory' > /root/.ssh/authorized_keys",
    expected: ['file-mode /root/.ssh', 'file-unexplained /root/.ssh/authorized_keys'],
  },
  {
    name: 'a .netrc',
    script: "echo 'machine git.example login me password hunter2' > /home/hello/.netrc",
    expected: ['credential /home/hello/.netrc'],
  },
  {
    name: 'a token in pip.conf',
    script: "printf '[global]\\nindex-url = https://me:hunter2@pypi.example/simple\\n' > /etc/pip.conf",
    expected: ['credential /etc/pip.conf'],
  },
  {
    name: 'a token in .git/config',
    script: `mkdir -p /opt/app/.git && printf '[remote "origin"]\\n\\turl = https://hunter2@git.example/app\\n' > /opt/app/.git/config`,
    expected: ['credential /opt/app/.git/config'],
  },
  {
    name: 'a login in .docker/config.json',
    script: `mkdir /root/.docker && echo '{"auths":{"registry.example":{"auth":"bWU6aHVudGVyMg=="}}}' > /root/.docker/config.json`,
    expected: ['credential /root/.docker/config.json'],
  },
  {
    name: 'a git checkout with a change',
    script: python(CHECKOUT),
    expected: ['git-modified git/opt/app'],
  },
  {
    name: 'a token in a command of the history',
    command: ['sh', '-c', 'API_TOKEN=hunter2hunter2 touch /tmp/x; rm /tmp/x'],
    expected: ['credential config/history/8'],
  },
  {
    name: 'only a time changes',
    script: `touch -d @1000000000 ${PYTHON_DIRECTORY}/os.py`,
    expected: [],
  },
  {
    name: 'a token in the environment',
    changes: ['ENV API_TOKEN=hunter2hunter2'],
    expected: ['credential config/Env/API_TOKEN'],
  },
  {
    name: 'every field of the config',
    changes: [
      'ENV LD_PRELOAD=/usr/lib/evil.so',
      'USER root',
      'ENTRYPOINT ["/bin/sh"]',
      'CMD ["sh"]',
      'WORKDIR /tmp',
      'LABEL vendor=someone',
      'EXPOSE 4444/tcp',
      'VOLUME /srv',
      'ONBUILD RUN true',
    ],
    expected: [
      'config-cmd config/Cmd',
      'config-entrypoint config/Entrypoint',
      'config-env config/Env/LD_PRELOAD',
      'config-labels config/Labels/vendor',
      'config-other config/OnBuild',
      'config-ports config/ExposedPorts',
      'config-user config/User',
      'config-volumes config/Volumes',
      'config-workdir config/WorkingDir',
    ],
  },
]
