/** What must hold for the disks of a virtual machine. */
import type { Attributes, Json } from '../../../../model/value.js'
import type { Problem } from '../../../kind.js'
import { fields, objects, text } from '../values.js'

export function checkDisks(spec: Attributes): Problem[] {
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
  if (boot.format === 'raw' && boot.image !== undefined) {
    problems.push({
      path: ['spec', 'bootDisk', 'format'],
      code: 'raw-with-image',
      message: 'A raw boot disk cannot read through to its image',
      hint: 'Leave `format` out (qcow2), or say `empty: true`.',
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
