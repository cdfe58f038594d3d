// infra killed on a real system, for as long as wanted. By hand, after a build, as root:
//
//   node test/crash/run.mjs --system libvirt|ceph [--rounds 300] [--minutes 60] [--faults infra,room,libvirtd] [--seed 1]
//
// Brings the system up (test/lab), and takes it away again. KEEP=1 leaves infra's folder where something was lost.
import { parseArgs } from 'node:util'
import '../lab/typescript-loader.mjs'

const { values } = parseArgs({
  options: {
    system: { type: 'string', default: 'libvirt' },
    rounds: { type: 'string', default: '300' },
    minutes: { type: 'string' },
    faults: { type: 'string' },
    seed: { type: 'string', default: String(Date.now() % 2 ** 31) },
  },
})
const { killedCeph, killedLibvirt } = await import('./systems.ts')
const { crashRounds } = await import('./driver.ts')

const system = await (values.system === 'ceph' ? killedCeph : killedLibvirt)('hand')
if ('skip' in system) throw new Error(system.skip)
const stop = async () => {
  await system.clean()
  process.exit(130)
}
process.on('SIGINT', stop)
process.on('SIGTERM', stop)
try {
  const counts = await crashRounds(system, {
    seed: Number(values.seed),
    rounds: Number(values.rounds),
    faults: values.faults?.split(',') ?? ['infra', 'infra', 'infra', 'room', ...system.daemons],
    ...(values.minutes && { until: Date.now() + Number(values.minutes) * 60_000 }),
    say: line => process.stdout.write(`${line}\n`),
  })
  process.stdout.write(`${system.name}, seed ${values.seed}: ${JSON.stringify(counts)}\n`)
} catch (error) {
  process.stderr.write(`${error.message}\n`)
  process.exitCode = 1
} finally {
  await system.clean()
}
