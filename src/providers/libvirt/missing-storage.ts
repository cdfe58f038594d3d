/** Pools, images and volumes that a stack names and nobody has: found before anything is made. */
import { InfraError } from '../../model/error.js'
import { once } from '../../model/once.js'
import type { Attributes } from '../../model/value.js'
import type { Target, Wanted } from '../provider.js'
import { ask, type Host, orAbsent } from './connection.js'
import { fields, objects, splitReference, text } from './kinds/values.js'
import { bootVolume, dataVolume, defaultPools, ignitionVolume, seedVolume } from './names.js'
import { missing, nearest } from './nearest.js'
import { folderOfPool } from './pool-folder.js'
import { LibvirtError } from './rpc/errors.js'
import { procedures } from './rpc/procedures/index.js'

/** What a resource names: `POOL`, `POOL:VOLUME` or the path of an image. */
interface Named {
  readonly what: 'pool' | 'image' | 'volume'
  readonly name: string
}

/** What the stack makes itself. A volume's name that is not known yet stands for any name in its pool. */
interface Declared {
  readonly pools: ReadonlySet<string>
  has(pool: string, volume: string): boolean
  /** Names of its volumes and images in a pool, as far as they are known. */
  in(pool: string): readonly string[]
  /** The folder that a pool of its own takes as it finds it; undefined for a pool of another type. */
  folder(pool: string): string | undefined
  /** Whether a path is below the folder of one of its pools. */
  holds(path: string): boolean
}

/**
 * An error each for what these name and neither the host has nor the stack makes. One call for all pools, and one for each
 * pool and each path that is named, however many resources name it. What is in a pool that is not active, that changes itself,
 * or that the stack makes, is known by its folder; where that cannot be read, it counts as there.
 */
export async function missingStorage(
  host: Host,
  targets: readonly Wanted[],
  all: readonly Target[],
  signal: AbortSignal,
): Promise<InfraError[]> {
  const wanted = targets.flatMap(target => {
    const before = new Set(target.from === undefined ? [] : namedBy(target.kind, target.from).map(keyOf))
    // a machine that stays has outlived its image
    const named = namedBy(target.kind, target.spec).filter(
      one => one.what !== 'image' || !before.has(keyOf(one)),
    )
    return named.map(one => ({ address: target.address, named: one }))
  })
  if (wanted.length === 0) return []
  const declared = declaredBy(all)
  const changing = new Set(targets.flatMap(({ kind, name }) => (kind === 'StoragePool' ? [name] : [])))
  const pools = await ask(host, procedures.connect.listPools, { needResults: 1, flags: 0 }, signal)
  const poolNames = [...new Set([...pools.map(one => one.name), ...declared.pools])]

  const listOf = asked((name: string) => {
    const pool = changing.has(name) ? undefined : pools.find(one => one.name === name)
    return pool ? volumesOf(host, pool, signal) : Promise.resolve(undefined)
  })
  const folderOf = asked((folder: string) => folderOfPool(host, folder, signal))
  const elsewhere = once(async () => {
    const lists = await Promise.all(pools.map(async ({ name }) => ({ name, volumes: await listOf(name) })))
    return lists.flatMap(({ name, volumes = [] }) => volumes.map(volume => `${name}:${volume}`))
  })
  const check = async ({ what, name }: Named): Promise<InfraError | undefined> => {
    if (what === 'pool') return lacksPool(name, poolNames)
    const parts = splitReference(name)
    if (parts === undefined) return declared.holds(name) ? undefined : lacksFile(host, name, signal)
    const { pool, volume } = parts
    if (declared.has(pool, volume)) return undefined
    const there = await listOf(pool)
    const own = declared.in(pool)
    if (there !== undefined)
      return there.includes(volume) ? undefined : noVolume(what, pool, volume, [...there, ...own])
    const known = poolNames.includes(pool)
    const folder = known ? declared.folder(pool) : defaultPools[pool]
    if (folder === undefined) return known ? undefined : lacksPool(pool, poolNames)
    const found = await folderOf(folder)
    if (found === undefined || found.includes(volume)) return undefined
    const all = [...found, ...own]
    return notInFolder(what, { pool, volume, folder }, found, own, all.length > 0 ? [] : await elsewhere())
  }
  const checked = new Map<string, Promise<InfraError | undefined>>()
  const found = await Promise.all(
    wanted.map(async ({ address, named }) => {
      const key = keyOf(named)
      const checking = checked.get(key) ?? check(named)
      checked.set(key, checking)
      return (await checking)?.at(address)
    }),
  )
  // a pool that is missing is named by the disks in it, too
  const told = new Set<string>()
  return found.filter(error => {
    if (error === undefined) return false
    const key = `${error.address} ${error.message}`
    return !told.has(key) && told.add(key)
  }) as InfraError[]
}

/** Asks once for each name. */
function asked<T>(ask: (name: string) => Promise<T>): (name: string) => Promise<T> {
  const answers = new Map<string, Promise<T>>()
  return name => {
    const answer = answers.get(name) ?? ask(name)
    answers.set(name, answer)
    return answer
  }
}

function keyOf({ what, name }: Named): string {
  return `${what} ${name}`
}

function namedBy(kind: string, spec: Attributes): readonly Named[] {
  const pool = text(spec[kind === 'VirtualMachine' ? 'storagePool' : 'pool'])
  const inPool: readonly Named[] = pool === undefined ? [] : [{ what: 'pool', name: pool }]
  const references = (what: Named['what'], ...names: readonly (string | undefined)[]) =>
    names.flatMap(name => (name === undefined ? [] : [{ what, name }]))
  switch (kind) {
    case 'VirtualMachine':
      return [
        ...inPool,
        ...references('image', text(fields(spec.bootDisk).image)),
        // a path is a file that no pool needs to have
        ...references('image', text(spec.installIso)).filter(one => splitReference(one.name) !== undefined),
        ...references('volume', ...objects(spec.dataDisks).map(({ item }) => text(item.volume))).filter(
          one => splitReference(one.name) !== undefined,
        ),
      ]
    case 'Volume':
    case 'Image':
      return inPool
    default:
      return []
  }
}

function declaredBy(all: readonly Target[]): Declared {
  const anyIn = new Set<string>()
  const volumes = new Set<string>()
  const made = new Map<string, string[]>()
  let anywhere = false
  for (const { kind, name, spec } of all) {
    if (kind === 'Volume' || kind === 'Image') {
      const [pool, volume] = [text(spec.pool), text(spec.volume)]
      if (pool === undefined) anywhere = true
      else if (volume === undefined) anyIn.add(pool)
      else {
        volumes.add(`${pool}:${volume}`)
        const names = made.get(pool)
        if (names) names.push(volume)
        else made.set(pool, [volume])
      }
    }
    const home = kind === 'VirtualMachine' ? text(spec.storagePool) : undefined
    if (home === undefined) continue
    const disks = objects(spec.dataDisks).flatMap(({ item }) => text(item.device) ?? [])
    const own = [
      ...[bootVolume(name), seedVolume(name), ignitionVolume(name)],
      ...disks.map(device => dataVolume(name, device)),
    ]
    for (const volume of own) volumes.add(`${home}:${volume}`)
  }
  const pools = all.filter(one => one.kind === 'StoragePool')
  const dirs = new Map(
    pools.map(({ name, spec }) => [name, spec.type === 'dir' ? text(spec.path) : undefined]),
  )
  const folders = pools.flatMap(({ spec }) => text(spec.path) ?? [])
  return {
    pools: new Set(pools.map(one => one.name)),
    holds: path => folders.some(folder => path.startsWith(`${folder}/`)),
    in: pool => made.get(pool) ?? [],
    folder: pool => dirs.get(pool),
    has: (pool, volume) => anywhere || anyIn.has(pool) || volumes.has(`${pool}:${volume}`),
  }
}

/** Undefined where that cannot be read: the pool is stopped, or its place does not answer. */
async function volumesOf(
  host: Host,
  pool: { readonly name: string; readonly uuid: string },
  signal: AbortSignal,
): Promise<readonly string[] | undefined> {
  try {
    const all = await ask(host, procedures.pools.volumes, { pool, needResults: 1, flags: 0 }, signal)
    return all.map(one => one.name)
  } catch (error) {
    if (error instanceof LibvirtError && error.kind !== 'connection') return undefined
    throw error
  }
}

function lacksPool(name: string, there: readonly string[]): InfraError | undefined {
  // Foundry's own are made where they are missing
  if (there.includes(name) || defaultPools[name] !== undefined) return undefined
  return missing('pool', name, there, 'Correct the name, or declare it: a document of kind StoragePool')
}

async function lacksFile(host: Host, path: string, signal: AbortSignal): Promise<InfraError | undefined> {
  const volume = await orAbsent(
    ask(host, procedures.volumes.lookupByPath, { path }, signal),
    'NO_STORAGE_VOL',
  )
  if (volume !== undefined) return undefined
  return missing('image', path, [], 'Put it into a storage pool: a document of kind Image')
}

function noVolume(what: string, pool: string, volume: string, there: readonly string[]): InfraError {
  const near = nearest(volume, there)
  return new InfraError({
    kind: 'validation',
    code: `no-${what}`,
    message: `There is no ${what} ${volume} in the pool ${pool}`,
    why: near.length === 0 ? 'The pool is empty' : `The pool has ${near.join(', ')}`,
    hint: `Correct the name, or declare it: a document of kind ${what === 'image' ? 'Image' : 'Volume'}. A file put there by hand is seen after \`infra pool refresh ${pool}\`.`,
  })
}

/** `found` is in the folder of the pool, `own` are what the stack makes there; `others`, as `POOL:VOLUME`, in the host's pools. */
function notInFolder(
  what: string,
  { pool, volume, folder }: { readonly pool: string; readonly volume: string; readonly folder: string },
  found: readonly string[],
  own: readonly string[],
  others: readonly string[],
): InfraError {
  const has = nearest(volume, found)
  const makes = nearest(volume, own)
  const far = nearest(`${pool}:${volume}`, others)
  const why = [
    ...(makes.length > 0 ? [`The stack makes ${makes.join(', ')} there`] : []),
    `${makes.length > 0 ? 'its' : 'Its'} folder ${folder} has ${has.length > 0 ? has.join(', ') : 'no files'}`,
    ...(far.length > 0 ? [`other pools have ${far.join(', ')}`] : []),
  ]
  const madeWhen = defaultPools[pool] === folder ? 'which is made on first use' : 'which the stack sees to'
  return new InfraError({
    kind: 'validation',
    code: `no-${what}`,
    message: `There is no ${what} ${volume} for the pool ${pool}, ${madeWhen}`,
    why: why.join('; '),
    hint: `Correct the name, put the file there, or declare it: a document of kind ${what === 'image' ? 'Image' : 'Volume'}`,
  })
}
