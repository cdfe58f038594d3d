/**
 * Where the running machine is not what is stored, though it could be: somebody changed only one of the two, or a change was
 * cut off between them. Such a value is told as it is, so that a plan changes it at once instead of waiting for a restart.
 */
import { type Attributes, type Json, sameValue } from '../../model/value.js'
import { list, number, objects } from './kinds/values.js'

/** Values that libvirt changes in a running machine without the guest's help. */
const ofMachine = ['title', 'description'] as const
const ofInterface = ['bridge', 'network', 'link', 'filter', 'bandwidth'] as const
const ofDisk = ['limits'] as const

export interface HeldBack {
  /** The stored spec, with the running machine's values where those are what a plan has to change. */
  readonly spec: Attributes
  /** Their paths: they wait for no restart. */
  readonly paths: readonly string[]
}

interface Forms {
  readonly stored: Attributes
  readonly live: Attributes
  /** As recorded. */
  readonly declared: Attributes
}

/**
 * The running machine's value counts where what is stored is as declared; else the stored one is what a plan has to change.
 * `changing`: a change was cut off, so that what is stored is newer than what is declared, and the running value counts.
 */
export function heldBack({ stored, live, declared }: Forms, changing: boolean): HeldBack {
  const paths: string[] = []
  const taken = (
    names: readonly string[],
    prefix: string,
    a: Attributes,
    b: Attributes,
    wanted: Attributes,
  ) => {
    const found = names.filter(
      name =>
        a[name] !== undefined &&
        b[name] !== undefined &&
        !sameValue(a[name], b[name]) &&
        (changing || sameValue(a[name], wanted[name])),
    )
    paths.push(...found.map(name => `${prefix}${name}`))
    return Object.fromEntries(found.map(name => [name, b[name]]))
  }
  const inList = (name: string, key: string, names: readonly string[]): Json => {
    const same = (item: Attributes) => (other: { readonly item: Attributes }) => other.item[key] === item[key]
    const known = objects(stored[name]).map(({ item }) => {
      const now = objects(live[name]).find(same(item))?.item
      const wanted = objects(declared[name]).find(same(item))?.item ?? {}
      if (now === undefined) return item
      return { ...item, ...taken(names, `${name}[${String(item[key])}].`, item, now, wanted) } as Attributes
    })
    // what a cut off change was to take away, and the guest still has
    const still = changing
      ? objects(live[name]).filter(({ item }) => !objects(stored[name]).some(same(item)))
      : []
    paths.push(...still.map(({ item }) => `${name}[${String(item[key])}]`))
    return [...known, ...still.map(({ item }) => item)]
  }
  // taking a processor away needs the guest; giving one does not
  const fewer = (number(live.vcpus) ?? 0) < (number(stored.vcpus) ?? 0)
  const amounts = changing
    ? ['vcpus', 'memoryGiB']
    : [...(fewer ? ['vcpus'] : []), ...(hasLessMemory(stored, live) ? ['memoryGiB'] : [])]
  const spec = {
    ...stored,
    ...taken([...ofMachine, ...amounts], '', stored, live, declared),
    networkInterfaces: inList('networkInterfaces', 'name', ofInterface),
    dataDisks: inList('dataDisks', 'device', ofDisk),
  } as Attributes
  return { spec, paths }
}

/**
 * Whether the running machine has less memory than is stored, and could have that much: somebody took it away. Where it has
 * more, its guest may not have given it back yet.
 */
export function hasLessMemory(stored: Attributes, live: Attributes): boolean {
  const [wanted, now, most] = [stored.memoryGiB, live.memoryGiB, live.maxMemoryGiB].map(number)
  return wanted !== undefined && now !== undefined && now < wanted && wanted <= (most ?? 0)
}

/** The spec with the disks that a cut off change was to take away, and whose volumes still wait to be put away. */
export function withLeftDisks(spec: Attributes, declared: Attributes, left: ReadonlySet<string>): Attributes {
  if (left.size === 0) return spec
  const there = new Set(objects(spec.dataDisks).map(({ item }) => item.device))
  const more = objects(declared.dataDisks).flatMap(({ item }) =>
    left.has(String(item.device)) && !there.has(item.device) ? [item] : [],
  )
  return more.length === 0 ? spec : { ...spec, dataDisks: [...list(spec.dataDisks), ...more] }
}
