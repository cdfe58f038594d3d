/** What must hold between the fields of a virtual machine. Values that are not known yet are passed over. */
import type { Attributes, Json } from '../../../../model/value.js'
import type { KindMeta, Problem } from '../../../kind.js'
import { fields, list, number, objects, text } from '../values.js'
import { domainName } from './canonical.js'
import { checkInterfaces } from './check-interfaces.js'
import { checkProvisioning } from './check-provisioning.js'

const namePattern = /^[a-z0-9]([a-z0-9_-]*[a-z0-9])?$/

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

function checkDisks(spec: Attributes): Problem[] {
  const problems: Problem[] = []
  const boot = fields(spec.bootDisk)
  const isBoot = spec.bootDisk === boot
  if (isBoot && boot.image === undefined && boot.empty !== true) {
    problems.push({
      path: ['spec', 'bootDisk'],
      code: 'missing-image',
      message: 'The boot disk has neither an image nor `empty: true`',
      hint: 'Name an image (`image: debian-12.qcow2`), or say `empty: true` for a machine that is to be installed.',
    })
  }
  if (boot.image !== undefined && boot.empty === true) {
    problems.push({
      path: ['spec', 'bootDisk', 'empty'],
      code: 'image-and-empty',
      message: 'The boot disk has an image and is said to be empty',
      hint: 'Keep one of the two.',
    })
  }
  const image = text(boot.image)
  const problem = image === undefined ? undefined : checkReference(image)
  if (problem !== undefined) problems.push({ path: ['spec', 'bootDisk', 'image'], ...problem })
  const iso = text(spec.installIso)
  const isoProblem = iso === undefined ? undefined : checkReference(iso)
  if (isoProblem !== undefined) problems.push({ path: ['spec', 'installIso'], ...isoProblem })

  const seen = new Set<Json>()
  for (const { item, index } of objects(spec.dataDisks)) {
    const path = ['spec', 'dataDisks', index]
    const device = text(item.device)
    if (device !== undefined && seen.has(device)) {
      problems.push({
        path: [...path, 'device'],
        code: 'duplicate-device',
        message: `Two data disks are ${device}`,
        hint: 'Give each a device of its own.',
      })
    }
    if (device !== undefined) seen.add(device)
    const ways = ['sizeGB', 'volume', 'source'].filter(way => item[way] !== undefined)
    if (ways.length !== 1) {
      const found = ways.length === 0 ? 'none of sizeGB, volume and source' : ways.join(' and ')
      problems.push({
        path,
        code: 'disk-source',
        message: `The data disk has ${found}`,
        hint: 'Say one: `sizeGB` for a volume of its own, `volume` for an existing one, `source` for one of another system.',
      })
    }
    const volume = text(item.volume)
    const wrong = volume === undefined ? undefined : checkReference(volume)
    if (wrong !== undefined) problems.push({ path: [...path, 'volume'], ...wrong })
  }
  return problems
}

/** `VOLUME`, `POOL:VOLUME` or an absolute path. libvirt has no folders in pools (CVE-2015-5313). */
function checkReference(reference: string): Pick<Problem, 'code' | 'message' | 'hint'> | undefined {
  if (reference.startsWith('/'))
    return reference.split('/').includes('..') ? invalidReference(reference) : undefined
  const parts = reference.split(':')
  const valid =
    parts.length <= 2 && parts.every(part => /^[^/\s]+$/.test(part) && part !== '.' && part !== '..')
  return valid ? undefined : invalidReference(reference)
}

function invalidReference(reference: string): Pick<Problem, 'code' | 'message' | 'hint'> {
  return {
    code: 'invalid-volume',
    message: `“${reference}” names no volume`,
    hint: 'Write `VOLUME`, `POOL:VOLUME` or an absolute path.',
  }
}

function checkPlatform(spec: Attributes): Problem[] {
  const problems: Problem[] = []
  if (spec.cpuMode === 'custom' && spec.cpuModel === undefined) {
    problems.push({
      path: ['spec', 'cpuMode'],
      code: 'missing-cpu-model',
      message: 'cpuMode is custom and no cpuModel is given',
      hint: 'Name one, such as `cpuModel: Haswell`.',
    })
  }
  if (
    spec.cpuModel !== undefined &&
    (spec.cpuMode ?? 'host-model') !== 'custom' &&
    typeof spec.cpuMode !== 'object'
  ) {
    problems.push({
      path: ['spec', 'cpuModel'],
      code: 'cpu-model-unused',
      message: `cpuModel means nothing with cpuMode ${text(spec.cpuMode) ?? 'host-model'}`,
      hint: 'Say `cpuMode: custom`.',
    })
  }
  if (spec.virtualization === 'qemu' && spec.cpuMode === 'host-passthrough') {
    problems.push({
      path: ['spec', 'cpuMode'],
      code: 'needs-kvm',
      message: 'An emulated machine cannot pass the host’s CPU through',
      hint: 'Use `maximum` or `host-model`, or `virtualization: kvm`.',
    })
  }
  if (spec.firmware === 'bios' && spec.secureBoot === true) {
    problems.push({
      path: ['spec', 'secureBoot'],
      code: 'needs-uefi',
      message: 'Secure Boot needs UEFI',
      hint: 'Say `firmware: uefi`.',
    })
  }
  if (spec.firmware === 'bios' && spec.firmwareLoader !== undefined) {
    problems.push({
      path: ['spec', 'firmwareLoader'],
      code: 'needs-uefi',
      message: 'A firmware loader needs UEFI',
      hint: 'Say `firmware: uefi`.',
    })
  }
  const names = new Map<string, number>()
  for (const { item, index } of objects(spec.fwCfg)) {
    const name = text(item.name)
    if ((item.value === undefined) === (item.file === undefined)) {
      problems.push({
        path: ['spec', 'fwCfg', index],
        code: 'fw-cfg-content',
        message: 'An fw_cfg entry has a value or a file, one of the two',
        hint: 'Keep one.',
      })
    }
    if (name !== undefined && names.has(name)) {
      problems.push({
        path: ['spec', 'fwCfg', index, 'name'],
        code: 'duplicate-name',
        message: `Two fw_cfg entries are ${name}`,
        hint: 'Keep one.',
      })
    }
    if (name !== undefined) names.set(name, index)
  }
  const tags = new Set<string>()
  for (const { item, index } of objects(spec.shares)) {
    const tag = text(item.tag)
    if (tag !== undefined && tags.has(tag)) {
      problems.push({
        path: ['spec', 'shares', index, 'tag'],
        code: 'duplicate-name',
        message: `Two shares are ${tag}`,
        hint: 'Give each a tag of its own.',
      })
    }
    if (tag !== undefined) tags.add(tag)
  }
  return [...problems, ...checkBootOrder(spec)]
}

function checkBootOrder(spec: Attributes): Problem[] {
  const known = new Set<Json>(['vda', 'cdrom'])
  for (const { item } of objects(spec.dataDisks)) if (item.device !== undefined) known.add(item.device)
  const interfaces = objects(spec.networkInterfaces)
  for (const { item, index } of interfaces) known.add(item.name ?? `eth${index}`)
  const seen = new Set<string>()
  return list(spec.bootOrder).flatMap((value, index): Problem[] => {
    const device = text(value)
    if (device === undefined) return []
    const path = ['spec', 'bootOrder', index]
    if (!known.has(device)) {
      const names = [...known].filter(name => typeof name === 'string').join(', ')
      return [
        {
          path,
          code: 'unknown-device',
          message: `The machine has no device ${device}`,
          hint: `Its devices are ${names}.`,
        },
      ]
    }
    if (seen.has(device))
      return [
        {
          path,
          code: 'duplicate-device',
          message: `${device} is in the boot order twice`,
          hint: 'Keep it once.',
        },
      ]
    seen.add(device)
    return []
  })
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
