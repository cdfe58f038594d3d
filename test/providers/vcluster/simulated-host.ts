/** A host cluster in memory: objects by their address in the API, and volumes that are destroyed as Kubernetes destroys them. */
import type { Host } from '../../../src/providers/vcluster/client/host.js'

interface Thing {
  readonly metadata: {
    readonly name: string
    readonly namespace?: string
    readonly labels?: Readonly<Record<string, string>>
    readonly [key: string]: unknown
  }
  readonly [key: string]: unknown
}

export interface SimulatedHost {
  readonly host: Host
  /** Addresses of all that is there, sorted. */
  all(): readonly string[]
  at(path: string): Thing | undefined
  put(path: string, object: object): void
  remove(path: string): void
}

const volumes = '/api/v1/persistentvolumes/'
const claims = /^\/api\/v1\/namespaces\/[^/]+\/persistentvolumeclaims\//

export function simulatedHost(): SimulatedHost {
  const objects = new Map<string, Thing>()
  /** What controllers do: a claim that goes releases its volume, and a released volume goes by its policy. */
  const control = () => {
    for (const [path, volume] of objects) {
      if (!path.startsWith(volumes)) continue
      const { persistentVolumeReclaimPolicy: policy } = volume.spec as {
        persistentVolumeReclaimPolicy: string
      }
      const bound = [...objects].some(
        ([other, claim]) =>
          claims.test(other) && (claim.spec as { volumeName?: string }).volumeName === volume.metadata.name,
      )
      if (!bound && policy === 'Delete') objects.delete(path)
      else objects.set(path, { ...volume, status: { phase: bound ? 'Bound' : 'Released' } })
    }
  }
  const put = (path: string, object: object) => {
    const name = decodeURIComponent(path.split('/').at(-1) ?? '')
    const namespace = /\/namespaces\/([^/]+)\//.exec(path)?.[1]
    const known = object as Partial<Thing>
    const metadata = { ...known.metadata, name, ...(namespace !== undefined && { namespace }) }
    objects.set(path, { ...known, metadata } as Thing)
    control()
  }
  const remove = (path: string) => {
    objects.delete(path)
    for (const below of [...objects.keys()]) if (below.startsWith(`${path}/`)) objects.delete(below)
    control()
  }
  const fits = ({ metadata: { labels = {} } }: Thing, selector = '') =>
    selector
      .split(',')
      .filter(Boolean)
      .every(part => {
        const [key = '', value] = part.split('=')
        return value === undefined ? key in labels : labels[key] === value
      })
  const host = {
    ...{ name: 'lab', server: 'https://lab', context: 'lab', kubeconfig: '/nowhere', now: () => 0 },
    get: async (path: string) => objects.get(path),
    async list(path: string, query: { labelSelector?: string }) {
      const [, group = '', plural = ''] = /^(.*)\/([^/]+)$/.exec(path) ?? []
      const inside = (one: string) =>
        one.startsWith(`${path}/`) ||
        (one.startsWith(`${group}/namespaces/`) && one.split('/').at(-2) === plural)
      return [...objects]
        .filter(([one, object]) => inside(one) && fits(object, query.labelSelector))
        .map(([, o]) => o)
    },
    async patch(path: string, change: object) {
      const before = objects.get(path)
      if (!before) throw new Error(`there is no ${path}`)
      put(path, merged(before, change))
      return objects.get(path)
    },
    async create(path: string, object: Thing) {
      put(`${path}/${object.metadata.name}`, object)
      return object
    },
    remove: async (path: string) => remove(path),
    close: () => undefined,
  } as unknown as Host
  return { host, all: () => [...objects.keys()].sort(), at: path => objects.get(path), put, remove }
}

/** As a merge patch does: null takes out. */
function merged(before: object, change: object): object {
  const result: Record<string, unknown> = { ...before }
  for (const [key, value] of Object.entries(change)) {
    const old = result[key]
    if (value === null) delete result[key]
    else if (typeof value === 'object' && !Array.isArray(value))
      result[key] = merged(typeof old === 'object' && old !== null ? old : {}, value)
    else result[key] = value
  }
  return result
}
