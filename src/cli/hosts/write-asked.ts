/** What an act that was cut off was to write into the stack's file. */
import type { ActRecord } from '../../apply/act-journal.js'
import { InfraError } from '../../model/error.js'
import type { Ports } from '../../model/ports.js'
import type { ResizeAct } from '../../providers/libvirt/acts/settle-resize.js'
import type { Session } from '../../session/session.js'
import { type Declared, documentOf, settleDeclared } from './declared.js'

/** Writes it, where that was asked for with `--write` and a document declares the machine. Returns what is to be told of it. */
export async function writeAsked(
  session: Session,
  { what, connection }: ActRecord,
  files: Ports['files'],
): Promise<string | undefined> {
  const view = { host: connection, name: String(what.name) }
  if (what.write !== true || documentOf(session, view) === undefined) return undefined
  try {
    return await settleDeclared(session, { view }, declaredBy(what), true, files)
  } catch (error) {
    // the machine is settled all the same
    if (error instanceof InfraError) return `${error.message}.`
    throw error
  }
}

/** What the act makes so, as a document says it. */
function declaredBy(what: ActRecord['what']): readonly Declared[] {
  switch (what.verb) {
    case 'start':
      return [{ path: 'powerState', value: 'running' }]
    case 'stop':
      return [{ path: 'powerState', value: 'stopped' }]
    case 'resize': {
      const { to, disks } = what as unknown as ResizeAct
      const limit = (path: string, value: number) => ({ path, value, follows: true as const })
      return [
        ...(to.vcpus ? [{ path: 'vcpus', value: to.vcpus.now }, limit('maxVcpus', to.vcpus.limit)] : []),
        ...(to.memoryGiB
          ? [{ path: 'memoryGiB', value: to.memoryGiB.now }, limit('maxMemoryGiB', to.memoryGiB.limit)]
          : []),
        ...disks.map(({ path, toGiB }) => ({ path, value: toGiB })),
      ]
    }
    default:
      return []
  }
}
