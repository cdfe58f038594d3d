/**
 * Every provider that this version has, and every kind. The one place that knows them all. Kinds are plain data and loaded at
 * once; what talks to a system is loaded when a stack uses it, so that a stack pays for nothing else.
 */
import { cephSettings } from '../providers/ceph/client/settings.js'
import { cephKinds } from '../providers/ceph/kinds/index.js'
import { embeddedType } from '../providers/embedded/index.js'
import { embeddedSettings } from '../providers/embedded/settings.js'
import type { Kind } from '../providers/kind.js'
import { libvirtKinds } from '../providers/libvirt/kinds/index.js'
import { libvirtSettings } from '../providers/libvirt/settings.js'
import type { ProviderType } from '../providers/provider.js'
import { vclusterKinds } from '../providers/vcluster/kinds/index.js'
import { vclusterSettings } from '../providers/vcluster/settings.js'

/** All kinds, by name. */
export const kinds: ReadonlyMap<string, Kind> = new Map(
  [...libvirtKinds, ...cephKinds, ...vclusterKinds].map(kind => [kind.kind, kind]),
)

/** What a connection of each type can be told: a stack is held to it without loading what talks to a system. */
export const connectionTypes: ReadonlyMap<string, Pick<ProviderType, 'settings'>> = new Map([
  ['embedded', { settings: embeddedSettings }],
  ['libvirt', { settings: libvirtSettings }],
  ['ceph', { settings: cephSettings }],
  ['vcluster', { settings: vclusterSettings }],
])

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
