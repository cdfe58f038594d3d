/** Values against the chart's own schema, without a cluster: helm renders, and what it refuses becomes problems of the spec. */
import { InfraError } from '../../../model/error.js'
import type { Attributes } from '../../../model/value.js'
import type { Problem } from '../../kind.js'
import { hasCode } from '../client/errors.js'
import { chartArguments, template } from '../helm/run.js'
import { lower } from '../kinds/shortcuts.js'
import type { Session } from '../session.js'

/** Problems with their paths in the document; none where the chart takes the values. A chart that cannot be had is thrown. */
export async function validateValues(
  session: Session,
  name: string,
  spec: Attributes,
  signal: AbortSignal,
): Promise<readonly Problem[]> {
  const helm = await session.helm(signal)
  const whole = await session.complete(spec, name)
  const place = { namespace: String(whole.namespace ?? name), name }
  try {
    await template(
      helm,
      place,
      chartArguments(whole.chart as Attributes, session.folder),
      lower(whole),
      signal,
    )
    return []
  } catch (error) {
    if (!hasCode(error, 'invalid-values') || !(error instanceof InfraError)) throw error
    return problemsOf(error.why ?? '')
  }
}

/** Helm's lines, `- at '/controlPlane/statefulSet': additional properties 'nonsense' not allowed`. */
export function problemsOf(words: string): Problem[] {
  const found = [...words.matchAll(/- at '([^']*)': (.+)/g)].map(([, pointer = '', message = '']) => {
    const path = pointer
      .split('/')
      .slice(1)
      .map(key => key.replaceAll('~1', '/').replaceAll('~0', '~'))
    const extra = /additional propert(?:y|ies) '([^']+)'/.exec(message)?.[1]
    return {
      path: ['spec', 'values', ...path, ...(extra === undefined ? [] : [extra])],
      code: 'invalid-values',
      message: `the chart says: ${message}`,
    }
  })
  return found.length > 0 ? found : [{ path: ['spec', 'values'], code: 'invalid-values', message: words }]
}
