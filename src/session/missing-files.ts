/** Files of this machine that a plan's resources are made from and that are not there: found before anything is made. */
import { basename, dirname, resolve } from 'node:path'
import { InfraError } from '../model/error.js'
import type { FileSystem } from '../model/ports.js'
import type { Kind } from '../providers/kind.js'
import type { Wanted } from '../providers/provider.js'
import { meant } from '../stack/nearest.js'

/** An error for each file that is missing. A folder that cannot be listed tells nothing, and is looked into once. */
export async function missingFiles(
  targets: readonly Wanted[],
  kinds: ReadonlyMap<string, Kind>,
  folder: string,
  files: FileSystem,
): Promise<InfraError[]> {
  const listed = new Map<string, Promise<readonly string[] | undefined>>()
  const namesIn = (path: string) => {
    const names = listed.get(path) ?? files.list(path).catch(() => undefined)
    listed.set(path, names)
    return names
  }
  const found = await Promise.all(
    targets.flatMap(({ kind, address, spec, from }) => {
      // What stays does not need what it was made from any more
      const given = from === undefined ? (kinds.get(kind)?.localFiles?.(spec) ?? []) : []
      return given.map(async one => {
        const path = resolve(folder, one)
        const names = await namesIn(dirname(path))
        return names === undefined || names.includes(basename(path)) ? [] : [missing(address, path, names)]
      })
    }),
  )
  return found.flat()
}

function missing(address: string, path: string, names: readonly string[]): InfraError {
  const folder = dirname(path)
  const near = meant(basename(path), names)
  return new InfraError({
    kind: 'validation',
    code: 'no-file',
    address,
    message: `There is no file ${path} on this machine`,
    why: names.length === 0 ? `${folder} is not there, or empty` : `${folder} has no such name`,
    hint: [near, 'Relative paths start from the stack’s folder.'].filter(Boolean).join(' '),
  })
}
