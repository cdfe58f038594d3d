/** Leave for an act that destroys something. */
import { InfraError } from '../model/error.js'
import { ask } from './ask.js'

export interface Leave {
  readonly yes: boolean
  readonly interactive: boolean
  readonly signal: AbortSignal
}

/** True for `--yes` or the answer yes. Fails with `nobody-to-ask` where there is neither. */
export async function confirm(question: string, { yes, interactive, signal }: Leave): Promise<boolean> {
  if (yes) return true
  if (!interactive) {
    throw new InfraError({
      kind: 'configuration',
      code: 'nobody-to-ask',
      message: 'there is no terminal to ask at',
      why: question,
      hint: 'Say --yes to go ahead without being asked.',
    })
  }
  if ((await ask(`${question} Only 'yes' goes ahead: `, signal)) === 'yes') return true
  process.stdout.write('Nothing was changed.\n')
  return false
}
