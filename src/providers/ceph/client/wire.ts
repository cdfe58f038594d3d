/** What a transport provides; ./open.ts makes a connection of it. */
import type { CallOptions, CephConnection, RbdOperations } from './connection.js'
import type { Offers } from './offers.js'

export interface Wire
  extends Pick<CephConnection, 'transport' | 'mon' | 'mgr' | 'audit' | 'rbd' | 'files' | 'close'> {
  offers(options: CallOptions): Promise<Offers>
}

export const rbdNames: readonly (keyof RbdOperations)[] = [
  'list',
  'info',
  'create',
  'clone',
  'resize',
  'features',
  'setMetadata',
  'rename',
  'snapCreate',
  'snapRemove',
  'snapProtect',
  'snapUnprotect',
  'children',
  'watchers',
  'trashList',
  'removeRemains',
  'trashMove',
  'trashRestore',
  'trashRemove',
]
