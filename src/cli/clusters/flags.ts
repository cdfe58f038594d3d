/** Flags of the commands that work on virtual clusters rather than on a plan. */
import { Flags } from '@oclif/core'
import { InfraError } from '../../model/error.js'
import { parseDuration } from '../../providers/vcluster/kinds/duration.js'
import { connectionFlags, hostFlag } from '../act-flags.js'
import { changeFlags } from '../base-command.js'

export const clusterFlags = {
  ...connectionFlags("The stack's file or folder, whose connections are used."),
  ...hostFlag,
}

/** Flags of commands on clusters that are named. */
export const namedFlags = {
  ...clusterFlags,
  namespace: Flags.string({
    char: 'n',
    description: 'Namespace on the host cluster, where a name is there more than once.',
    helpValue: 'NAMESPACE',
  }),
}

/** Flags of acts that are plans. */
export const actFlags = (() => {
  const { yaml: _yaml, ...named } = namedFlags
  const { yes: _yes, ...change } = changeFlags
  return { ...named, ...change }
})()

export const nameHelp = 'Name of the virtual cluster, CONNECTION/NAME, or its address in the stack.'

/** Seconds of a span of time that a flag says. Fails with `no-span` for any other text, and for nothing at all. */
export function spanOf(flag: string, text: string): number {
  const seconds = parseDuration(text)
  if (seconds !== undefined && seconds > 0) return seconds
  throw new InfraError({
    kind: 'configuration',
    code: 'no-span',
    message: `${flag} ${text} is no span of time`,
    hint: 'Such as 90m, 2h, 1d12h or 7d.',
  })
}
