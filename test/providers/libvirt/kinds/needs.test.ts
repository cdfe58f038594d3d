/** What a machine needs by the name of a volume: the image or volume of the stack that makes it, however that is called. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { kinds } from '../../../../src/session/provider-types.js'
import { loadStack } from '../../../../src/stack/load.js'

let folder: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'infra-needs-'))
})
afterEach(() => rm(folder, { recursive: true, force: true }))

const named = (kind: string, spec: object) => ({
  ...{ apiVersion: 'infra/v1', kind, metadata: { name: 'base' }, spec },
})
const image = (volume: string, pool = 'images') =>
  named('Image', { pool, volume, source: { path: 'x.qcow2' }, format: 'qcow2' })
const disk = (volume: string) => named('Volume', { pool: 'vms', volume, size: '1GiB' })

test.each([
  { reason: 'an image', made: image('debian.qcow2'), needs: ['Image/base'] },
  { reason: 'not one of another pool', made: image('debian.qcow2', 'others'), needs: [] },
  { reason: 'not one of another name', made: image('fedora.qcow2'), needs: [] },
  { reason: 'a volume', made: disk('shared'), needs: ['Volume/base'] },
])('a machine needs what its disks name: $reason', async ({ made, needs }) => {
  const spec = {
    ...{ vcpus: 1, memoryGiB: 1, storagePool: 'vms', networkInterfaces: [{ dhcp: true, bridge: 'br0' }] },
    bootDisk: { sizeGB: 1, image: 'images:debian.qcow2' },
    dataDisks: [{ device: 'vdb', volume: 'vms:shared' }],
  }
  const machine = { apiVersion: 'infra/v1', kind: 'VirtualMachine', metadata: { name: 'web' }, spec }
  const path = join(folder, 'stack.yaml')
  await writeFile(path, [machine, made].map(one => JSON.stringify(one)).join('\n---\n'))
  const stack = await loadStack({ path, kinds })
  expect(stack.resources.get('VirtualMachine/web')?.dependencies).toEqual(needs)
})
