/** Colours by meaning, so that a terminal's palette is chosen in one place. */
import { Chalk, type ChalkInstance } from 'chalk'
import type { Action } from '../planner/plan.js'

export interface Style {
  readonly bold: (text: string) => string
  readonly dim: (text: string) => string
  readonly red: (text: string) => string
  readonly green: (text: string) => string
  readonly yellow: (text: string) => string
  readonly magenta: (text: string) => string
  readonly cyan: (text: string) => string
  /** Red and bold. */
  readonly alarm: (text: string) => string
}

/** Colours, or none. */
export function styleOf(colour: boolean): Style {
  const chalk: ChalkInstance = new Chalk({ level: colour ? 1 : 0 })
  return {
    bold: text => chalk.bold(text),
    dim: text => chalk.dim(text),
    red: text => chalk.red(text),
    green: text => chalk.green(text),
    yellow: text => chalk.yellow(text),
    magenta: text => chalk.magenta(text),
    cyan: text => chalk.cyan(text),
    alarm: text => chalk.red.bold(text),
  }
}

export const symbols: Readonly<Record<Action, string>> = {
  create: '+',
  update: '~',
  replace: '-/+',
  delete: '-',
  adopt: '=',
  forget: '.',
  'no-op': ' ',
}

/** The colour of an action. */
export function paint(action: Action, style: Style): (text: string) => string {
  switch (action) {
    case 'create':
      return style.green
    case 'update':
      return style.yellow
    case 'replace':
      return style.magenta
    case 'delete':
      return style.red
    case 'adopt':
    case 'forget':
      return style.cyan
    case 'no-op':
      return style.dim
  }
}
