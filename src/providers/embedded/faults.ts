/** Faults on demand: the embedded world fails, hangs, lies or crashes at a named call. */
import { z } from 'zod'
import { InfraError } from '../../model/error.js'
import type { Clock } from '../../model/ports.js'

export const faultSchema = z.strictObject({
  call: z.enum(['observe', 'create', 'update', 'delete']).describe('The verb that goes wrong.'),
  address: z.string().describe('The resource, or a prefix of its address that ends in `*`.'),
  does: z
    .enum(['fail', 'fail-after', 'half', 'hang', 'lie', 'crash', 'crash-after'])
    .describe(
      'fail: refuses and changes nothing. fail-after: does it and reports a failure. half: leaves it incomplete and fails. ' +
        'hang: never answers. lie: reports success and changes nothing. crash, crash-after: ends the process at once, before or after.',
    ),
  times: z.int().positive().optional().describe('So many times, then no more. Always, by default.'),
})

export type Fault = z.infer<typeof faultSchema>
export type FaultyCall = Fault['call']

export interface Faults {
  /** The fault that strikes this call, if any; it is used up by asking. */
  strike(call: FaultyCall, address: string): Fault['does'] | undefined
}

export function faultsOf(list: readonly Fault[]): Faults {
  const left = list.map(fault => ({ fault, times: fault.times ?? Number.POSITIVE_INFINITY }))
  return {
    strike(call, address) {
      const match = left.find(
        one => one.times > 0 && one.fault.call === call && matches(one.fault.address, address),
      )
      if (!match) return undefined
      match.times -= 1
      return match.fault.does
    },
  }
}

function matches(pattern: string, address: string): boolean {
  return pattern.endsWith('*') ? address.startsWith(pattern.slice(0, -1)) : address === pattern
}

/**
 * Runs a call with the fault that strikes it. `half` is the call's own way of stopping half-way.
 */
export async function withFault(
  does: Fault['does'] | undefined,
  address: string,
  work: { readonly whole: () => Promise<void>; readonly half: () => Promise<void> },
  clock: Clock,
  signal: AbortSignal,
): Promise<void> {
  switch (does) {
    case undefined:
      return work.whole()
    case 'lie':
      return
    case 'fail':
      throw injected(address, 'before it did anything')
    case 'fail-after':
      await work.whole()
      throw injected(address, 'after it had done it')
    case 'half':
      await work.half()
      throw injected(address, 'half-way')
    case 'hang':
      return clock.sleep(2 ** 30, signal)
    case 'crash':
      return crash()
    case 'crash-after':
      await work.whole()
      return crash()
  }
}

function crash(): never {
  process.kill(process.pid, 'SIGKILL')
  throw new Error('the process was killed')
}

function injected(address: string, when: string): InfraError {
  return new InfraError({
    kind: 'operation',
    code: 'injected-fault',
    address,
    message: `the embedded world failed ${when}, as it was told to`,
    hint: 'The fault is in the stack: spec.providers.embedded.faults.',
  })
}
