/** Flags that commands share which work on what is there rather than on a plan: on hosts, on clusters, on Ceph. */
import { Flags } from '@oclif/core'
import { changeFlags, stackFlags } from './base-command.js'

const yaml = Flags.boolean({ description: 'Print YAML instead of text.', exclusive: ['json'] })

/** Those of every such command; the stack is told by a flag, for the arguments are of what it works on. */
export function connectionFlags(help: string) {
  const stack = Flags.string({ char: 's', description: help, default: '.', helpValue: 'PATH' })
  return { ...stackFlags, yaml, stack }
}

export const hostFlag = {
  host: Flags.string({
    multiple: true,
    multipleNonGreedy: true,
    description: 'Only these connections of the stack.',
    helpValue: 'CONNECTION',
  }),
}

/** Flags of acts that change something. */
export const lockFlags = { 'lock-timeout': changeFlags['lock-timeout'] }

/** Of acts that ask before they begin. */
export const yesFlag = { yes: Flags.boolean({ char: 'y', description: 'Do not ask.' }) }
