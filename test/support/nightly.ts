/** Whether the long tests run, too: `STILLROOM_NIGHTLY=1 ./bin/test`. */
export const NIGHTLY = process.env.STILLROOM_NIGHTLY === '1'

/** How many random cases a property is tried with: few by day, so that the unit tests take seconds, and many at night. */
export const rounds = (byDay: number, atNight: number): number => (NIGHTLY ? atNight : byDay)
