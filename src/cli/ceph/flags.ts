/** Flags of the commands that work on a Ceph cluster rather than on a plan. */
import { Flags } from '@oclif/core'
import { connectionFlags } from '../act-flags.js'

export const clusterFlags = {
  ...connectionFlags("The stack's file or folder, whose connection is used."),
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
