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

/** Self-signed, until 23 November 2026, 09:13:32 UTC. */
const certificate =
  'MIIBbDCCAROgAwIBAgIUKlrg78p8IptALnsu3S7DiNzRCbAwCgYIKoZIzj0EAwIwDDEKMAgGA1UEAwwBeDAeFw0yNjExMjIwOTEz' +
  'MzJaFw0yNjExMjMwOTEzMzJaMAwxCjAIBgNVBAMMAXgwWTATBgcqhkjOPQIBBggqhkjOPQMBBwNCAAReLsgN95hbuDluOwPW+dSr' +
  's+HiICFwsmshgph9MR8cMcq2SOjyi8nVnqGmyZ9bf5yL1ihjhQi+1fNi1WB9nvSJo1MwUTAdBgNVHQ4EFgQUq8+DJEG3arbE+MCx' +
  'F9XINw6pyzQwHwYDVR0jBBgwFoAUq8+DJEG3arbE+MCxF9XINw6pyzQwDwYDVR0TAQH/BAUwAwEB/zAKBggqhkjOPQQDAgNHADBE' +
  'AiA7jQMgKH63HuW0hLtBbVgahhaqJ9ZfwrSqViZEz9bCjwIgOGsMASmP1TAnc4Sy7SAKLQgSM0BBcKgSot/TuKGFX7E='

test('a kubeconfig serves until its certificate ends', () => {
  const pem = `-----BEGIN CERTIFICATE-----\n${certificate.replace(/.{64}/g, '$&\n')}\n-----END CERTIFICATE-----\n`
  const user = { 'client-certificate-data': Buffer.from(pem).toString('base64') }
  const text = JSON.stringify({ clusters: [], users: [{ name: 'u', user }] })
  expect(credentialsEnd(text)).toBe(Date.parse('2026-11-23T09:13:32Z'))
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
