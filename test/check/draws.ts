/**
 * What properties are drawn from: anew each time, so that every run looks elsewhere; with CI=true always the same, so that a change
 * is judged by what it changed. A failure prints its seed.
 */
import fc from 'fast-check'

if (process.env.CI === 'true') fc.configureGlobal({ seed: 1 })
