import { stripVTControlCharacters } from 'node:util'
import { displayWidth } from '../report/display-width.ts'
import { endedLines, eraseLine, FRAME, followEvent, liveLine, type Running } from '../report/live-lines.ts'
import { type ProgressDisplay, plainProgress } from '../report/plain-progress.ts'

interface Terminal {
  isTTY?: boolean
  columns?: number
  write(text: string): unknown
}

/**
 * Progress as the place where it is shown can have it: live on a terminal, else, and where colours are not wanted, as plain
 * lines.
 */
export function progressDisplay(
  output: Terminal,
  env: NodeJS.ProcessEnv,
  json: boolean,
  now = () => performance.now(),
): ProgressDisplay {
  const { TERM, NO_COLOR, CI } = env
  const isPlain = json || !output.isTTY || TERM === 'dumb' || Boolean(NO_COLOR) || Boolean(CI)
  return isPlain ? plainProgress(output) : liveDisplay(output, now)
}

/** So many columns stay free: a terminal shows ^C where the cursor is. */
const MARGIN = 3

/**
 * What is over stays as lines; below, one line shows what runs and is drawn again as it goes on. The cursor stays visible behind
 * it, so whatever ends the process leaves a terminal in order; and the line is taken back before anything else is written.
 */
function liveDisplay(output: Terminal, now: () => number): ProgressDisplay {
  let running: Running | undefined
  let timer: NodeJS.Timeout | undefined
  /** Columns of the line that is there. */
  let drawn = 0
  const columns = () => output.columns || 80
  const draw = (lines: readonly string[] = []) => {
    const erase = drawn > 0 ? eraseLine(drawn, columns()) : ''
    const line = running ? liveLine(running, now(), columns() - MARGIN) : ''
    drawn = displayWidth(stripVTControlCharacters(line))
    output.write(erase + lines.map((text) => `${text}\n`).join('') + line)
  }
  const end = (failed = false) => {
    if (running === undefined) return
    const lines = endedLines(running, now(), failed)
    running = undefined
    clearInterval(timer)
    draw(lines)
  }
  process.on('exit', () => end(true))
  process.on('uncaughtExceptionMonitor', () => end(true))
  return {
    report: (event) => {
      const next = followEvent(running, event, now())
      const isBegun = running !== undefined
      if (next.running && !isBegun) timer = setInterval(draw, FRAME).unref()
      running = next.running
      // a status may come thousands of times: it is seen with the next frame
      if (event.kind !== 'status' || !isBegun) draw(next.lines)
    },
    end,
  }
}
