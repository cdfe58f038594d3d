/** The Helm release of a virtual cluster. */
import { InfraError } from '../../model/error.js'
import { type Attributes, isObject, sameValue } from '../../model/value.js'
import type { CreateRequest, UpdateRequest } from '../provider.js'
import { hasCode } from './client/errors.js'
import { type Revision, readRelease, revisionsOf, settle } from './helm/release.js'
import { chartArguments, rollback, upgrade } from './helm/run.js'
import { lower } from './kinds/shortcuts.js'
import { digestOf, marks, releaseLabels } from './marks.js'
import type { Place } from './place.js'
import type { Session } from './session.js'

type Request = CreateRequest | UpdateRequest
/**
 * Brings the release to the spec. A revision with the same chart and values that helm still keeps is rolled back to, so that
 * a way back needs no chart at hand; everything else is `helm upgrade --install`.
 */
export async function bringRelease(
  session: Session,
  request: Request,
  spec: Attributes,
  place: Place,
  progress: (message: string) => void,
  signal: AbortSignal,
): Promise<void> {
  const { host, ports } = session
  const helm = await session.helm(signal)
  await settle(host, place, ports.clock, progress, signal)
  const digest = digestOf(spec)
  const revisions = await revisionsOf(host, place, signal)
  const [latest] = revisions
  const same = revisions.find(
    revision => revision.labels[marks.digest] === digest && revision.status === 'superseded',
  )
  const newest = latest?.labels[marks.digest] !== digest
  if (same !== undefined && newest && (await holds(session, same, spec, signal))) {
    progress(`helm rollback to revision ${same.revision}`)
    await rollback(helm, host, place, same.revision, signal)
    return
  }
  progress(latest === undefined ? 'helm install' : 'helm upgrade')
  const chart = spec.chart as Attributes
  await upgrade(helm, host, place, {
    chart: chartArguments(chart, session.folder),
    values: lower(spec),
    labels: releaseLabels(request.owner, digest),
    signal,
  }).catch(error => {
    throw hasCode(error, 'invalid-values')
      ? new InfraError({
          ...error.details(),
          message: `The chart refuses the values of ${place.name}.`,
          hint: 'see the chart’s values.schema.json; paths above are those of spec.values',
        })
      : error
  })
}

/** Whether a revision really is what its label says: helm hands the label on to revisions that others make. */
async function holds(
  session: Session,
  revision: Revision,
  spec: Attributes,
  signal: AbortSignal,
): Promise<boolean> {
  const release = await readRelease(session.host, revision, signal)
  const version = isObject(spec.chart) ? spec.chart.version : undefined
  return (
    release !== undefined &&
    sameValue(release.values, lower(spec)) &&
    (version === undefined || version === release.chart.version)
  )
}
