/** What a connection of type embedded can be told. */
import { z } from 'zod'
import { faultSchema } from './faults.js'

export const embeddedSettings = z.strictObject({
  faults: z.array(faultSchema).optional().describe('Calls that go wrong, for tests and demonstrations.'),
  parallelism: z.int().positive().optional().describe('How many changes at once; 256 by default.'),
})
