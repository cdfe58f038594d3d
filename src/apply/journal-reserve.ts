/**
 * Room on the disk that is held back. An apply that has started must be able to record what it did, and the way back,
 * though the disk fills up under it: so a file of zeros takes the room beforehand, and is removed when it is needed. A full
 * disk is then met where nothing has been started yet. Its bytes are written but not synced: what counts is that the file
 * system has promised them. File systems that compress or copy on write promise less; there it is a best effort.
 */
import type { FileSystem } from '../model/ports.js'

export interface Reserve {
  /** Takes room until it is this many bytes in all. Fails with ENOSPC where there is not so much. */
  grow(bytes: number): Promise<void>
  /** Gives all of it back. Never fails: a file that cannot be removed only takes room. */
  release(): Promise<void>
}

const chunk = 1 << 18

/** The reserve at a path; no room is taken yet. */
export function reserveAt(files: FileSystem, path: string): Reserve {
  let held = 0
  return {
    async grow(bytes) {
      if (bytes <= held) return
      const file = await files.append(path)
      try {
        const zeros = new Uint8Array(Math.min(chunk, bytes - held))
        while (held < bytes) {
          const part = zeros.subarray(0, Math.min(zeros.length, bytes - held))
          await file.append(part)
          held += part.length
        }
      } finally {
        await file.close()
      }
    },
    async release() {
      held = 0
      // it only takes room
      await files.remove(path).catch(() => undefined)
    },
  }
}
