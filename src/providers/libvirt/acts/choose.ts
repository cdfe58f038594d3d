/** Which machines an act is for: by names, labels, state, host, drift, or all of them. */
import { InfraError } from '../../../model/error.js'
import { nearest } from '../nearest.js'
import type { MachineView } from './machines.js'

export interface MachineChoice {
  /** `web`, `HOST/web` where several hosts have one, or an address such as `VirtualMachine/web`. */
  readonly names?: readonly string[]
  /** `role=web`, `role!=db`, `role`; several in one are divided by commas, and all must hold. */
  readonly selectors?: readonly string[]
  readonly states?: readonly string[]
  readonly all?: boolean
  /** Keys (see `keyOf`) of machines that drifted; only these where it is given. */
  readonly drifted?: ReadonlySet<string>
}

/** Tells a machine from one of the same name on another host. */
export function keyOf(machine: Pick<MachineView, 'host' | 'name'>): string {
  return `${machine.host}/${machine.name}`
}

/** The machines that fit. Fails with `no-machine` for a name that is nowhere and `ambiguous-machine` for one that is twice. */
export function chooseMachines<T extends { readonly view: MachineView }>(
  machines: readonly T[],
  choice: MachineChoice,
): readonly T[] {
  const { names = [], states = [], drifted } = choice
  const rules = (choice.selectors ?? []).flatMap(parseSelector)
  const named = names.length === 0 ? machines : [...new Set(names.map(name => byName(machines, name)))]
  return named.filter(
    ({ view }) =>
      rules.every(rule => rule(view.labels)) &&
      (states.length === 0 || states.includes(view.state)) &&
      (drifted === undefined || drifted.has(keyOf(view)) || view.pending.length > 0),
  )
}

/** Fails with `nothing-chosen` where nobody said which machines; an act never means all by accident. */
export function requireChoice(choice: MachineChoice): void {
  const { names = [], selectors = [], all, drifted } = choice
  if (names.length > 0 || selectors.length > 0 || all || drifted !== undefined) return
  throw new InfraError({
    kind: 'configuration',
    code: 'nothing-chosen',
    message: 'It was not said which machines',
    hint: 'Name them, or say --selector label=value, --drifted or --all.',
  })
}

function byName<T extends { readonly view: MachineView }>(machines: readonly T[], asked: string): T {
  const name = asked.startsWith('VirtualMachine/') ? asked : asked.toLowerCase()
  const fits = machines.filter(
    ({ view }) =>
      view.address === asked ||
      [view.name, keyOf(view)].some(own => own === asked || own.toLowerCase() === name),
  )
  const exact = fits.filter(
    ({ view }) => view.name === asked || keyOf(view) === asked || view.address === asked,
  )
  const [first, second] = exact.length > 0 ? exact : fits
  if (first === undefined) throw noMachine(machines, asked)
  if (second === undefined) return first
  throw new InfraError({
    kind: 'configuration',
    code: 'ambiguous-machine',
    message: `There is more than one machine ${asked}`,
    why: fits.map(({ view }) => keyOf(view)).join(', '),
    hint: 'Name it with its host: HOST/NAME.',
  })
}

function noMachine(machines: readonly { readonly view: MachineView }[], asked: string): InfraError {
  const near = nearest(
    asked,
    machines.map(({ view }) => view.name),
  )
  return new InfraError({
    kind: 'operation',
    code: 'no-machine',
    message: `There is no machine ${asked}`,
    why: near.length === 0 ? `${machines.length} machines are there` : `There is ${near.join(', ')}`,
    hint: '`infra vm list` lists them.',
  })
}

type Rule = (labels: Readonly<Record<string, string>>) => boolean

function parseSelector(text: string): Rule[] {
  return text.split(',').map(part => {
    const match = /^\s*([^=!\s]+)\s*(?:(!?=)=?\s*(.*?))?\s*$/.exec(part)
    if (!match?.[1]) {
      throw new InfraError({
        kind: 'configuration',
        code: 'bad-selector',
        message: `${JSON.stringify(text)} is no selector`,
        hint: 'For example: role=web, role!=db, or role alone.',
      })
    }
    const [, key, sign, value = ''] = match
    if (sign === undefined) return labels => labels[key] !== undefined
    return sign === '=' ? labels => labels[key] === value : labels => labels[key] !== value
  })
}
