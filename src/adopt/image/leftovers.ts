/** Files that work leaves behind, and that no image needs: by where they are, as the programs that make them document it. */
const LEFTOVERS: { what: string; match: RegExp }[] = [
  { what: 'lists and caches of apt', match: /^var\/(lib\/apt\/lists|cache\/apt)\// },
  { what: 'logs', match: /^var\/log\// },
  {
    what: 'caches',
    match: /^var\/cache\/|(^|\/)\.cache\/|(^|\/)\.ccache\/|(^|\/)\.(pytest|mypy|ruff)_cache\//,
  },
  { what: 'temporary files', match: /^(tmp|var\/tmp|run|var\/run)\// },
  { what: 'byte code of Python', match: /\.py[co]$|(^|\/)__pycache__$/ },
  {
    what: 'histories of shells and programs',
    match:
      /(^|\/)\.(bash|zsh|sh|python|node_repl|sqlite|mysql|psql|rediscli)_?history$|(^|\/)\.(lesshst|viminfo|wget-hsts|sudo_as_admin_successful)$/,
  },
  { what: 'what an editor kept', match: /(^|\/)\.[^/]+\.sw[a-p]$|(^|\/)#[^/]+#$/ },
  {
    what: "backups of the system's own files",
    match:
      /^etc\/(passwd|group|shadow|gshadow|subuid|subgid)-$|^var\/lib\/dpkg\/[^/]+-old$|^etc\/\.pwd\.lock$|^etc\/ld\.so\.cache~$/,
  },
  {
    what: 'what every machine makes for itself',
    match:
      /^(etc|var\/lib\/dbus)\/machine-id$|^etc\/(hostname|hosts|resolv\.conf)$|^\.dockerenv$|^(dev|proc|sys)(\/|$)|^var\/lib\/systemd\/random-seed$/,
  },
]

/** What kind of leftover a path is; undefined when it is none. Paths are below the root. */
export function leftoverAt(path: string): string | undefined {
  return LEFTOVERS.find(({ match }) => match.test(path))?.what
}
