import { imageInvalid } from '../formats/image-invalid.ts'
import { type FileType, type Inode, NO_XATTRS } from './layer-entry.ts'
import { isTreeText, type TreeRecord, unescapeBytes } from './tree-digest.ts'
import type { TreeNode } from './tree-node.ts'

/**
 * Reads the text of `treeText` back to a tree, whose files have no layer and no content.
 *
 * @throws {StillroomError} IMAGE_INVALID for a text that `treeText` does not give
 */
export function parseTree(text: Buffer): TreeNode {
  if (text.length > 0 && text.at(-1) !== NEWLINE)
    throw refused(text.toString('latin1').split('\n').length, 'it does not end in a newline')
  const places = new Map<string, Place>()
  // a line at a time: all of them would take more memory than the tree
  for (let [at, line] = [0, 1]; at < text.length; line++) {
    const end = text.indexOf(NEWLINE, at)
    const problem = addLine(places, text.toString('latin1', at, end))
    if (problem !== undefined) throw refused(line, problem)
    at = end + 1
  }
  const root = places.get('')
  if (root === undefined) throw refused(1, 'the root is missing')
  // order, escapes, spelling, and that names of one file agree
  if (!isTreeText(root, text)) throw refused(undefined, 'another text says the same tree')
  return root
}

const NEWLINE = 0x0a

const refused = (line: number | undefined, problem: string) =>
  imageInvalid(`The text of a tree is wrong${line === undefined ? '' : ` at line ${line}`}: ${problem}`)

interface Place extends TreeNode {
  children: Map<string, TreeNode> | undefined
}

/** What is wrong with a line; undefined when its file was added. */
function addLine(places: Map<string, Place>, line: string): string | undefined {
  const record = recordOf(line)
  if (record === undefined) return 'it is not a record of a path'
  const path = unescapeBytes(record.path)
  if (places.has(path)) return 'its path is there twice'
  const isDirectory = record.type === 'directory'
  const linked = record.hardlink === '' ? undefined : places.get(unescapeBytes(record.hardlink))
  if (record.hardlink !== '' && (linked === undefined || linked.children !== undefined))
    return 'its hard link leads to no file before it'
  if (linked !== undefined) linked.inode.isShared = true
  const node: Place = {
    inode: linked?.inode ?? inodeOf(record),
    children: isDirectory ? new Map() : undefined,
  }
  if (path === '') {
    if (!isDirectory) return 'the root is not a directory'
  } else {
    const slash = path.lastIndexOf('/')
    const name = path.slice(slash + 1)
    const siblings = places.get(path.slice(0, Math.max(0, slash)))?.children
    if (siblings === undefined) return 'it lies in no directory before it'
    if (name === '' || name === '.' || name === '..' || name.includes('\0')) return 'its path is not one'
    siblings.set(name, node)
  }
  places.set(path, node)
  return undefined
}

const TYPES: readonly FileType[] = ['file', 'directory', 'symlink', 'character', 'block', 'fifo']

/** A line as a record, with values of the right kinds; undefined for another. */
function recordOf(line: string): TreeRecord | undefined {
  try {
    const record = JSON.parse(line) as TreeRecord
    const { path, type, mode, target, hardlink, xattrs, sha256 } = record
    const numbers = [record.uid, record.gid, record.size, record.major, record.minor]
    const isSound =
      TYPES.includes(type) &&
      [path, target, hardlink].every((each) => typeof each === 'string') &&
      /^[0-7]{4}$/.test(mode) &&
      numbers.every((each) => Number.isSafeInteger(each) && each >= 0) &&
      Number.isSafeInteger(record.mtime) &&
      (type === 'symlink') === (target !== '') &&
      (type === 'file' ? /^[0-9a-f]{64}$/.test(sha256) : sha256 === '') &&
      xattrs.every(([name, value]) => typeof name === 'string' && /^([0-9a-f]{2})*$/.test(value))
    return isSound ? record : undefined
  } catch {
    return undefined
  }
}

function inodeOf(record: TreeRecord): Inode {
  const { type, uid, gid, size, mtime, major, minor, sha256 } = record
  return {
    type,
    mode: Number.parseInt(record.mode, 8),
    uid,
    gid,
    size,
    mtime,
    target: unescapeBytes(record.target),
    major,
    minor,
    xattrs: record.xattrs.length === 0 ? NO_XATTRS : xattrsOf(record),
    sha256,
  }
}

const xattrsOf = ({ xattrs }: TreeRecord): Inode['xattrs'] =>
  new Map(xattrs.map(([name, value]) => [unescapeBytes(name), Buffer.from(value, 'hex').toString('latin1')]))
