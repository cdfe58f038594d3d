/** How long a stored kubeconfig serves, and who may read it. */
import { mkdtemp, readFile, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { nodePorts } from '../../../src/model/node-ports.js'
import { readStored, writeKubeconfig } from '../../../src/providers/vcluster/kubeconfig/store.js'

const minute = 60_000
const start = Date.parse('2026-01-01T00:00:00Z')
const clock = (now: number) => ({ ...nodePorts.clock, now: () => now })
const token = (end: number) =>
  ['{}', JSON.stringify({ exp: end / 1000 })].map(part => Buffer.from(part).toString('base64url')).join('.')
const text = (end: number) =>
  JSON.stringify({
    clusters: [{ name: 'c', cluster: { server: 'https://10.0.0.1' } }],
    users: [{ name: 'u', user: { token: `${token(end)}.x` } }],
    contexts: [{ name: 'x', context: { cluster: 'c', user: 'u' } }],
    'current-context': 'x',
  })

let folder: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'infra-store-'))
})
afterEach(() => rm(folder, { recursive: true }))

test.each([
  { reason: 'serves for an hour', end: 600, at: 59, of: 'a', serves: true },
  { reason: 'and no longer', end: 600, at: 61, of: 'a', serves: false },
  { reason: 'until its token ends, if that is earlier', end: 10, at: 9, of: 'a', serves: true },
  { reason: 'and no longer than that', end: 10, at: 11, of: 'a', serves: false },
  {
    reason: 'not where the clock went back: nobody knows how old it is',
    end: 600,
    at: -1,
    of: 'a',
    serves: false,
  },
  { reason: 'not for another cluster of the same name', end: 600, at: 1, of: 'b', serves: false },
])('a stored kubeconfig: $reason', async ({ end, at, of, serves }) => {
  const place = { path: join(folder, 'own', 'team.yaml') }
  const whole = text(start + end * minute)
  const note = await writeKubeconfig(nodePorts.files, clock(start), place, whole, 'a')
  expect(note.until).toBe(start + Math.min(60, end) * minute)
  expect((await stat(place.path)).mode & 0o777).toBe(0o600)
  expect((await stat(join(folder, 'own'))).mode & 0o777).toBe(0o700)
  const stored = await readStored(nodePorts.files, clock(start + at * minute), place, of)
  expect(stored.text).toBe(serves ? whole : undefined)
})

test('what is encrypted is never read back, and its note holds no secret', async () => {
  const place = {
    path: join(folder, 'team.age'),
    recipient: 'age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p',
  }
  const whole = text(start + 600 * minute)
  await writeKubeconfig(nodePorts.files, clock(start), place, whole, 'a')
  const stored = await readStored(nodePorts.files, clock(start + minute), place, 'a')
  expect(stored.note).toMatchObject({ encrypted: true, server: 'https://10.0.0.1' })
  expect(stored.text).toBeUndefined()
  for (const file of [place.path, `${place.path}.note`])
    expect(await readFile(file, 'utf8')).not.toContain(token(start + 600 * minute))
})
