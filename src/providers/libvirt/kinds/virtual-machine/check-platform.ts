/** What must hold for the emulated hardware of a virtual machine. */
import type { Attributes, Json } from '../../../../model/value.js'
import type { Problem } from '../../../kind.js'
import { list, objects, text } from '../values.js'

export function checkPlatform(spec: Attributes): Problem[] {
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
  const pxe = checkPxeBoot(spec)
  if (pxe !== undefined) return [pxe]
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

/** Only one can be the first, and the boot order says it already. */
function checkPxeBoot(spec: Attributes): Problem | undefined {
  const [first, second] = objects(spec.networkInterfaces).filter(({ item }) => item.pxeBoot === true)
  const one = second ?? (spec.bootOrder === undefined ? undefined : first)
  if (one === undefined) return undefined
  return {
    path: ['spec', 'networkInterfaces', one.index, 'pxeBoot'],
    code: second === undefined ? 'two-answers' : 'duplicate-pxe-boot',
    message:
      second === undefined
        ? '`pxeBoot` and `bootOrder` both say what the machine boots from'
        : `Interfaces ${(first?.index ?? 0) + 1} and ${one.index + 1} are both to be booted from first`,
    hint:
      second === undefined
        ? 'Keep one of the two.'
        : 'Keep `pxeBoot` on one, or write the whole `bootOrder`.',
  }
}
