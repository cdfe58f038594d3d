/** A reviewed digest that no longer fits is refused with what has changed since, where its plan was made on this machine. */
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, expect, it } from 'vitest'
import { keepPlan } from '../../src/cli/kept-plans.js'
import type { Plan } from '../../src/planner/plan.js'

const program = fileURLToPath(new URL('../../bin/infra', import.meta.url))
const folder = mkdtempSync(join(tmpdir(), 'infra-digest-'))
const plans = join(folder, 'cache/infra/plans')
afterAll(() => rmSync(folder, { recursive: true, force: true }))

function infra(...args: readonly string[]) {
  const env = { PATH: process.env.PATH, HOME: folder, XDG_CACHE_HOME: join(folder, 'cache') }
  const { status, stdout, stderr } = spawnSync(program, args, { cwd: folder, env, encoding: 'utf8' })
  return { status, text: stdout + stderr }
}

function write(size: string): void {
  const spec = `spec: {size: ${size}}`
  writeFileSync(
    join(folder, 'stack.yaml'),
    `apiVersion: infra/v1\nkind: Volume\nmetadata: {name: a}\n${spec}\n`,
  )
}

it('tells what differs from the plan that was reviewed', () => {
  write('1GiB')
  const digest = /Digest ([0-9a-f]{64})/.exec(infra('plan').text)?.[1] ?? ''
  expect(digest).toHaveLength(64)
  write('3GiB')
  const refused = infra('apply', '--digest', digest, '--yes')
  expect(refused.status).toBe(2)
  expect(refused.text).toMatch(/create Volume\/a/)
  expect(refused.text).toMatch(/size.*3/)
  rmSync(plans, { recursive: true })
  const bare = infra('apply', '--digest', digest, '--yes')
  expect(bare.status).toBe(2)
  expect(bare.text).toContain('the digest is ')
  write('1GiB')
  expect(infra('apply', '--digest', digest, '--yes').status).toBe(0)
})

it('keeps the last twenty plans, for their user alone', async () => {
  write('4GiB')
  infra('plan')
  const [newest = ''] = readdirSync(plans).slice(-1)
  const plan = JSON.parse(readFileSync(join(plans, newest), 'utf8')) as Plan
  const digests = Array.from({ length: 25 }, (_, index) => String(index).padStart(64, '0'))
  // Of 1970, all of them older than the one of the command
  for (const [index, digest] of digests.entries()) await keepPlan(plans, { ...plan, digest }, [], index)
  const kept = readdirSync(plans).sort()
  expect(kept.at(-1)).toBe(newest)
  expect(kept.slice(0, -1).map(file => file.slice(16, -5))).toEqual(digests.slice(-19))
  expect(statSync(plans).mode & 0o777).toBe(0o700)
  for (const file of kept) expect(statSync(join(plans, file)).mode & 0o777).toBe(0o600)
})
