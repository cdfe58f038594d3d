/** The chart out of a repository, as helm takes it over HTTP. */
import { createReadStream } from 'node:fs'
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { KubernetesLab } from '../../lab/kubernetes.js'
import { pretendKubelet } from './pretend.js'
import { openWorld, type World } from './world.js'

/** Registers the suite. The host is an API server alone. */
export function charts(host: KubernetesLab): void {
  describe.sequential('a chart in a repository', () => {
    let world: World
    let folder: string
    let server: Server
    let repository: string
    let version: string
    const asked: string[] = []

    beforeAll(async () => {
      world = await openWorld(host)
      folder = await mkdtemp(join(tmpdir(), 'infra-charts-'))
      server = createServer((request, response) => {
        const file = basename(request.url ?? '')
        asked.push(file)
        createReadStream(join(folder, file))
          .on('error', () => response.writeHead(404).end())
          .pipe(response)
      })
      await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
      repository = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
      await host.helm('package', host.chart, '-d', folder)
      await host.helm('repo', 'index', folder)
      const [archive = ''] = (await readdir(folder)).filter(file => file.endsWith('.tgz'))
      version = archive.replace(/^vcluster-|\.tgz$/g, '')
    })
    afterAll(async () => {
      await world?.close()
      server?.close()
      await rm(folder, { recursive: true, force: true })
    })

    test('is fetched, installed and found again as what is declared', async () => {
      const spec = { chart: { repository, version }, kubeconfig: { server: host.server } }
      const pretence = pretendKubelet(host, ['vcluster-shelf'])
      try {
        await world.make('shelf', spec)
        expect(asked).toEqual(expect.arrayContaining(['index.yaml', `vcluster-${version}.tgz`]))
        const [release] = await host.helmJson<{ chart: string; status: string }[]>(
          'list',
          '-n',
          'vcluster-shelf',
        )
        expect(release).toMatchObject({ chart: `vcluster-${version}`, status: 'deployed' })
        expect(await world.drift('shelf', spec)).toEqual([])
        expect((await world.present('shelf', spec)).facts.chartVersion).toBe(version)
        await world.remove('shelf', spec)
        expect(await world.observe('shelf', spec)).toEqual({ status: 'absent' })
      } finally {
        await pretence.end()
      }
    })

    test('is told in the words of helm where it is not of that version, and nothing is left', async () => {
      const spec = { chart: { repository, version: '9.9.9' } }
      await expect(world.make('shelfless', spec)).rejects.toMatchObject({
        why: expect.stringContaining('9.9.9'),
      })
      await world.remove('shelfless', spec)
      expect(await host.kubectl('get', 'ns', '-o', 'name')).not.toContain('vcluster-shelfless')
    })
  })
}
