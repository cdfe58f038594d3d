/** What is said of real virtual clusters that cannot become ready: each waits its time out, all of them at once. */
import { expect, test } from 'vitest'
import type { KubernetesLab } from '../../lab/kubernetes.js'
import { openWorld } from './world.js'

/** Registers the suite; it minds no other cluster on the host. */
export function notReady(host: KubernetesLab): void {
  test.each([
    {
      name: 'sad-image',
      reason: 'an image that is not there',
      spec: {
        values: { controlPlane: { statefulSet: { image: { repository: 'loft-sh/no-such-image' } } } },
        // A busy machine needs so long to find out
        readinessTimeout: '30s',
      },
      why: /[Pp]ull.*no-such-image/s,
    },
    {
      name: 'sad-cpu',
      reason: 'more than the host has',
      spec: { resources: { requests: { cpu: '64' } } },
      why: /Unschedulable.*Insufficient cpu/s,
    },
    {
      name: 'sad-class',
      reason: 'a storage class that is not there',
      spec: { storage: { class: 'nowhere' } },
      why: /Pending.*(nowhere|unbound)/s,
    },
  ])('$reason', async ({ name, spec, why }) => {
    const own = await openWorld(host)
    await expect(own.make(name, { readinessTimeout: '15s', ...spec })).rejects.toMatchObject({
      code: 'cluster-not-ready',
      why: expect.stringMatching(why),
    })
    const seen = await own.present(name, spec)
    expect(seen.incomplete).toBe(true)
    await own.remove(name, spec)
    expect(await own.observe(name, spec)).toEqual({ status: 'absent' })
    for (const token of own.kept) await own.provider.discard?.(token, AbortSignal.timeout(120_000))
    await own.close()
  })
}
