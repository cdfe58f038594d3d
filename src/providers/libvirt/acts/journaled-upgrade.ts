/** An upgrade of a machine's software as a journal tells it. */
import { type Attributes, isObject } from '../../../model/value.js'
import type { MachineAct } from './journaled.js'
import type { UpgradeOptions } from './upgrade.js'

export interface UpgradeAct extends MachineAct {
  readonly verb: 'upgrade'
  /** `snapshot`: it is being taken, and the guest is as it was. `upgraded`: all went well, and the snapshot goes. */
  readonly stage: 'snapshot' | 'upgrading' | 'upgraded'
  readonly snapshot: string
  /** Files of the snapshot's overlays by device, none of which was there before. */
  readonly overlays: Readonly<Record<string, string>>
  /** What its script is called in the guest. */
  readonly unit: string
  readonly choice: Omit<UpgradeOptions, 'output'>
}

const stages: readonly unknown[] = ['snapshot', 'upgrading', 'upgraded']

/** The act of a journal's record; undefined for what this version does not know. */
export function readUpgradeAct(what: Attributes): UpgradeAct | undefined {
  const { verb, stage, snapshot, overlays, unit, choice } = what
  const whole =
    verb === 'upgrade' &&
    stages.includes(stage) &&
    typeof snapshot === 'string' &&
    isObject(overlays) &&
    Object.values(overlays).every(path => typeof path === 'string') &&
    typeof unit === 'string' &&
    /^infra-[0-9a-f]+$/.test(unit) &&
    isObject(choice)
  return whole ? (what as unknown as UpgradeAct) : undefined
}
