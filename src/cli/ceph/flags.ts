/** Flags of the commands that work on a Ceph cluster rather than on a plan. */
import { Flags } from '@oclif/core'
import { stackFlags } from '../base-command.js'

export const clusterFlags = {
  ...stackFlags,
  yaml: Flags.boolean({ description: 'Print YAML instead of text.', exclusive: ['json'] }),
  stack: Flags.string({
    char: 's',
    description: "The stack's file or folder, whose connection is used.",
    default: '.',
    helpValue: 'PATH',
  }),
  conf: Flags.string({
    description: 'Without a stack: path of a ceph.conf, such as /etc/ceph/ceph.conf.',
    helpValue: 'FILE',
  }),
  cluster: Flags.string({
    description: 'The connection of the stack, where it has several to Ceph.',
    helpValue: 'CONNECTION',
  }),
}

export const volumeHelp =
  'FILESYSTEM/VOLUME, FILESYSTEM/GROUP/VOLUME, or the name alone where there is only one.'
