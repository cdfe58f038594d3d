/** Settling what switches machines on and off and was cut off. */
import { InfraError } from '../../../model/error.js'
import type { Attributes } from '../../../model/value.js'
import { ask } from '../connection.js'
import { procedures } from '../rpc/procedures/index.js'
import type { ActCall } from './each.js'
import type { MachineAct } from './journaled.js'
import { type Direction, type KnownAct, onMachine } from './known-act.js'
import { type Machine, type MachineState, machineStates } from './machines.js'
import { resetMachine, restartMachine, startMachine, stopMachine } from './power.js'
import { noWay } from './settling.js'

export interface PowerAct extends MachineAct {
  readonly verb: 'start' | 'stop' | 'restart' | 'reset'
  readonly was: MachineState
  /** libvirt's number of it as it ran, which each start changes; -1 of one that was off. */
  readonly id: number
  /** What was asked of it, as far as it is to be gone on with. */
  readonly timeoutSeconds?: number
  readonly noWait?: boolean
}

const verbs: readonly unknown[] = ['start', 'stop', 'restart', 'reset']

/** The act of a journal's record; undefined for what this version does not know. */
export function powerAct(what: Attributes): KnownAct | undefined {
  const { timeoutSeconds, noWait } = what
  const whole =
    verbs.includes(what.verb) &&
    (machineStates as readonly unknown[]).includes(what.was) &&
    typeof what.id === 'number' &&
    (timeoutSeconds === undefined || typeof timeoutSeconds === 'number') &&
    (noWait === undefined || typeof noWait === 'boolean')
  if (!whole) return undefined
  const act = what as unknown as PowerAct
  return onMachine(act, {
    way: direction => powerWay(act, direction),
    isOver: async ({ view }) => act.verb !== 'reset' && [act.was, goalOf(act)].includes(view.state),
    settle: async (machine, direction, call) => {
      powerWay(act, direction)
      return direction === 'forward' ? complete(act, machine, call) : takeBack(act, machine, call)
    },
  })
}

/** What settling it would do, in words. Fails for a reset that is to be taken back. */
export function powerWay(act: PowerAct, direction: Direction): string {
  const { name, verb, was } = act
  if (direction === 'forward') {
    const words: Readonly<Record<PowerAct['verb'], string>> = {
      start: 'is started, where it does not run.',
      stop: 'is shut down, where it is not off.',
      restart: 'is stopped and started again, where it was not yet.',
      reset: 'is reset, once more where it was already.',
    }
    return `${name} ${words[verb]}`
  }
  if (verb === 'reset') {
    throw new InfraError({
      kind: 'validation',
      code: 'reset-begun',
      message: `A reset of ${name} that has begun cannot be taken back.`,
      why: 'the guest may have lost what it had not written',
      hint: '`infra recover --forward` resets it.',
    })
  }
  if (was === 'running') return `${name} runs, as before.`
  if (was === 'shut off') return `${name} is switched off, as before.`
  if (was === 'saved') return `${name} is saved with its memory, as before.`
  return verb === 'start'
    ? `${name} is paused, as before.`
    : `${name} is paused, as before; where it was stopped already it is started anew.`
}

function goalOf({ verb }: PowerAct): MachineState {
  return verb === 'stop' ? 'shut off' : 'running'
}

async function complete(act: PowerAct, machine: Machine, call: ActCall): Promise<string> {
  const { name, verb } = act
  switch (verb) {
    case 'start':
      await startMachine(machine, act, call)
      return `${name} runs.`
    case 'stop':
      await stopMachine(machine, act, call)
      return `${name} is off.`
    case 'restart':
      if (startedSince(act, machine)) await startMachine(machine, act, call)
      else await restartMachine(machine, act, call)
      return `${name} runs again.`
    case 'reset':
      if (machine.view.state !== 'running')
        return `${name} is ${machine.view.state} now: there is nothing to reset.`
      await resetMachine(machine, act, call)
      return `${name} was reset.`
  }
}

/** A start that was cut off runs already where it has another number than before. */
function startedSince({ id }: PowerAct, { domain }: Machine): boolean {
  return domain.id >= 0 && domain.id !== id
}

async function takeBack(act: PowerAct, machine: Machine, call: ActCall): Promise<string> {
  const { host, domain, view } = machine
  const { name, was } = act
  const back = { ...act, noWait: true }
  switch (was) {
    case 'running':
      await startMachine(machine, back, call)
      return `${name} runs.`
    case 'shut off':
      await stopMachine(machine, back, call)
      return `${name} is off.`
    case 'saved':
      if (view.state === 'shut off')
        throw noWay(name, 'back', 'It has run since and is off: the memory that was saved of it is used up')
      if (view.state !== 'saved') {
        call.progress('saves its memory')
        await ask(host, procedures.domains.managedSave, { domain, flags: 0 }, call.signal)
      }
      return `${name} is saved with its memory.`
    case 'paused': {
      const anew = act.verb !== 'start' && (view.state === 'shut off' || startedSince(act, machine))
      if (anew) {
        await startMachine(machine, back, call)
        return `${name} was stopped already, and runs, started anew.`
      }
      if (view.state === 'running') await ask(host, procedures.domains.suspend, { domain }, call.signal)
      return `${name} is paused.`
    }
  }
}
