/** Flags of the commands that work on hosts of libvirt rather than on a plan. */
import { Flags } from '@oclif/core'
import { changeFlags, stackFlags } from '../base-command.js'

export const hostFlags = {
  ...stackFlags,
  yaml: Flags.boolean({ description: 'Print YAML instead of text.', exclusive: ['json'] }),
  stack: Flags.string({
    char: 's',
    description: "The stack's file or folder, whose connections are used.",
    default: '.',
    helpValue: 'PATH',
  }),
  connect: Flags.string({
    char: 'c',
    multiple: true,
    description:
      'Without a stack: the address of a libvirt, such as qemu:///system or qemu+ssh://root@host/system.',
    helpValue: 'URI',
  }),
  host: Flags.string({
    multiple: true,
    description: 'Only these connections of the stack.',
    helpValue: 'CONNECTION',
  }),
}

/** Flags of acts that change something. */
export const lockFlags = { 'lock-timeout': changeFlags['lock-timeout'] }

/** Filters of machines. */
export const filterFlags = {
  selector: Flags.string({
    char: 'l',
    multiple: true,
    description: 'Machines with these labels: role=web, role!=db, role; divided by commas, all must hold.',
    helpValue: 'LABEL=VALUE',
  }),
  status: Flags.option({
    options: ['running', 'paused', 'stopped', 'saved'] as const,
    multiple: true,
  })({ description: 'Only machines that are this.' }),
  drifted: Flags.boolean({
    description: 'Only machines that are not as recorded, or that wait for a restart.',
  }),
}

/** Flags of acts on several machines. */
export const manyFlags = {
  ...filterFlags,
  all: Flags.boolean({ description: 'All machines of the hosts.' }),
}

export const writeFlag = {
  write: Flags.boolean({
    description:
      "Also write it into the stack's file, comments kept, so that the next plan does not undo it.",
  }),
}

export const nameHelp = 'Name of the machine, HOST/NAME, or its address in the stack.'
