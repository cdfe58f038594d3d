/** Flags of the commands that work on hosts of libvirt rather than on a plan. */
import { Args, Flags } from '@oclif/core'
import { connectionFlags, hostFlag, lockFlags } from '../act-flags.js'

export const hostFlags = {
  ...connectionFlags("The stack's file or folder, whose connections are used."),
  connect: Flags.string({
    char: 'c',
    multiple: true,
    multipleNonGreedy: true,
    description:
      'Without a stack: the address of a libvirt, such as qemu:///system or qemu+ssh://root@host/system.',
    helpValue: 'URI',
  }),
  ...hostFlag,
}

/** Flags of acts that change something. */
export const actFlags = { ...hostFlags, ...lockFlags }

/** Filters of machines. */
export const filterFlags = {
  selector: Flags.string({
    char: 'l',
    multiple: true,
    multipleNonGreedy: true,
    description: 'Machines with these labels: role=web, role!=db, role; divided by commas, all must hold.',
    helpValue: 'LABEL=VALUE',
  }),
  status: Flags.option({
    options: ['running', 'paused', 'stopped', 'saved'] as const,
    multiple: true,
    multipleNonGreedy: true,
  })({ description: 'Only machines that are this.' }),
  drifted: Flags.boolean({
    description: 'Only machines that are not as recorded, or that wait for a restart.',
  }),
}

/** Flags of acts on several machines. */
export const severalFlags = {
  ...actFlags,
  ...filterFlags,
  all: Flags.boolean({ description: 'All machines of the hosts.' }),
}

export const writeFlag = {
  write: Flags.boolean({
    description:
      "Also write it into the stack's file, comments kept, so that the next plan does not undo it.",
  }),
}

const nameHelp = 'Name of the machine, HOST/NAME, or its address in the stack.'

/** Arguments of commands on one machine. */
export const oneMachine = { name: Args.string({ description: nameHelp, required: true }) }

/** The snapshot that a command is about. */
export const snapshotArg = { snapshot: Args.string({ description: 'Name of the snapshot.', required: true }) }

/** Arguments of commands on several; such a command is not `strict`. */
export const severalMachines = { names: Args.string({ description: `${nameHelp} Several may be named.` }) }

/** Of acts that ask the guest to shut down. */
export const shutdownFlag = {
  timeout: Flags.integer({
    min: 0,
    description: 'Seconds that the guest gets to shut down; then it is switched off.',
    helpValue: 'SECONDS',
  }),
}

/** Of acts that stop machines for its own sake: they may also be switched off at once. */
export const stopFlags = {
  ...shutdownFlag,
  force: Flags.boolean({ description: 'Switch it off at once.', exclusive: ['timeout'] }),
}

/** What the flags above ask of an act. */
export function shutdownOptions(flags: { readonly timeout?: number | undefined; readonly force?: boolean }): {
  readonly timeoutSeconds?: number
} {
  if (flags.force) return { timeoutSeconds: 0 }
  return flags.timeout === undefined ? {} : { timeoutSeconds: flags.timeout }
}

export const noWaitFlag = {
  'no-wait': Flags.boolean({ description: 'Do not wait until it is ready as its document asks.' }),
}
