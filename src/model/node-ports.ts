/** The machine as Node has it. Only the commands hand it on; the engine takes ports as an argument. */
import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { nodeFiles } from './node-files.js'
import type { Clock, Ports } from './ports.js'

const nodeClock: Clock = {
  now: () => Date.now(),
  async sleep(milliseconds, signal) {
    try {
      await sleep(milliseconds, undefined, signal && { signal })
    } catch (error) {
      signal?.throwIfAborted()
      throw error
    }
  },
}

export const nodePorts: Ports = { clock: nodeClock, random: { uuid: randomUUID }, files: nodeFiles }
