/**
 * Every provider that this version has, and every kind. The one place that knows them all. Kinds are plain data and loaded at
 * once; what talks to a system is loaded when a stack uses it, so that a stack pays for nothing else.
 */
import { cephKinds } from '../providers/ceph/kinds/index.js'
import { embeddedType } from '../providers/embedded/index.js'
import type { Kind } from '../providers/kind.js'
import { libvirtKinds } from '../providers/libvirt/kinds/index.js'
import type { ProviderType } from '../providers/provider.js'
import { vclusterKinds } from '../providers/vcluster/kinds/index.js'

/** All kinds, by name. */
export const kinds: ReadonlyMap<string, Kind> = new Map(
  [...libvirtKinds, ...cephKinds, ...vclusterKinds].map(kind => [kind.kind, kind]),
)

export type ProviderTypes = ReadonlyMap<string, () => Promise<ProviderType>>

/** How to load each provider type, by its name. `environment` is what the clients of those systems read, too. */
export function providerTypes(environment: Readonly<Record<string, string | undefined>>): ProviderTypes {
  return new Map<string, () => Promise<ProviderType>>([
    ['embedded', async () => embeddedType([...kinds.values()])],
    ['libvirt', async () => (await import('../providers/libvirt/index.js')).libvirtType],
    ['ceph', async () => (await import('../providers/ceph/index.js')).cephProviderType(environment)],
    ['vcluster', async () => (await import('../providers/vcluster/index.js')).vclusterProvider],
  ])
}
