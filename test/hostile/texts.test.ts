/** Files that a user or a stranger's pull request brings: stacks, policies, ignored drift, saved plans. */
import { readFileSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, it } from 'vitest'
import { readPlanFile } from '../../src/cli/saved-plan.js'
import type { Json } from '../../src/model/value.js'
import { evaluatePolicy } from '../../src/policy/evaluate.js'
import { readPolicy } from '../../src/policy/read.js'
import { applyIgnores, readIgnores } from '../../src/report/drift/ignores.js'
import { renderHtml } from '../../src/report/html.js'
import { renderMarkdown } from '../../src/report/markdown.js'
import { diffPlans, renderPlanDiff } from '../../src/report/plan-diff.js'
import { renderTerminal } from '../../src/report/terminal.js'
import { resolveStack } from '../../src/stack/load.js'
import { mixedPlan } from '../report/fixtures.js'
import type { Dice } from '../sim/dice.js'
import { read } from '../stack/stacks.js'
import { mutatedBytes, mutatedJson } from './mutate.js'
import { survives } from './survive.js'

const example = (name: string) => readFileSync(new URL(`../../examples/${name}`, import.meta.url))
const samples = {
  stacks: [
    'homelab/machines.yaml',
    'homelab/stack.yaml',
    'multi-disk-vm/multi-disk-vm.yaml',
    'simple-vm/simple-vm.yaml',
    'private-cloud/stack.yaml',
  ].map(example),
  policy: example('policy/infra-policy.yaml'),
  ignores: example('drift/infra-drift-ignore.yaml'),
}
const plan = mixedPlan()

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'infra-hostile-'))
})
afterAll(() => rm(folder, { recursive: true, force: true }))

const readStack = async (bytes: Uint8Array) =>
  resolveStack(await read(Buffer.from(bytes).toString('utf8'))).resources.size

const readRules = (bytes: Uint8Array) =>
  evaluatePolicy(readPolicy({ name: 'policy', text: Buffer.from(bytes).toString('utf8') }), plan, 0)

const readFindings = (bytes: Uint8Array) => {
  const ignores = readIgnores({ name: 'ignores', text: Buffer.from(bytes).toString('utf8') })
  applyIgnores(ignores, 0).of('VirtualMachine/web', 'dataDisks[vdb].sizeGB')
}

/** A plan is read, shown in every way, and compared. */
const readPlan = async (bytes: Uint8Array) => {
  const file = join(folder, 'plan.json')
  await writeFile(file, bytes)
  const found = (await readPlanFile(file)).plan
  renderTerminal(found, { colour: false })
  renderMarkdown(found, {})
  renderHtml(found, {})
  renderPlanDiff(diffPlans(plan, found), { colour: false })
  renderPlanDiff(diffPlans(found, plan), { colour: false })
}

/** JSON is YAML: so structure can be changed where the text is still one that is read. */
const asText = (value: Json) => Buffer.from(`${JSON.stringify(value)}\n`)
const documents: Json = [
  {
    ...{ apiVersion: 'infra/v1', kind: 'Stack', metadata: { name: 'a' } },
    spec: {
      providers: { libvirt: { type: 'embedded' } },
      variables: { size: { default: '1GiB', type: 'string' } },
    },
  },
  {
    ...{
      apiVersion: 'infra/v1',
      kind: 'Volume',
      metadata: { name: 'a', forEach: ['x', 'y'], labels: { a: 'b' } },
    },
    spec: { size: '$' + '{var.size}' },
  },
  {
    ...{
      apiVersion: 'infra/v1',
      kind: 'Volume',
      metadata: { name: 'b', lifecycle: { preventDestroy: true } },
    },
    spec: { size: 5 },
  },
]
const joined = (value: Json) =>
  Buffer.concat((Array.isArray(value) ? value : [value]).flatMap(one => [Buffer.from('---\n'), asText(one)]))
const policy: Json = {
  ...{ apiVersion: 'infra/v1', kind: 'Policy' },
  rules: [
    { name: 'a', reason: 'b', level: 'warn', each: 'step', when: 'true', require: 'step.action != "delete"' },
  ],
}
const ignores: Json = {
  ...{ apiVersion: 'infra/v1', kind: 'DriftIgnores' },
  ignores: [{ address: 'VirtualMachine/*', path: 'a[*].b', reason: 'c', until: '2026-01-01' }],
}

describe('hostile files', () => {
  const table: readonly { reason: string; read: (dice: Dice) => unknown }[] = [
    {
      reason: 'a stack whose bytes are changed',
      read: dice => readStack(mutatedBytes(dice.pick(samples.stacks), dice)),
    },
    {
      reason: 'a stack whose structure is changed',
      read: dice => readStack(joined(mutatedJson(documents, dice))),
    },
    {
      reason: 'a policy whose bytes are changed',
      read: dice => readRules(mutatedBytes(samples.policy, dice)),
    },
    {
      reason: 'a policy whose structure is changed',
      read: dice => readRules(asText(mutatedJson(policy, dice))),
    },
    {
      reason: 'ignores whose bytes are changed',
      read: dice => readFindings(mutatedBytes(samples.ignores, dice)),
    },
    {
      reason: 'ignores whose structure is changed',
      read: dice => readFindings(asText(mutatedJson(ignores, dice))),
    },
    {
      reason: 'a plan whose bytes are changed',
      read: dice => readPlan(mutatedBytes(asText(plan as unknown as Json), dice)),
    },
    {
      reason: 'a plan whose structure is changed',
      read: dice => readPlan(asText(mutatedJson(plan as unknown as Json, dice))),
    },
    {
      reason: 'noise',
      read: dice => readStack(Buffer.from(Array.from({ length: dice.roll(300) }, () => dice.roll(256)))),
    },
  ]
  // A file of any of these takes ten times what an answer of a system does
  it.each(table)('$reason', ({ read: one }) => survives(one, 150), 600_000)
})
