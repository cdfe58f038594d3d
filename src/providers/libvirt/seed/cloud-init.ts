/** The three documents of a NoCloud seed, and the image that carries them. */
import { createHash } from 'node:crypto'
import { stringify } from 'yaml'
import type { Attributes, Json } from '../../../model/value.js'
import { fields, list, present, text } from '../kinds/values.js'
import { buildIso } from './iso.js'
import { networkConfig } from './network-config.js'
import { joinUserData } from './user-data.js'

export interface SeedInput {
  /** The machine's name. */
  readonly name: string
  /** What stays while the machine is the same one: its UUID. */
  readonly identity: string
  /** Canonical, with every value resolved. */
  readonly spec: Attributes
}

export interface Seed {
  readonly userData: string
  readonly metaData: string
  readonly networkConfig: string
  readonly instanceId: string
}

/**
 * What cloud-init is told. The instance-id follows from the machine and from all that it is told: a new one, and so first-boot
 * steps again, exactly when that changes.
 */
export function renderSeed(input: SeedInput): Seed {
  const spec = fields(input.spec.cloudInit)
  const raw = text(spec.rawUserData)
  const hostname = hostNames(input.name, raw === undefined ? text(spec.fqdn) : undefined)
  const userData = raw ?? joinUserData(cloudConfig(spec, hostname), text(spec.userData))
  const network = text(spec.networkConfig) ?? yaml(networkConfig(input.spec))
  const content = createHash('sha256')
    .update([input.identity, hostname.short, userData, network].join('\0'))
    .digest('hex')
  const instanceId = `${input.name}-${content.slice(0, 16)}`
  return {
    userData,
    metaData: yaml({ 'instance-id': instanceId, 'local-hostname': hostname.short }),
    networkConfig: network,
    instanceId,
  }
}

/** The image, and the SHA-256 of its bytes: what it is known by. */
export function seedImage(seed: Seed): { readonly bytes: Buffer; readonly sha256: string } {
  const bytes = buildIso('cidata', [
    { name: 'meta-data', bytes: Buffer.from(seed.metaData) },
    { name: 'network-config', bytes: Buffer.from(seed.networkConfig) },
    { name: 'user-data', bytes: Buffer.from(seed.userData) },
  ])
  return { bytes, sha256: createHash('sha256').update(bytes).digest('hex') }
}

interface HostNames {
  readonly short: string
  readonly full: string | undefined
}

/** The first part of the full name; without one, the machine's name, in which a host has no underscores. */
export function hostNames(machine: string, fqdn: string | undefined): HostNames {
  if (fqdn !== undefined) return { short: fqdn.split('.')[0] ?? fqdn, full: fqdn }
  const short = machine.replace(/_/g, '-').slice(0, 63).replace(/-+$/, '')
  return { short, full: undefined }
}

function cloudConfig(spec: Attributes, hostname: HostNames): string {
  const keys = list(spec.sshAuthorizedKeys)
  const packages = list(spec.packages)
  const hash = text(spec.passwordHash)
  return `#cloud-config\n${yaml(
    present({
      hostname: hostname.short,
      fqdn: hostname.full,
      preserve_hostname: false,
      disable_root: keys.length > 0 || hash !== undefined ? false : undefined,
      users: keys.length > 0 ? [{ name: 'root', ssh_authorized_keys: keys }] : undefined,
      chpasswd: hash === undefined ? undefined : chpasswd(hash),
      ssh_pwauth: spec.sshPwauth === true,
      package_update: packages.length > 0 ? true : undefined,
      packages: packages.length > 0 ? packages : undefined,
    }),
  )}`
}

/**
 * cloud-init takes these hashes for hashes in a list, which every version knows; others it would take for passwords in clear,
 * so they are said to be hashes, which versions since 22.2 understand.
 */
function chpasswd(hash: string): Json {
  return /^\$(1|2a|2y|5|6)(\$.+){2}/.test(hash)
    ? { expire: false, list: `root:${hash}\n` }
    : { expire: false, users: [{ name: 'root', password: hash, type: 'hash' }] }
}

function yaml(value: Json): string {
  return stringify(value, { lineWidth: 0 })
}
