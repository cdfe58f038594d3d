/**
 * The embedded provider: a small world on disk that knows every kind, so that a newcomer, a demo, a benchmark and a crash
 * test need nothing installed. It never pretends to be a real system.
 */
import { InfraError } from '../../model/error.js'
import type { Ports } from '../../model/ports.js'
import { type Attributes, isObject, type Json, sameValue } from '../../model/value.js'
import type { Kind } from '../kind.js'
import type { DeleteRequest, Observation, Provider, ProviderType, Target } from '../provider.js'
import { factsOf } from './facts.js'
import { type Fault, type Faults, type FaultyCall, faultsOf, withFault } from './faults.js'
import { embeddedSettings } from './settings.js'
import { openWorld, type World, type WorldObject } from './world.js'

/** The provider type over the kinds that it shall know. */
export function embeddedType(kinds: readonly Kind[]): ProviderType {
  const byName = new Map(kinds.map(kind => [kind.kind, kind]))
  return {
    type: 'embedded',
    summary: 'A world on disk for every kind: demonstrations, tests and benchmarks need nothing installed.',
    kinds: [],
    settings: embeddedSettings,
    async open(connection, ports) {
      const settings = connection.settings as {
        readonly faults?: readonly Fault[]
        readonly parallelism?: number
      }
      const world = await openWorld(ports.files, connection.stateFolder)
      return embeddedProvider(world, byName, faultsOf(settings.faults ?? []), ports, settings.parallelism)
    },
  }
}

/** The provider over a world that is open, with the faults that strike it. */
export function embeddedProvider(
  world: World,
  kinds: ReadonlyMap<string, Kind>,
  faults: Faults,
  ports: Pick<Ports, 'clock' | 'random'>,
  parallelism = 256,
): Provider {
  const faulty = (
    call: FaultyCall,
    target: Target,
    signal: AbortSignal,
    whole: () => Promise<void>,
    half: () => Promise<void>,
  ) => withFault(faults.strike(call, target.address), target.address, { whole, half }, ports.clock, signal)

  return {
    type: 'embedded',
    description: 'embedded: a world of this tool on disk, no real system',
    parallelism,

    async observe(targets, signal) {
      const found = new Map<string, Observation>()
      for (const target of targets) {
        const does = faults.strike('observe', target.address)
        found.set(target.address, does ? await misread(does, signal) : look(target))
      }
      return found
    },

    create(request, call) {
      const restored = isObject(request.restore)
        ? (world.inTrash(request.kind, String(request.restore.trash)) ?? trashOf(request))
        : undefined
      const object = (data: string | undefined): WorldObject => ({
        kind: request.kind,
        name: request.name,
        identity: request.identity,
        owner: request.owner,
        spec: request.spec,
        labels: request.labels,
        ...(data !== undefined && { data }),
      })
      return faulty(
        'create',
        request,
        call.signal,
        async () => {
          refuseStranger(request, world)
          const there = world.find(request.kind, request.name, request.identity)
          if (request.restore !== undefined && !restored && !there) throw gone(request)
          await world.put(object(restored?.data ?? there?.data ?? fresh(request)), restored)
        },
        async () => {
          refuseStranger(request, world)
          const there = world.find(request.kind, request.name, request.identity)
          await world.put({ ...object(there?.data), incomplete: true })
        },
      )
    },

    update(request, call) {
      const old = own(request)
      const waits = request.restart
        ? []
        : request.changes.filter(change => change.how === 'restart').map(change => change.path)
      const running = request.restart ? undefined : (old?.running ?? old?.spec)
      const pending = request.restart
        ? []
        : [...new Set([...(old?.pending ?? []), ...waits])].filter(
            path => !isBack(path, request.spec, running),
          )
      return faulty(
        'update',
        request,
        call.signal,
        async () => {
          if (!old) throw absent(request)
          const { pending: _pending, running: _running, ...rest } = old
          const { owner, spec, labels } = request
          const waiting = pending.length > 0 && { pending, ...(running && { running }) }
          await world.put({ ...rest, owner, spec, labels, ...waiting })
        },
        async () => {
          const [first] = Object.keys(request.spec).filter(name => request.spec[name] !== old?.spec[name])
          if (!old || first === undefined) return
          await world.put({ ...old, spec: { ...old.spec, [first]: request.spec[first] as Json } })
        },
      )
    },

    async delete(request, call) {
      const object = own(request)
      if (!object) return
      const keeps = kinds.get(request.kind)?.deletion(request.spec).undo === 'restore'
      // What a delete that was cut off has put aside already is what was in it.
      const kept = keeps ? (object.data === undefined ? trashOf(request) : object) : undefined
      const putAside = async ({ incomplete: _, ...data }: WorldObject) => {
        const place = data.trash === request.trash ? request.trash : freePlace(request)
        await call.keep({ trash: place })
        await world.put({ ...data, trash: place }, data)
      }
      await faulty(
        'delete',
        request,
        call.signal,
        async () => {
          if (kept) await putAside(kept)
          if (kept !== object) await world.remove(object)
        },
        async () => {
          const { data: _, ...emptied } = object
          if (kept) await putAside(kept)
          await world.put({ ...emptied, incomplete: true })
        },
      )
    },

    async discard(token) {
      if (!isObject(token)) return
      for (const object of [...world.all()]) if (object.trash === token.trash) await world.remove(object)
    },

    close: () => world.close(),
  }

  /** The object itself; not another one that has taken its name. */
  function own({ kind, name, identity }: Target): WorldObject | undefined {
    const object = world.find(kind, name, identity)
    return object?.identity.uuid === identity?.uuid ? object : undefined
  }

  /** New data, for a kind that holds any. */
  function fresh({ kind, spec }: Target): string | undefined {
    return kinds.get(kind)?.deletion(spec).undo === 'recreate' ? undefined : ports.random.uuid()
  }

  /** What a delete has put aside of an object. */
  function trashOf({ kind, identity }: Target): WorldObject | undefined {
    for (const one of world.all())
      if (one.kind === kind && one.trash && one.identity.uuid === identity?.uuid) return one
    return undefined
  }

  /** A place where nothing lies: what was put aside before is never overwritten. */
  function freePlace({ kind, trash }: DeleteRequest): string {
    let place = trash
    for (let number = 2; world.inTrash(kind, place); number += 1) place = `${trash}-${number}`
    return place
  }

  async function misread(does: Fault['does'], signal: AbortSignal): Promise<Observation> {
    if (does === 'hang') await ports.clock.sleep(2 ** 30, signal)
    if (does === 'lie') return { status: 'absent' }
    return { status: 'unreadable', why: 'the embedded world failed to read it, as it was told to' }
  }

  function look(target: Target): Observation {
    const object = world.find(target.kind, target.name, target.identity)
    const kind = kinds.get(target.kind)
    if (!object) return { status: 'absent' }
    if (!kind)
      return { status: 'unreadable', why: `the embedded world does not know the kind ${target.kind}` }
    return {
      status: 'present',
      identity: object.identity,
      ...(object.owner && { owner: object.owner }),
      spec: object.spec,
      facts: factsOf(object, kind),
      ...(object.pending?.length && { pending: object.pending }),
      ...(object.incomplete && { incomplete: true }),
    }
  }
}

/** Whether a field is again what the object still runs with: nothing of it waits for a restart any more. */
function isBack(path: string, spec: Attributes, running: Attributes | undefined): boolean {
  const [field = ''] = path.split(/[.[]/, 1)
  return running !== undefined && sameValue(spec[field] ?? null, running[field] ?? null)
}

/** Two objects of one name are refused, as every real system does. */
function refuseStranger(request: Target, world: World): void {
  const there = world.find(request.kind, request.name, undefined)
  if (!there || there.identity.uuid === request.identity?.uuid) return
  throw new InfraError({
    kind: 'operation',
    code: 'exists',
    address: request.address,
    message: `the embedded world has a ${request.kind} ${request.name} already`,
    hint: 'Choose another name, or import it.',
  })
}

function absent(request: Target): InfraError {
  return new InfraError({
    kind: 'operation',
    code: 'absent',
    address: request.address,
    message: `the embedded world has no ${request.kind} ${request.name} to change`,
    hint: 'Plan again.',
  })
}

function gone(request: Target): InfraError {
  return new InfraError({
    kind: 'operation',
    code: 'trash-empty',
    address: request.address,
    message: `what was kept of ${request.kind} ${request.name} is gone, so its data cannot come back`,
    hint: 'A checkpoint can be rolled back to only until it is pruned.',
  })
}
