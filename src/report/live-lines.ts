import { cutToWidth, displayWidth } from './display-width.ts'
import { type ProgressEvent, shownText } from './plain-progress.ts'

/** What runs now. */
export interface Running {
  /** The stage; none when only a status was told. */
  title?: string | undefined
  /** How far it is: a step, a count. */
  status?: string | undefined
  /** When it began, in milliseconds of any clock. */
  since: number
}

/** What an event makes of what ran until `now`: what runs from then on, and lines that stay above it. */
export function followEvent(
  running: Running | undefined,
  event: ProgressEvent,
  now: number,
): { running: Running | undefined; lines: string[] } {
  switch (event.kind) {
    case 'stage':
      return { running: { title: shownText(event.title), since: now }, lines: endedLines(running, now) }
    case 'status':
      return { running: { since: now, ...running, status: shownText(event.text) }, lines: [] }
    case 'note':
      return { running, lines: [`  ${shownText(event.text)}`] }
  }
}

/** The line that stays of a stage that is over. */
export function endedLines(running: Running | undefined, now: number, failed = false): string[] {
  if (running?.title === undefined) return []
  const seconds = (now - running.since) / 1000
  const time = seconds < 0.1 ? '' : dim(`  ${seconds < 60 ? `${seconds.toFixed(1)} s` : duration(seconds)}`)
  return [`${failed ? red('x') : green('-')} ${running.title}${time}`]
}

const FRAMES = ['|', '/', '-', '\\']
/** Milliseconds for which a frame is seen. */
export const FRAME = 250

/**
 * The one line of what runs, in at most so many columns: a sign that turns, the stage, how far it is, and for how long.
 * A narrow terminal gets the beginning of the stage, and the rest as far as there is room.
 */
export function liveLine({ title, status, since }: Running, now: number, columns: number): string {
  const elapsed = now - since
  const seconds = Math.floor(elapsed / 1000)
  const time = seconds < 1 || columns < 24 ? '' : `  ${duration(seconds)}`
  const words = [title, status].filter((text) => text !== undefined)
  const [first = '', second = ''] = words
  const room = Math.max(0, columns - 2 - time.length)
  const name = cutToWidth(first, room)
  const left = room - displayWidth(name) - 2
  const how = second !== '' && left >= 4 ? `  ${cutToWidth(second, left)}` : ''
  const frame = FRAMES[Math.floor(elapsed / FRAME) % FRAMES.length]
  return columns < 2 ? '' : `${cyan(`${frame}`)} ${name}${dim(how)}${dim(time)}`
}

/** How a line that is drawn, of so many columns, is taken back: also after a terminal became narrower and wrapped it. */
export function eraseLine(width: number, columns: number): string {
  const above = Math.max(0, Math.ceil(width / Math.max(1, columns)) - 1)
  // row by row: tmux takes a clearing that begins at its top for one of the whole screen, and keeps what was there
  return `\r\x1b[K${'\x1b[A\x1b[K'.repeat(above)}`
}

/** As a clock shows it: `42 s`, `3 min 07 s`. */
function duration(seconds: number): string {
  const whole = Math.floor(seconds)
  return whole < 60 ? `${whole} s` : `${Math.floor(whole / 60)} min ${String(whole % 60).padStart(2, '0')} s`
}

const painted = (begin: number, end: number) => (text: string) =>
  text === '' ? '' : `\x1b[${begin}m${text}\x1b[${end}m`
const dim = painted(2, 22)
const red = painted(31, 39)
const green = painted(32, 39)
const cyan = painted(36, 39)
