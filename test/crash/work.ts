/** The folder that infra works in: its files read as they are, and its state on a disk that can be made small. */
import { execFile } from 'node:child_process'
import { statSync } from 'node:fs'
import { mkdir, statfs } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import { listCheckpoints } from '../../src/apply/checkpoint.js'
import type { Checkpoint } from '../../src/apply/record.js'
import { nodeFiles } from '../../src/model/node-files.js'
import type { StateDocument } from '../../src/state/document.js'
import { openStore } from '../../src/state/store.js'
import { type Desk, desk, type Running } from '../acceptance/desk.js'

const run = promisify(execFile)

export interface Work extends Desk {
  /** The state, verified as infra does. */
  document(): Promise<StateDocument | undefined>
  checkpoints(): Promise<readonly Checkpoint[]>
  /** What tells one moment of the journal from another. */
  journal(): string
  /** Waits until the journal is another than it was, or the process has ended. */
  begun(running: Running, before: string): Promise<void>
  /** Leaves so many bytes free where the state is; all that there were, without a number. */
  leave(bytes?: number): Promise<void>
}

/** A folder with one stack, named shop. `small`: its state is on a file system of its own, in memory. */
export async function work(stack: string, small: boolean): Promise<Work> {
  const here = await desk({ 'stack.yaml': stack })
  const outer = join(here.folder, '.infra')
  const folder = join(outer, 'shop')
  const whole = 64 << 20
  if (small) {
    await mkdir(outer)
    await run('mount', ['-t', 'tmpfs', '-o', `size=${whole}`, 'tmpfs', outer])
  }
  const journal = () => {
    const found = statSync(join(folder, 'journal.ndjson'), { throwIfNoEntry: false, bigint: true })
    return found === undefined ? '' : `${found.ino} ${found.size} ${found.mtimeNs}`
  }
  return {
    ...here,
    journal,
    document: () => openStore(nodeFiles, folder).read(),
    async checkpoints() {
      const { checkpoints, broken } = await listCheckpoints(nodeFiles, folder)
      if (broken[0]) throw broken[0]
      return checkpoints
    },
    async begun(running, before) {
      let over = false
      running.ended.finally(() => {
        over = true
      })
      while (!over && journal() === before) await sleep(2)
    },
    async leave(bytes) {
      const { blocks, bfree, bsize } = await statfs(outer)
      const size = bytes === undefined ? whole : (blocks - bfree) * bsize + bytes
      await run('mount', ['-o', `remount,size=${size}`, outer])
    },
    async clear() {
      if (small) await run('umount', [outer])
      await here.clear()
    },
  }
}
