/** Whether the long tests run, too: `STILLROOM_NIGHTLY=1 ./bin/test`. */
export const NIGHTLY = process.env.STILLROOM_NIGHTLY === '1'
