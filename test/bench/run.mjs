// Measures infra on the embedded world, as whole processes, beside Terraform where it is on the PATH, and prints tables.
//
//   node test/bench/run.mjs [--sizes 100,1000,10000] [--forms flat,for-each] [--repeat 3]
//                           [--terraform-apply-most 1000] [--terraform-most 10000] [--no-terraform]
//
// Plans are the median of --repeat runs; what changes something runs once. Above --terraform-apply-most resources Terraform's
// creates and destroys are left out, which grow with the square, and its plans start from a state that is generated.
// `cold` is without anything kept from an earlier run, `warm` with a stack that has not changed since the last one.
import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { cpus, tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { measure, median } from './measure.mjs'
import { writeStack, writeTerraform, writeTerraformState } from './stacks.mjs'

const { values } = parseArgs({
  options: {
    sizes: { type: 'string', default: '100,1000,10000' },
    forms: { type: 'string', default: 'flat,for-each' },
    repeat: { type: 'string', default: '3' },
    'terraform-apply-most': { type: 'string', default: '1000' },
    'terraform-most': { type: 'string', default: '10000' },
    'no-terraform': { type: 'boolean', default: false },
    timeout: { type: 'string', default: '1200' },
  },
})
const sizes = values.sizes.split(',').map(Number)
const repeat = Number(values.repeat)
const timeoutSeconds = Number(values.timeout)
const program = fileURLToPath(new URL('../../bin/infra', import.meta.url))
const terraformVersion = values['no-terraform'] ? undefined : versionOf('terraform')

const steps = [
  'validate',
  'plan on nothing',
  'create',
  'no-op plan, cold',
  'no-op plan, warm',
  'plan of 1 % changed',
  'apply of 1 % changed',
  'destroy',
]

print(
  `${cpus()[0]?.model.trim()}, ${cpus().length} processors, Node ${process.version}${terraformVersion ? `, ${terraformVersion}` : ''}\n`,
)
print('Each cell: wall s / processor s / peak MB.\n')
for (const form of values.forms.split(',')) {
  const byStep = new Map(steps.map(step => [step, []]))
  for (const size of sizes) {
    print(`### ${form}, ${size} resources\n`)
    print(
      '| step | infra | Terraform | times faster | by processor | of its memory |\n| --- | --- | --- | --- | --- | --- |',
    )
    const ours = inFolder(folder => runInfra(folder, form, size))
    const theirs =
      terraformVersion && size <= Number(values['terraform-most'])
        ? inFolder(folder => runTerraform(folder, form, size))
        : new Map()
    for (const step of steps) {
      const mine = ours.get(step)
      const other = theirs.get(step)
      byStep.get(step).push([size, mine])
      const faster = other ? (other.wall / mine.wall).toFixed(1) : ''
      const lighter = other?.cpu ? (other.cpu / mine.cpu).toFixed(1) : ''
      const memory = other?.memory ? `${((100 * mine.memory) / other.memory).toFixed(0)} %` : ''
      print(`| ${step} | ${cell(mine)} | ${cell(other)} | ${faster} | ${lighter} | ${memory} |`)
    }
    print('')
  }
  if (sizes.length > 1) printGrowth(form, byStep)
}

function runInfra(folder, form, size) {
  const cache = join(folder, 'cache')
  const env = { HOME: folder, XDG_CACHE_HOME: cache, NO_COLOR: '1' }
  const run = (...args) => measure(program, args, { cwd: folder, env, timeoutSeconds })
  const cold = work =>
    median(repeat, () => {
      rmSync(cache, { recursive: true, force: true })
      return work()
    })
  const found = new Map()
  writeStack(folder, form, size, false)
  found.set(
    'validate',
    cold(() => run('validate')),
  )
  found.set(
    'plan on nothing',
    cold(() => run('plan')),
  )
  rmSync(cache, { recursive: true, force: true })
  found.set('create', run('apply', '--yes'))
  found.set(
    'no-op plan, cold',
    cold(() => run('plan')),
  )
  run('plan')
  found.set(
    'no-op plan, warm',
    median(repeat, () => run('plan')),
  )
  writeStack(folder, form, size, true)
  found.set(
    'plan of 1 % changed',
    cold(() => run('plan')),
  )
  rmSync(cache, { recursive: true, force: true })
  found.set('apply of 1 % changed', run('apply', '--yes'))
  found.set('destroy', run('destroy', '--yes'))
  return found
}

function runTerraform(folder, form, size) {
  const env = { CHECKPOINT_DISABLE: '1', TF_IN_AUTOMATION: '1' }
  const run = (...args) => measure('terraform', args, { cwd: folder, env, timeoutSeconds })
  const found = new Map()
  const applies = size <= Number(values['terraform-apply-most'])
  const plan = () => median(repeat, () => run('plan', '-input=false', '-no-color'))
  writeTerraform(folder, form, size, false)
  run('init', '-input=false', '-no-color')
  found.set(
    'validate',
    median(repeat, () => run('validate', '-no-color')),
  )
  found.set('plan on nothing', plan())
  if (applies) found.set('create', run('apply', '-auto-approve', '-input=false', '-no-color'))
  else writeTerraformState(folder, form, size)
  const noop = plan()
  found.set('no-op plan, cold', noop)
  found.set('no-op plan, warm', noop)
  writeTerraform(folder, form, size, true)
  found.set('plan of 1 % changed', plan())
  found.set('apply of 1 % changed', run('apply', '-auto-approve', '-input=false', '-no-color'))
  if (applies) found.set('destroy', run('destroy', '-auto-approve', '-input=false', '-no-color'))
  return found
}

/** The exponent of growth from one size to the next: 1 is linear, 2 quadratic. */
function printGrowth(form, byStep) {
  const pairs = sizes.slice(1).map((size, index) => [sizes[index], size])
  print(`### ${form}: growth of wall time, of processor time in brackets (1 is linear)\n`)
  print(`| step | ${pairs.map(([from, to]) => `${from} → ${to}`).join(' | ')} |`)
  print(`| --- | ${pairs.map(() => '---').join(' | ')} |`)
  for (const [step, all] of byStep) {
    const exponents = pairs.map((_, index) => {
      const [[fromSize, from], [toSize, to]] = [all[index], all[index + 1]]
      const exponent = key => (Math.log(to[key] / from[key]) / Math.log(toSize / fromSize)).toFixed(2)
      return from.cpu ? `${exponent('wall')} (${exponent('cpu')})` : exponent('wall')
    })
    print(`| ${step} | ${exponents.join(' | ')} |`)
  }
  print('')
}

function cell(found) {
  if (!found) return ''
  if (!Number.isFinite(found.wall)) return `more than ${timeoutSeconds} s`
  const wall = found.wall.toFixed(found.wall < 10 ? 2 : 1)
  return found.cpu === undefined ? wall : `${wall} / ${found.cpu.toFixed(2)} / ${found.memory.toFixed(0)}`
}

function inFolder(work) {
  const folder = mkdtempSync(join(tmpdir(), 'infra-bench-'))
  mkdirSync(folder, { recursive: true })
  try {
    return work(folder)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

function versionOf(name) {
  const run = spawnSync(name, ['version'], { encoding: 'utf8' })
  return run.status === 0 ? run.stdout.split('\n')[0] : undefined
}

function print(line) {
  process.stdout.write(`${line}\n`)
}
