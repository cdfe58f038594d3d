/** A span of time in the schema of a spec or of settings. */
import { z } from 'zod'
import { durationPattern, parseDuration } from './duration.js'

export const span = (what: string) =>
  z
    .string()
    .regex(durationPattern, 'a span of time such as 90m, 2h, 1d12h or 7d is needed')
    .refine(
      text => !durationPattern.test(text) || parseDuration(text) !== undefined,
      'a span of at most a hundred years is needed',
    )
    .describe(what)
