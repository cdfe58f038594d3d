/** The library: `plan` and `apply` do what the commands of these names do. The first test is an example to start from. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, relative } from 'node:path'
import { afterAll, beforeEach, describe, expect, it } from 'vitest'
import { apply, InfraError, InfraErrors, plan } from '../src/index.js'

const root = mkdtempSync(join(tmpdir(), 'infra-library-'))
afterAll(() => rmSync(root, { recursive: true, force: true }))

let path = ''
const stackOf = (memory: number) => `apiVersion: infra/v1
kind: VirtualMachine
metadata: {name: web}
spec:
  vcpus: 2
  memoryGiB: ${memory}
  bootDisk: {sizeGB: 10, empty: true}
  networkInterfaces: [{network: default, dhcp: true}]
`

beforeEach(() => {
  path = mkdtempSync(join(root, 'stack-'))
  writeFileSync(join(path, 'stack.yaml'), stackOf(2))
})

const policy = (rule: string) =>
  writeFileSync(
    join(path, 'infra-policy.yaml'),
    `apiVersion: infra/v1\nkind: Policy\nrules:\n  - {name: small, reason: Machines are small., require: "${rule}"}\n`,
  )

const refusal = (promise: Promise<unknown>) =>
  promise.then(
    () => undefined,
    thrown => (thrown instanceof InfraErrors ? thrown.errors[0] : (thrown as InfraError)),
  )

describe('import { plan, apply } from infra', () => {
  it('plans, applies what was reviewed, and has nothing to do afterwards', async () => {
    const { plan: reviewed, problems } = await plan({ path })
    expect(problems).toEqual([])
    expect(reviewed.steps.map(step => [step.action, step.address])).toEqual([
      ['create', 'VirtualMachine/web'],
    ])

    const outcome = await apply({ path: relative('.', path) }, { digest: reviewed.digest })
    expect(outcome.result).toBe('applied')
    expect(outcome.state.resources['VirtualMachine/web']?.spec.memoryGiB).toBe(2)

    expect((await plan({ path })).plan.steps).toEqual([])
    const gone = await apply({ path }, { mode: 'destroy' })
    expect(gone.state.resources).toEqual({})
  })

  it('waits for no restart once everything is as the machine still runs', async () => {
    await apply({ path })
    writeFileSync(join(path, 'stack.yaml'), stackOf(4))
    await apply({ path })
    expect((await plan({ path })).plan.pending).toMatchObject([{ address: 'VirtualMachine/web' }])
    writeFileSync(join(path, 'stack.yaml'), stackOf(2))
    await apply({ path })
    expect((await plan({ path })).plan.pending).toEqual([])
  })

  it('tells what the policy beside the stack finds, and applies nothing that it denies', async () => {
    policy('resource.spec.memoryGiB <= 1')
    expect((await plan({ path })).policy?.findings).toMatchObject([{ rule: 'small', level: 'deny' }])
    expect(await refusal(apply({ path }))).toMatchObject({
      code: 'policy-denied',
      address: 'VirtualMachine/web',
    })
    policy('resource.spec.memoryGiB <= 2')
    expect((await apply({ path })).result).toBe('applied')
  })

  it.each([
    ['another digest', { digest: '0'.repeat(64) }, 'plan-differs'],
    ['a target that is not there', { targets: ['VirtualMachine/wbe'] }, 'unknown-address'],
    ['something to replace that is not there', { replace: ['web'] }, 'unknown-address'],
    ['leave for what is no hazard', { allow: ['delete-data'] }, 'unknown-hazard'],
    ['leave for one resource that names none', { allow: ['deletes-data='] }, 'unknown-hazard'],
  ])('refuses %s, and changes nothing', async (_reason, request, code) => {
    const error = await refusal(apply({ path }, request))
    expect(error).toBeInstanceOf(InfraError)
    expect(error).toMatchObject({ code, hint: expect.any(String) })
    expect((await plan({ path })).plan.base.serial).toBe(0)
  })
})
