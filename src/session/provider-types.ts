/** Every provider that this version has, and every kind. The one place that knows them all. */
import { embeddedType } from '../providers/embedded/index.js'
import type { Kind } from '../providers/kind.js'
import { libvirtKinds } from '../providers/libvirt/kinds/index.js'
import type { ProviderType } from '../providers/provider.js'
import { vclusterKinds } from '../providers/vcluster/kinds/index.js'

/** All kinds, by name. */
export const kinds: ReadonlyMap<string, Kind> = new Map(
  [...libvirtKinds, ...vclusterKinds].map(kind => [kind.kind, kind]),
)

/** Provider types, by name. */
export const providerTypes: ReadonlyMap<string, ProviderType> = new Map(
  [embeddedType([...kinds.values()])].map(type => [type.type, type]),
)
