import { BYTE_CODE_HEADER } from '../formats/python/byte-code.ts'
import { mayHoldCredentials } from './credentials.ts'
import { APPTAINER_TEXTS } from './expect/apptainer-files.ts'

/** Files that rules read: files of user accounts, package managers' state, what copies are made of. */
const READ =
  /^(etc\/(passwd|group|shadow|gshadow|subuid|subgid|shells|timezone|networks|ld\.so\.cache|ca-certificates\.conf|os-release|machine-id|apt\/sources\.list|pam\.d\/common-[\w-]+|python3\/debian_config|ssl\/certs\/ca-certificates\.crt|dpkg\/dpkg\.cfg\.d\/[^/]+)|(usr\/)?lib\/systemd\/system\/[^/]+\.(service|socket|timer|path|target)|usr\/lib\/os-release|usr\/lib\/(sysusers|tmpfiles)\.d\/[^/]+\.conf|usr\/share\/(base-passwd|pam|pam-configs|debianutils|debianutils\/shells\.d)\/[^/]+|usr\/share\/ca-certificates\/.+|var\/lib\/(dpkg\/(status|diversions|statoverride|info\/(format|[^/]+\.(preinst|postinst|config|templates|triggers))|arch|arch-native|alternatives\/[^/]+|triggers\/[^/]+)|pam\/[^/]+|apt\/extended_states|shells\.state|systemd\/deb-systemd-(?:user-)?helper-enabled\/.+)|var\/cache\/debconf\/(config|templates)\.dat|var\/log\/(btmp|wtmp|lastlog|faillog)|usr\/local\/bin\/[^/]+|usr\/bin\/[^/]+|.*\.dist-info\/(RECORD|WHEEL))$/

const LIMIT = 16 * 1024 * 1024
const PROGRAM_LIMIT = 4096

/** Whether the audit needs a regular file's content; asked for each member of each layer while an image is read. */
export function wantedByAudit(path: string, size: number): boolean {
  if (path.endsWith('.pyc')) return false
  if (APPTAINER_TEXTS.has(path)) return size <= LIMIT
  if (/^usr\/(local\/)?bin\//.test(path)) return size <= PROGRAM_LIMIT
  return (size <= LIMIT && READ.test(path)) || mayHoldCredentials(path, size)
}

/** Of byte code, the header is enough; of a library, the bytes that say it is one. */
export function headWantedByAudit(path: string): number {
  if (path.endsWith('.pyc')) return BYTE_CODE_HEADER
  return LIBRARY.test(path) ? 4 : 0
}

const LIBRARY =
  /(^|\/)lib[^/]*\/(lib|ld-)[^/]*\.so[.0-9]*$|(^|\/)lib\/[^/]+-linux-[^/]+\/(lib|ld-)[^/]*\.so[^/]*$/
