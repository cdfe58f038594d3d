/**
 * Where a connection may keep what it made of what it read: in the folder of kept things, under the connection, the place of
 * the state and the build. Nothing for a stack with secrets, or whose state has some: they may be in what is read.
 */
import { canonicalJson, type Json } from '../model/value.js'
import type { Keeper } from '../providers/provider.js'
import { digestOf, openCacheFolder } from '../stack/cache-folder.js'
import type { DesiredConnection } from '../stack/desired.js'
import type { StateDocument } from '../state/document.js'

/** A larger entry is neither written nor read. */
const mostBytes = 64 * 1024 * 1024

export interface KeeperInput {
  /** Undefined where nothing is kept. */
  readonly folder: string | undefined
  /** The tool's version and build. */
  readonly version: string | undefined
  readonly stateFolder: string
  /** Whether the stack itself is kept: then no secret is in it. */
  readonly isStackKept: boolean
  readonly state: StateDocument | undefined
}

/** What makes the keeper of a connection; undefined where nothing may be kept. */
export function keepersOf(input: KeeperInput): ((connection: DesiredConnection) => Keeper) | undefined {
  const { folder, version, stateFolder, isStackKept, state } = input
  if (folder === undefined || version === undefined || !isStackKept) return undefined
  if (Object.values(state?.resources ?? {}).some(record => record.sensitive.length > 0)) return undefined
  const cache = openCacheFolder(folder)
  return ({ name, type, settings }) => {
    const about = canonicalJson([version, stateFolder, name, type, settings as Json])
    const keyOf = (what: string): string => digestOf(`infra-read ${what} ${about}`)
    return {
      get: what => cache.get(keyOf(what), mostBytes),
      async put(what, payload) {
        if (payload.length < mostBytes / 2) await cache.put(keyOf(what), payload)
      },
    }
  }
}
