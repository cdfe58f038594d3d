/** How a guest gets its first set-up, whatever reads it there: one interface, two ways. */
import { createHash } from 'node:crypto'
import { ignitionVolume, seedVolume } from '../names.js'
import { renderSeed, type SeedInput, seedImage } from './cloud-init.js'
import { renderIgnition } from './ignition.js'

/** A volume to be made beside the machine's disks. */
export interface Provisioning {
  readonly by: 'cloudInit' | 'ignition'
  /** Name of the volume that carries it. */
  readonly volume: string
  readonly bytes: Buffer
  /** What it is known by; kept in the domain's metadata. */
  readonly sha256: string
}

/** What the spec asks for; undefined where it asks for nothing. */
export function provisioningOf(input: SeedInput): Provisioning | undefined {
  if (input.spec.cloudInit !== undefined) {
    return { by: 'cloudInit', volume: seedVolume(input.name), ...seedImage(renderSeed(input)) }
  }
  if (input.spec.ignition === undefined) return undefined
  const bytes = Buffer.from(renderIgnition(input))
  return {
    by: 'ignition',
    volume: ignitionVolume(input.name),
    bytes,
    sha256: createHash('sha256').update(bytes).digest('hex'),
  }
}
