import { createHash } from 'node:crypto'
import { open } from 'node:fs/promises'
import type { ArtifactContents, ContentFile, ControlMember } from '../../audit/expect/locked-contents.ts'
import { INTERPRETER } from '../../audit/expect/locked-contents.ts'
import { debControlTar, debDataTar } from '../../formats/deb/deb-archive.ts'
import { compressionOf, decompressFile } from '../../formats/decompress.ts'
import type { PythonAbi } from '../../formats/python/byte-code.ts'
import { type ReadAt, readFileAt } from '../../formats/read-at.ts'
import { BLOCK, isTarHeader } from '../../formats/tar/tar-header.ts'
import { type ZipMember, zipMembers } from '../../formats/zip.ts'
import { LayerReader } from '../../image/layer-reader.ts'
import {
  ContentHasher,
  readSourceContents,
  readTarContents,
  SOURCE_METADATA,
  sourceMetadata,
} from './contents-reader.ts'

/** Members of a .deb's control archive whose text the audit reads. */
const TEXTS = new Set(['control', 'conffiles', 'preinst', 'postinst'])

/**
 * Reads a .deb's files and what dpkg keeps of it.
 *
 * @throws {StillroomError} ARTIFACT_MISMATCH, IMAGE_INVALID when it is no .deb
 */
export async function readDeb(path: string, name: string, python?: PythonAbi): Promise<ArtifactContents> {
  await using file = await open(path)
  const [read, { size }] = [readFileAt(file), await file.stat()]
  const control = await readDebControl(read, size, name)
  return { ...(await readTarContents(debDataTar(read, size, name), python)), control }
}

/**
 * What dpkg keeps of a .deb beside its files, by the name of each.
 *
 * @throws {StillroomError} as {@link readDeb}
 */
export async function readDebControl(
  read: ReadAt,
  size: number,
  name: string,
): Promise<Record<string, ControlMember>> {
  const reader = new LayerReader({ keep: (member) => TEXTS.has(member) })
  for await (const piece of debControlTar(read, size, name)) reader.write(piece)
  reader.close()
  const control: Record<string, ControlMember> = {}
  for (const { path: member, inode } of reader.entries) {
    if (inode.type !== 'file') continue
    const { size, sha256, content } = inode
    control[member] = { size, sha256, ...(content === undefined ? {} : { text: content.toString('latin1') }) }
  }
  return control
}

/**
 * Reads a zip, or a tar: plain, or compressed by gzip, xz or zstd. What is none of them has no files, as far as the
 * audit can tell.
 */
export async function readArchive(path: string, python?: PythonAbi): Promise<ArtifactContents> {
  await using file = await open(path)
  const [read, { size }] = [readFileAt(file), await file.stat()]
  const head = await read(0, Math.min(size, BLOCK))
  if (head.toString('latin1', 0, 2) === 'PK') return readZip(path, python, isExecutable)
  const isTar = compressionOf(head) !== undefined || isTarHeader(head)
  return isTar ? await readSourceContents(decompressFile(read, size), python) : { files: [] }
}

/** Reads a wheel's files, its RECORD and its entry points (PyPA "Binary distribution format"). */
export async function readWheel(path: string, python?: PythonAbi): Promise<ArtifactContents> {
  return readZip(path, python, isExecutableInWheel)
}

/** As pip has it: only what the archive itself calls a regular file is ever made executable. */
const isExecutableInWheel = (mode: number) => (mode & 0o170000) === 0o100000 && isExecutable(mode)
const isExecutable = (mode: number) => (mode & 0o111) !== 0

async function readZip(
  path: string,
  python: PythonAbi | undefined,
  isProgram: (mode: number) => boolean,
): Promise<ArtifactContents> {
  const file = await open(path)
  const contents: ArtifactContents = { files: [] }
  const texts = new Map<string, string>()
  try {
    for await (const member of zipMembers(file.fd)) {
      if (member.name.endsWith('/')) continue
      const name = Buffer.from(member.name, 'utf8').toString('latin1')
      const isText = /^[^/]+\.dist-info\/(RECORD|entry_points\.txt)$/.test(name)
      const isMetadata = SOURCE_METADATA.test(name)
      const isScript = /^[^/]+\.data\/scripts\//.test(name)
      const hasher = new ContentHasher(name, member.size, python)
      const kept: Buffer[] = []
      for await (const bytes of member.content()) {
        hasher.update(bytes)
        if (isText || isMetadata || isScript) kept.push(bytes)
      }
      contents.files.push(toFile(name, member, hasher, isProgram, isScript ? Buffer.concat(kept) : undefined))
      const text = Buffer.concat(kept).toString('latin1')
      if (isMetadata) texts.set(name, text)
      if (isText && name.endsWith('/RECORD')) contents.record = text
      else if (isText) contents.entryPoints = text
    }
  } finally {
    await file.close()
  }
  return { ...contents, ...sourceMetadata(texts) }
}

function toFile(
  path: string,
  { size, mode }: ZipMember,
  hasher: ContentHasher,
  isProgram: (mode: number) => boolean,
  script: Buffer | undefined,
): ContentFile {
  return {
    path,
    type: 'file',
    size,
    mode: isProgram(mode) ? 0o755 : 0o644,
    uid: 0,
    gid: 0,
    target: '',
    ...hasher.digest(),
    ...(script?.toString('latin1', 0, 8) === '#!python' ? { script: rewritten(script) } : {}),
  }
}

/** As pip installs a script: its first line names the Python at hand. */
function rewritten(script: Buffer): { size: number; sha256: string } {
  const end = script.indexOf('\n') + 1
  const bytes = Buffer.concat([Buffer.from(`#!${INTERPRETER}\n`), script.subarray(end)])
  return { size: bytes.length, sha256: createHash('sha256').update(bytes).digest('hex') }
}
