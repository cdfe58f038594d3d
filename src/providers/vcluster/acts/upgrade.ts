/** Another chart or Kubernetes for one virtual cluster, beside the stack; what fails is rolled back to where it was. */
import { InfraError, messageOf } from '../../../model/error.js'
import { type Attributes, isObject } from '../../../model/value.js'
import { differences } from '../../../planner/diff.js'
import type { Call, Identity, Owner } from '../../provider.js'
import { canonicalSpec } from '../kinds/canonical.js'
import type { Session } from '../session.js'
import { update } from '../update.js'

export interface UpgradeRequest {
  readonly address: string
  readonly name: string
  readonly identity: Identity
  readonly owner: Owner
  readonly labels: Readonly<Record<string, string>>
  /** As recorded, canonical. */
  readonly spec: Attributes
  readonly chartVersion?: string
  readonly kubernetesVersion?: string
}

/** Resolves to the spec that is true now, for the record. */
export async function upgradeCluster(
  session: Session,
  request: UpgradeRequest,
  call: Call,
): Promise<Attributes> {
  const { spec } = request
  const wanted = canonicalSpec(
    {
      ...spec,
      ...(request.kubernetesVersion !== undefined && { kubernetesVersion: request.kubernetesVersion }),
      ...(request.chartVersion !== undefined && {
        chart: { ...(isObject(spec.chart) ? spec.chart : {}), version: request.chartVersion },
      }),
    },
    { name: request.name, labels: request.labels, annotations: {} },
  )
  const go = (from: Attributes, to: Attributes) =>
    update(
      session,
      {
        ...request,
        kind: 'VirtualCluster',
        spec: to,
        from,
        changes: differences(from, to, {}).map(({ path }) => ({ path, how: 'live' as const })),
        restart: true,
      },
      call,
    )
  if (differences(spec, wanted, {}).length === 0) return spec
  try {
    await go(spec, wanted)
    return wanted
  } catch (error) {
    call.signal.throwIfAborted()
    call.progress(`${messageOf(error)} Going back.`)
    await go(wanted, spec)
    throw new InfraError({
      kind: 'operation',
      code: 'upgrade-rolled-back',
      message: `The upgrade of ${request.name} failed and was rolled back; it runs as before.`,
      why: [messageOf(error), (error as { why?: string }).why].filter(text => text !== undefined).join(' '),
      address: request.address,
    })
  }
}
