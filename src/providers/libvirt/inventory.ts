/**
 * What one observation reads, each thing once. For many targets everything is listed in one call and details are asked for
 * all at once; for a few, exactly those are looked up, so that reading back one of a thousand does not list a thousand.
 */
import { ask, type Host, orAbsent } from './connection.js'
import { type Drive, usedDisks } from './machine-definitions.js'
import { domainXmlFlags, poolStates } from './rpc/flags.js'
import { procedures } from './rpc/procedures/index.js'
import type { Domain, Pool, Volume } from './rpc/types.js'
import { readUsers, type Users } from './users.js'
import { gone, type StoredVolume, volumeReading } from './volume-reading.js'
import type { Volumes } from './xml/domain-observe.js'
import { notRead as domainNotRead } from './xml/domain-read.js'
import { readDisks } from './xml/domain-read-disks.js'
import { parseXml } from './xml/parse.js'

/** VIR_CONNECT_LIST_STORAGE_POOLS_ACTIVE */
const activePoolsOnly = 2

/** So many domains and volumes are read at any time to tell who uses what. */
const fewObjects = 200

export interface PoolEntry {
  readonly pool: Pool
  readonly active: boolean
}

export class Inventory {
  readonly host: Host
  readonly signal: AbortSignal
  readonly #bulk: boolean
  readonly #pools = new Map<string, Promise<PoolEntry | undefined>>()
  readonly #lists = new Map<string, Promise<ReadonlyMap<string, Volume>>>()
  readonly #found = new Map<string, Promise<Volume | undefined>>()
  readonly #texts = new Map<string, Promise<string | undefined>>()
  readonly #readings = new Map<string, Promise<StoredVolume | undefined>>()
  readonly #known = { byName: new Map<string, StoredVolume>(), byPath: new Map<string, StoredVolume>() }
  readonly #disks = new Map<string, Promise<readonly Drive[]>>()
  readonly #listed = new Map<string, ReadonlyMap<string, Volume>>()
  #allPools: Promise<readonly Pool[]> | undefined
  #activePools: Promise<ReadonlySet<string>> | undefined
  #allDomains: Promise<readonly Domain[]> | undefined
  #users: Promise<Users | undefined> | undefined

  constructor(host: Host, signal: AbortSignal, bulk: boolean) {
    this.host = host
    this.signal = signal
    this.#bulk = bulk
  }

  /** All pools that are defined or active. */
  allPools(): Promise<readonly Pool[]> {
    this.#allPools ??= ask(this.host, procedures.connect.listPools, { needResults: 1, flags: 0 }, this.signal)
    return this.#allPools
  }

  /** UUIDs of the pools that are active. */
  #active(): Promise<ReadonlySet<string>> {
    const args = { needResults: 1, flags: activePoolsOnly }
    this.#activePools ??= ask(this.host, procedures.connect.listPools, args, this.signal).then(
      pools => new Set(pools.map(pool => pool.uuid)),
    )
    return this.#activePools
  }

  pool(name: string): Promise<PoolEntry | undefined> {
    return once(this.#pools, name, async () => {
      if (this.#bulk) {
        const [all, active] = await Promise.all([this.allPools(), this.#active()])
        const found = all.find(one => one.name === name)
        return found && { pool: found, active: active.has(found.uuid) }
      }
      const pool = await orAbsent(
        ask(this.host, procedures.pools.lookupByName, { name }, this.signal),
        'NO_STORAGE_POOL',
      )
      if (pool === undefined) return undefined
      const info = await ask(this.host, procedures.pools.info, { pool }, this.signal)
      return { pool, active: info.state !== poolStates.inactive }
    })
  }

  /** Lists the volumes of these pools, for `readAhead`. What is not there or cannot be listed is told by who asks for it. */
  async list(pools: Iterable<string>): Promise<void> {
    await Promise.all(
      [...pools].map(async name => {
        const entry = await this.pool(name)
        if (entry?.active) this.#listed.set(name, await this.#list(entry.pool))
      }),
    ).catch(() => this.signal.throwIfAborted())
  }

  /** Begins to read volumes of a pool that was listed, as far as they are there. */
  readAhead(pool: string, names: readonly string[]): void {
    const listed = this.#listed.get(pool)
    for (const name of names) {
      const volume = listed?.get(name)
      // who needs it hears of the error
      if (volume !== undefined) this.#text(volume).catch(() => undefined)
    }
  }

  /** A volume by its pool and name. Undefined where it, or its pool, is not there; throws where that cannot be said. */
  async volume(poolName: string, name: string): Promise<Volume | undefined> {
    if (!this.#bulk) return this.#volumeAlone(poolName, name)
    const entry = await this.pool(poolName)
    if (entry === undefined) return undefined
    if (!entry.active) throw new InactivePool(poolName)
    return (await this.#list(entry.pool)).get(name)
  }

  /** One that is asked what it is at once: libvirt needs no more than these names, and whoever asks for it reads it next. */
  async #volumeAlone(pool: string, name: string): Promise<Volume | undefined> {
    try {
      const reading = await this.read({ pool, name, key: '' })
      return reading && { pool, name, key: reading.key }
    } catch (error) {
      const entry = await this.pool(pool)
      if (entry === undefined) return undefined
      if (!entry.active) throw new InactivePool(pool)
      throw error
    }
  }

  /** What libvirt says of a volume; undefined where its file is gone behind libvirt's back. */
  read(volume: Volume): Promise<StoredVolume | undefined> {
    return once(this.#readings, `${volume.pool}:${volume.name}`, async () => {
      const xml = await this.#text(volume)
      if (xml === undefined) return undefined
      const reading = volumeReading(volume, xml)
      this.#known.byName.set(`${reading.pool}:${reading.name}`, reading)
      this.#known.byPath.set(reading.path, reading)
      return reading
    })
  }

  #text(volume: Volume): Promise<string | undefined> {
    return once(this.#texts, `${volume.pool}:${volume.name}`, () =>
      gone(ask(this.host, procedures.volumes.xml, { volume, flags: 0 }, this.signal)),
    )
  }

  /** The XML of a volume that an earlier observation found; undefined where it cannot be had any more, or its pool is not active. */
  async textAgain(volume: Volume): Promise<string | undefined> {
    const listed = this.#listed.get(volume.pool)
    const isThere = listed ? listed.has(volume.name) : (await this.pool(volume.pool))?.active
    return isThere ? this.#text(volume) : undefined
  }

  /** A volume and all that it is based on, as far as libvirt knows them. */
  async readChain(volume: Volume): Promise<StoredVolume | undefined> {
    const top = await this.read(volume)
    let here = top
    for (let depth = 0; here?.backingPath !== undefined && depth < 64; depth += 1) {
      const below = await this.volumeByPath(here.backingPath)
      here = below && (await this.read(below))
    }
    return top
  }

  /** By its path on the host. Undefined where no pool has it. */
  async volumeByPath(path: string): Promise<Volume | undefined> {
    return once(this.#found, path, async () => {
      if (this.#bulk) {
        // a volume's key is its path in pools of folders; other pools are asked below
        const lists = await Promise.all([...this.#lists.values()])
        const name = path.slice(path.lastIndexOf('/') + 1)
        const listed = lists.map(list => list.get(name)).find(volume => volume?.key === path)
        if (listed !== undefined) return listed
      }
      return orAbsent(
        ask(this.host, procedures.volumes.lookupByPath, { path }, this.signal),
        'NO_STORAGE_VOL',
      )
    })
  }

  /** Names of all volumes of a pool. */
  async names(pool: Pool): Promise<readonly string[]> {
    return [...(await this.#list(pool)).keys()]
  }

  /** All volumes of a pool, by name. */
  #list(pool: Pool): Promise<ReadonlyMap<string, Volume>> {
    return once(this.#lists, pool.uuid, async () => {
      const all = await ask(
        this.host,
        procedures.pools.volumes,
        { pool, needResults: 1, flags: 0 },
        this.signal,
      )
      return new Map(all.map(volume => [volume.name, volume]))
    })
  }

  /** All volumes of all active pools. */
  async allVolumes(): Promise<readonly Volume[]> {
    const [pools, active] = await Promise.all([this.allPools(), this.#active()])
    const lists = await Promise.all(
      pools.filter(pool => active.has(pool.uuid)).map(async pool => [...(await this.#list(pool)).values()]),
    )
    return lists.flat()
  }

  /** All domains that are defined or run. */
  allDomains(): Promise<readonly Domain[]> {
    this.#allDomains ??= ask(
      this.host,
      procedures.connect.listDomains,
      { needResults: 1, flags: 0 },
      this.signal,
    )
    return this.#allDomains
  }

  /** The text of a domain's XML: that of the running one where it runs, with `stored` always the persistent one. */
  domain(domain: Domain, stored: boolean): Promise<string> {
    const flags = stored ? domainXmlFlags.inactive : 0
    return ask(this.host, procedures.domains.xml, { domain, flags }, this.signal)
  }

  /** The disks of a domain: as it runs, and as it is stored. */
  disks(domain: Domain): Promise<readonly Drive[]> {
    const read = async (stored: boolean) =>
      readDisks(parseXml(await this.domain(domain, stored), domainNotRead), domain.name)
    return once(this.#disks, domain.uuid, async () => {
      const [running, stored] = await Promise.all([domain.id < 0 ? [] : read(false), read(true)])
      return usedDisks(running, stored)
    })
  }

  /** Tells of a domain that is being read anyway: its XML is asked for and parsed once. */
  knowDisks(domain: Domain, reading: Promise<readonly Drive[]>): void {
    // who needs it hears of the error
    once(this.#disks, domain.uuid, () => reading).catch(() => undefined)
  }

  /**
   * Who uses which volume; undefined where to know it would cost out of proportion: much is on the host, and only a few
   * things are looked at (each step of an apply reads back what it made).
   */
  users(): Promise<Users | undefined> {
    this.#users ??= this.#readUsers()
    return this.#users
  }

  async #readUsers(): Promise<Users | undefined> {
    if (!this.#bulk) {
      const [domains, volumes] = await Promise.all([this.allDomains(), this.allVolumes()])
      if (domains.length + volumes.length > fewObjects) return undefined
    }
    return (await readUsers(this)).users
  }

  /** Whether a disk's volume was read already, and all that it is based on. */
  isRead({ pool, volume, path }: Drive): boolean {
    const { byName, byPath } = this.#known
    let here =
      pool !== undefined && volume !== undefined ? byName.get(`${pool}:${volume}`) : byPath.get(path ?? '')
    for (let depth = 0; here !== undefined && depth < 64; depth += 1) {
      if (here.backingPath === undefined) return true
      here = byPath.get(here.backingPath)
    }
    return false
  }

  /** The volumes read so far. */
  readings(): Volumes<StoredVolume> {
    return {
      byName: (pool, volume) => this.#known.byName.get(`${pool}:${volume}`),
      byPath: path => this.#known.byPath.get(path),
    }
  }
}

/** Of what is in a pool that is not active nobody can say whether it is there. */
export class InactivePool extends Error {
  constructor(pool: string) {
    super(`the pool ${pool} is not active: start it with \`virsh pool-start ${pool}\``)
  }
}

function once<T>(memo: Map<string, Promise<T>>, key: string, make: () => Promise<T>): Promise<T> {
  const known = memo.get(key)
  if (known !== undefined) return known
  const made = make()
  memo.set(key, made)
  return made
}
