/** The helm binary: found, and its version checked. */
import { execa } from 'execa'
import { InfraError } from '../../../model/error.js'

export interface Helm {
  readonly binary: string
  readonly version: string
}

/** The first that can put labels on a release, by which infra knows its own. */
const oldest = [3, 13] as const
const howToGet =
  'get it with `apt install helm` or `brew install helm`, or from https://helm.sh/docs/intro/install/, or name the file in the connection: settings.helm'

/** Finds helm on the PATH, or takes the file that the connection names. */
export async function findHelm(binary: string, signal: AbortSignal): Promise<Helm> {
  const run = await execa(binary, ['version', '--template', '{{.Version}}'], {
    reject: false,
    timeout: 30_000,
    cancelSignal: signal,
    stdin: 'ignore',
  })
  signal.throwIfAborted()
  if (run.code === 'ENOENT' || run.code === 'EACCES')
    throw new InfraError({
      kind: 'configuration',
      code: 'helm-missing',
      message: `Virtual clusters need helm, and there is none: ${binary}.`,
      why: run.code === 'ENOENT' ? 'no such program' : 'it cannot be run',
      hint: howToGet,
    })
  const version = run.stdout?.trim() ?? ''
  const match = /^v?(\d+)\.(\d+)(?!\d)/.exec(version)
  if (run.failed || match === null)
    throw new InfraError({
      kind: 'configuration',
      code: 'helm-broken',
      message: `${binary} does not say which version of helm it is.`,
      why: (run.stderr?.trim() || version || run.shortMessage || '').slice(0, 300),
      hint: howToGet,
    })
  const [major, minor] = [Number(match[1]), Number(match[2])]
  if (major < oldest[0] || (major === oldest[0] && minor < oldest[1]))
    throw new InfraError({
      kind: 'configuration',
      code: 'helm-too-old',
      message: `${binary} is helm ${version}; ${oldest.join('.')} or newer is needed.`,
      hint: howToGet,
    })
  return { binary, version: version.replace(/^v/, '') }
}
