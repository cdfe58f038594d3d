/** What helm is told, by a helm that writes it down, and one that is none. */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import type { Host } from '../../../src/providers/vcluster/client/host.js'
import { findHelm } from '../../../src/providers/vcluster/helm/find.js'
import { chartArguments, upgrade } from '../../../src/providers/vcluster/helm/run.js'
import { defaultChart } from '../../../src/providers/vcluster/kinds/canonical.js'

let folder: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'infra-helm-'))
})
afterEach(() => rm(folder, { recursive: true }))

const soon = () => AbortSignal.timeout(30_000)
const host = { kubeconfig: '/lab/config', context: 'lab' } as Host

async function stub(script: string): Promise<string> {
  const binary = join(folder, 'helm')
  await writeFile(binary, `#!/bin/sh\n${script}\n`, { mode: 0o755 })
  return binary
}

test.each([
  {
    reason: 'a repository, the default',
    chart: { ...defaultChart },
    expected: ['vcluster', '--repo', 'https://charts.loft.sh', '--version', defaultChart.version],
  },
  {
    reason: 'a registry',
    chart: { oci: 'oci://ghcr.io/acme/vcluster', version: '0.36.1' },
    expected: ['oci://ghcr.io/acme/vcluster', '--version', '0.36.1'],
  },
  { reason: 'a folder beside the stack', chart: { path: 'chart' }, expected: ['/stack/chart'] },
  {
    reason: 'a folder, whose version its Chart.yaml says',
    chart: { path: '/charts/vcluster', version: '0.36.1' },
    expected: ['/charts/vcluster'],
  },
])('a chart of $reason', ({ chart, expected }) => {
  expect(chartArguments(chart, '/stack')).toEqual(expected)
})

test('a chart that is taken from a repository, with values that touch no disk', async () => {
  const binary = await stub(`printf '%s\\n' "$@" >${folder}/arguments; cat >${folder}/values`)
  await upgrade(
    { binary, version: '3.21.4' },
    host,
    { namespace: 'vcluster-team', name: 'team' },
    {
      chart: chartArguments({ ...defaultChart }, '/stack'),
      values: { a: 'hush' },
      labels: { owner: 'me' },
      signal: soon(),
    },
  )
  const told = (await readFile(join(folder, 'arguments'), 'utf8')).trim().split('\n').join(' ')
  expect(told).toMatch(
    /^upgrade --namespace vcluster-team --kubeconfig \/lab\/config --kube-context lab --install /,
  )
  expect(told).toMatch(
    / --values - --labels owner=me --repo https:\/\/charts\.loft\.sh --version \S+ -- team vcluster$/,
  )
  expect(told).not.toContain('hush')
  expect(JSON.parse(await readFile(join(folder, 'values'), 'utf8'))).toEqual({ a: 'hush' })
})

test.each([
  { reason: 'says nothing', script: 'exit 0' },
  { reason: 'ends with an error', script: "echo 'no config' >&2; exit 1", why: 'no config' },
  { reason: 'is another program', script: 'echo Helm, at your service', why: 'Helm, at your service' },
])('a helm that $reason is told, with how to get one', async ({ script, why = '' }) => {
  await expect(findHelm(await stub(script), soon())).rejects.toMatchObject({
    code: 'helm-broken',
    why,
    hint: expect.stringContaining('https://helm.sh'),
  })
})
