/** What must hold between the fields of a virtual machine. Values that are not known yet are passed over. */
import type { Attributes } from '../../../../model/value.js'
import type { KindMeta, Problem } from '../../../kind.js'
import { fields, number, objects } from '../values.js'
import { domainName } from './canonical.js'
import { checkDisks } from './check-disks.js'
import { checkInterfaces } from './check-interfaces.js'
import { checkPlatform } from './check-platform.js'
import { checkProvisioning } from './check-provisioning.js'

const namePattern = /^[a-z0-9]([a-z0-9_-]*[a-z0-9])?$/

/** Everything that must hold within one document, as problems with the place of each. */
export function checkMachine(spec: Attributes, meta: KindMeta): readonly Problem[] {
  return [
    ...checkName(meta),
    ...checkSizes(spec),
    ...checkDisks(spec),
    ...checkInterfaces(spec, meta),
    ...checkProvisioning(spec),
    ...checkPlatform(spec),
    ...checkReadiness(spec),
  ]
}

function checkName(meta: KindMeta): Problem[] {
  const name = domainName(meta)
  const path = ['metadata', 'name']
  if (name.length > 200) {
    return [
      {
        path,
        code: 'name-too-long',
        message: `The name has ${name.length} characters, more than 200`,
        hint: 'Choose a shorter one: volumes are named after it.',
      },
    ]
  }
  if (namePattern.test(name)) return []
  return [
    {
      path,
      code: 'invalid-name',
      message: `“${name}” is no name for a machine`,
      hint: 'Use lower-case letters, digits, dashes and underscores; begin and end with a letter or digit.',
    },
  ]
}

function checkSizes(spec: Attributes): Problem[] {
  const problems: Problem[] = []
  const [vcpus, maxVcpus] = [number(spec.vcpus), number(spec.maxVcpus)]
  if (vcpus !== undefined && maxVcpus !== undefined && maxVcpus < vcpus) {
    problems.push({
      path: ['spec', 'maxVcpus'],
      code: 'maximum-below-value',
      message: `maxVcpus (${maxVcpus}) is below vcpus (${vcpus})`,
      hint: 'Raise maxVcpus, or leave it out.',
    })
  }
  const [memory, maxMemory] = [number(spec.memoryGiB), number(spec.maxMemoryGiB)]
  if (memory !== undefined && maxMemory !== undefined && maxMemory < memory) {
    problems.push({
      path: ['spec', 'maxMemoryGiB'],
      code: 'maximum-below-value',
      message: `maxMemoryGiB (${maxMemory}) is below memoryGiB (${memory})`,
      hint: 'Raise maxMemoryGiB, or leave it out.',
    })
  }
  const topology = fields(spec.cpuTopology)
  const [sockets, cores, threads] = [
    number(topology.sockets),
    number(topology.cores),
    number(topology.threads),
  ]
  const maximum = maxVcpus ?? vcpus
  if (sockets && cores && threads && maximum !== undefined && sockets * cores * threads !== maximum) {
    problems.push({
      path: ['spec', 'cpuTopology'],
      code: 'topology-mismatch',
      message: `${sockets} sockets × ${cores} cores × ${threads} threads are ${sockets * cores * threads} CPUs, not ${maximum}`,
      hint: 'Make the product equal maxVcpus (vcpus, where that is absent).',
    })
  }
  const cells = objects(fields(spec.numa).cells).map(({ item }) => number(item.memoryGiB))
  const whole = maxMemory ?? memory
  if (cells.length > 0 && whole !== undefined && cells.every(cell => cell !== undefined)) {
    const sum = cells.reduce((total: number, cell) => total + (cell ?? 0), 0)
    if (Math.abs(sum - whole) > 0.002 * cells.length) {
      problems.push({
        path: ['spec', 'numa', 'cells'],
        code: 'numa-mismatch',
        message: `The NUMA cells hold ${sum} GiB, the machine has ${whole}`,
        hint: 'Make the memory of the cells add up to maxMemoryGiB.',
      })
    }
  }
  return problems
}

function checkReadiness(spec: Attributes): Problem[] {
  const readiness = fields(spec.readiness)
  if (readiness.until === 'tcp' && readiness.port === undefined) {
    return [
      {
        path: ['spec', 'readiness'],
        code: 'missing-port',
        message: 'Readiness by TCP needs a port',
        hint: 'Say which, such as `port: 22`.',
      },
    ]
  }
  if (readiness.until === 'cloudInit' && spec.cloudInit === undefined) {
    return [
      {
        path: ['spec', 'readiness', 'until'],
        code: 'no-cloud-init',
        message: 'Readiness waits for cloud-init, and the machine has none',
        hint: 'Add `cloudInit`, or wait for something else.',
      },
    ]
  }
  if (readiness.until !== undefined && readiness.until !== 'running' && spec.powerState === 'stopped') {
    return [
      {
        path: ['spec', 'readiness', 'until'],
        code: 'never-ready',
        message: 'A machine that is to be stopped never becomes ready',
        hint: 'Say `powerState: running`, or leave readiness out.',
      },
    ]
  }
  return []
}
