/** What hosts, charts and people give that is not as it should be. */
import { expect, test } from 'vitest'
import { checkAddress } from '../../../src/providers/vcluster/acts/snapshot-tool.js'
import { credentialsEnd } from '../../../src/providers/vcluster/kubeconfig/content.js'
import { entriesOfTar } from '../../../src/providers/vcluster/tar.js'

test.each([
  'oci://ghcr.io/me/backup:1',
  's3://bucket/key?region=eu-west-1',
  'container:///data/x.tar.gz',
  'https://account.blob.core.windows.net/box/blob',
])('%s is a place for a backup', address => {
  expect(() => checkAddress(address)).not.toThrow()
})
test.each([
  'https://account.blob.core.windows.net/box/blob?sv=1&sig=hush',
  's3://bucket/key?secret-access-key=hush',
  's3://bucket/key?sessionToken=hush',
  'oci://me:hush@ghcr.io/me/backup:1',
])('%s holds a secret, which is told nowhere', address => {
  const failed = (() => {
    try {
      checkAddress(address)
    } catch (error) {
      return error
    }
  })()
  expect(failed).toMatchObject({ code: 'backup-address' })
  expect(JSON.stringify(failed)).not.toContain('hush')
})

test('of a kubeconfig with something else for a certificate nobody knows how long it serves', () => {
  const data = Buffer.from('no certificate').toString('base64')
  const text = JSON.stringify({
    clusters: [],
    users: [{ name: 'u', user: { 'client-certificate-data': data } }],
  })
  expect(credentialsEnd(text)).toBeUndefined()
})

test('a long path in a chart is not taken for a short one', () => {
  const block = Buffer.alloc(512)
  block.write('charts/values.yaml', 0)
  block.write(`${0}`.padStart(11, '0'), 124)
  block.write('ustar', 257)
  block.write(`vcluster/${'deep/'.repeat(20)}sub`, 345)
  block.fill(' ', 148, 156)
  const sum = block.reduce((total, byte) => total + byte, 0)
  block.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148)
  const [entry] = entriesOfTar(Buffer.concat([block, Buffer.alloc(1024)]))
  expect(entry?.name).toBe(`vcluster/${'deep/'.repeat(20)}sub/charts/values.yaml`)
})
