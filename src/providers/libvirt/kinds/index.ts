/** The kinds that libvirt serves. */
import type { Kind } from '../../kind.js'
import { image } from './image.js'
import { network } from './network.js'
import { snapshot } from './snapshot.js'
import { storagePool } from './storage-pool.js'
import { virtualMachine } from './virtual-machine/index.js'
import { volume } from './volume.js'

export const libvirtKinds: readonly Kind[] = [virtualMachine, storagePool, image, volume, network, snapshot]
