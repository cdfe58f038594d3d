/** Changes of a machine while it runs: each with the call that libvirt has for it. What it has none for waits for a restart. */
import { setTimeout as sleep } from 'node:timers/promises'
import { InfraError } from '../../model/error.js'
import { type Attributes, sameValue } from '../../model/value.js'
import type { Call } from '../provider.js'
import { ask, type Host } from './connection.js'
import { untilGiven } from './guest-memory.js'
import { memoryKib } from './kinds/units.js'
import { fields, number, objects, text } from './kinds/values.js'
import { isLibvirt } from './rpc/errors.js'
import { affect, metadataTypes } from './rpc/flags.js'
import { procedures } from './rpc/procedures/index.js'
import type { Domain, TypedParameter } from './rpc/types.js'
import { limitNames } from './xml/domain-disks.js'
import { parseXml } from './xml/parse.js'
import { serializeXml } from './xml/serialize.js'
import { bytesOf, find, findAll, integerOf, type XmlElement } from './xml/tree.js'

/** How long a guest gets to let go of a device. */
const detachTimeout = 20_000
const askAgain = 5_000

interface LiveChange {
  readonly from: Attributes
  readonly to: Attributes
  /** Paths that are to be met while it runs. */
  readonly paths: readonly string[]
}

/** Brings the running domain to what is stored, as far as the paths go. */
export async function changeLive(host: Host, domain: Domain, change: LiveChange, call: Call): Promise<void> {
  const { signal } = call
  const [running, stored] = await Promise.all([
    readXml(host, domain, 0, signal),
    readXml(host, domain, storedWithSecrets, signal),
  ])
  const is = (path: string) => change.paths.some(one => one === path || one.startsWith(`${path}.`))
  if (is('vcpus')) await setVcpus(host, domain, running, number(change.to.vcpus), signal)
  if (is('memoryGiB')) await setMemory(host, domain, running, number(change.to.memoryGiB), signal)
  for (const name of ['title', 'description'] as const) {
    if (is(name)) await setText(host, domain, name, text(change.to[name]), signal)
  }
  await changeDisks(host, domain, change, running, stored, call)
  await changeInterfaces(host, domain, change, running, stored, call)
  if (is('installIso')) await updateDevice(host, domain, diskOf(stored, 'sdb'), signal)
  if (is('graphics.password')) {
    await updateDevice(host, domain, find(find(stored, 'devices'), 'graphics'), signal)
  }
}

/** VIR_DOMAIN_XML_SECURE and _INACTIVE. */
const storedWithSecrets = 3

async function readXml(host: Host, domain: Domain, flags: number, signal: AbortSignal): Promise<XmlElement> {
  return parseXml(await ask(host, procedures.domains.xml, { domain, flags }, signal))
}

/** More than the running machine can have waits for a restart, as its maximum does. */
async function setVcpus(
  host: Host,
  domain: Domain,
  running: XmlElement,
  vcpus: number | undefined,
  signal: AbortSignal,
): Promise<void> {
  const maximum = integerOf(find(running, 'vcpu'))
  if (vcpus === undefined || maximum === undefined || vcpus > maximum) return
  await ask(host, procedures.domains.setVcpus, { domain, vcpus, flags: affect.live }, signal)
}

async function setMemory(
  host: Host,
  domain: Domain,
  running: XmlElement,
  memoryGiB: number | undefined,
  signal: AbortSignal,
): Promise<void> {
  const maximum = bytesOf(find(running, 'memory'), 'KiB')
  if (memoryGiB === undefined || maximum === undefined) return
  const memory = memoryKib(memoryGiB)
  if (memory * 1024 > maximum) return
  await ask(host, procedures.domains.setMemory, { domain, memory, flags: affect.live }, signal)
  await untilGiven(host, domain, memory, signal)
}

async function setText(
  host: Host,
  domain: Domain,
  name: 'title' | 'description',
  value: string | undefined,
  signal: AbortSignal,
): Promise<void> {
  const args = {
    domain,
    type: metadataTypes[name],
    metadata: value,
    key: undefined,
    uri: undefined,
    flags: affect.live,
  }
  await ask(host, procedures.domains.setMetadata, args, signal)
}

function diskOf(root: XmlElement, device: string): XmlElement | undefined {
  return findAll(find(root, 'devices'), 'disk').find(disk => find(disk, 'target')?.attributes.dev === device)
}

function interfaceOf(root: XmlElement, mac: string | undefined): XmlElement | undefined {
  return findAll(find(root, 'devices'), 'interface').find(one => find(one, 'mac')?.attributes.address === mac)
}

/** Without its places on the bus: the running machine has its own. */
function portable(device: XmlElement): string {
  return serializeXml({
    ...device,
    children: device.children.filter(
      child => typeof child === 'string' || (child.name !== 'address' && child.name !== 'alias'),
    ),
  })
}

async function changeDisks(
  host: Host,
  domain: Domain,
  change: LiveChange,
  running: XmlElement,
  stored: XmlElement,
  call: Call,
): Promise<void> {
  const { signal } = call
  const devices = new Set(
    change.paths.flatMap(
      path => /^dataDisks\[([^\]]+)\]/.exec(path)?.[1] ?? (path.startsWith('bootDisk.') ? 'vda' : []),
    ),
  )
  for (const device of devices) {
    const now = diskOf(running, device)
    const next = diskOf(stored, device)
    const isOther = now !== undefined && next !== undefined && !sameSource(now, next)
    if (now !== undefined && (next === undefined || isOther)) await detach(host, domain, now, device, call)
    if (next !== undefined && (now === undefined || isOther)) {
      await ask(
        host,
        procedures.domains.attachDevice,
        { domain, xml: portable(next), flags: affect.live },
        signal,
      )
    } else if (next !== undefined && limitsChange(change, device)) {
      await setLimits(host, domain, device, change.to, signal)
    }
  }
}

function sameSource(a: XmlElement, b: XmlElement): boolean {
  const names = ['pool', 'volume', 'file', 'dev', 'name', 'protocol']
  const source = (disk: XmlElement) =>
    Object.fromEntries(names.map(name => [name, find(disk, 'source')?.attributes[name] ?? null]))
  return sameValue(source(a), source(b))
}

function limitsChange(change: LiveChange, device: string): boolean {
  const prefix = device === 'vda' ? 'bootDisk.limits' : `dataDisks[${device}].limits`
  return change.paths.some(path => path.startsWith(prefix))
}

async function setLimits(
  host: Host,
  domain: Domain,
  device: string,
  spec: Attributes,
  signal: AbortSignal,
): Promise<void> {
  const disk =
    device === 'vda'
      ? fields(spec.bootDisk)
      : (objects(spec.dataDisks).find(({ item }) => item.device === device)?.item ?? {})
  const limits = fields(disk.limits)
  // a total and its parts exclude each other: what is not set is set to none
  const parameters = Object.entries(limitNames).map(
    ([field, name]): TypedParameter => ({ field: name, type: 'ullong', value: number(limits[field]) ?? 0 }),
  )
  await ask(
    host,
    procedures.domains.setBlockIoTune,
    { domain, disk: device, parameters, flags: affect.live },
    signal,
  )
}

async function changeInterfaces(
  host: Host,
  domain: Domain,
  change: LiveChange,
  running: XmlElement,
  stored: XmlElement,
  call: Call,
): Promise<void> {
  const names = new Set(change.paths.flatMap(path => /^networkInterfaces\[([^\]]+)\]/.exec(path)?.[1] ?? []))
  for (const name of names) {
    const macOf = (spec: Attributes) =>
      text(objects(spec.networkInterfaces).find(({ item }) => item.name === name)?.item.mac)
    const now = interfaceOf(running, macOf(change.from) ?? macOf(change.to))
    const next = interfaceOf(stored, macOf(change.to))
    if (now !== undefined && next === undefined) await detach(host, domain, now, name, call)
    else if (now === undefined && next !== undefined) {
      const args = { domain, xml: portable(next), flags: affect.live }
      await ask(host, procedures.domains.attachDevice, args, call.signal)
    } else if (now !== undefined && next !== undefined) {
      await updateDevice(host, domain, merged(now, next), call.signal)
    }
  }
}

/** The running interface with what can be changed while it runs. */
function merged(now: XmlElement, next: XmlElement): XmlElement {
  const changeable = ['source', 'link', 'filterref', 'bandwidth']
  const kept = now.children.filter(child => typeof child === 'string' || !changeable.includes(child.name))
  const taken = next.children.filter(child => typeof child !== 'string' && changeable.includes(child.name))
  return { ...now, attributes: next.attributes, children: [...kept, ...taken] }
}

async function updateDevice(
  host: Host,
  domain: Domain,
  device: XmlElement | undefined,
  signal: AbortSignal,
): Promise<void> {
  if (device === undefined) return
  const args = { domain, xml: serializeXml(device), flags: affect.live }
  await ask(host, procedures.domains.updateDevice, args, signal)
}

/** Asks the guest to let go of a device, and waits until it has. */
async function detach(
  host: Host,
  domain: Domain,
  device: XmlElement,
  name: string,
  call: Call,
): Promise<void> {
  const { signal } = call
  const key =
    device.name === 'disk' ? find(device, 'target')?.attributes.dev : find(device, 'mac')?.attributes.address
  const isThere = async () => {
    const root = await readXml(host, domain, 0, signal)
    return (device.name === 'disk' ? diskOf(root, key ?? '') : interfaceOf(root, key)) !== undefined
  }
  const end = performance.now() + detachTimeout
  let asked = -Infinity
  while (await isThere()) {
    if (performance.now() >= end) throw held(domain, name)
    if (performance.now() - asked >= askAgain) {
      asked = performance.now()
      await ask(
        host,
        procedures.domains.detachDevice,
        { domain, xml: serializeXml(device), flags: affect.live },
        signal,
      ).catch(error => {
        // asked already and not yet gone, or gone by now
        if (!isLibvirt(error, 'OPERATION_FAILED', 'INTERNAL_ERROR', 'DEVICE_MISSING', 'OPERATION_INVALID'))
          throw error
      })
      // most are gone by the time that libvirt answers
      continue
    }
    await sleep(200, undefined, { signal })
  }
}

function held(domain: Domain, device: string): InfraError {
  return new InfraError({
    kind: 'operation',
    code: 'device-held',
    message: `The guest ${domain.name} has not let go of ${device} within ${detachTimeout / 1000} s`,
    why: 'It may be mounted or in use there',
    hint: 'Unmount it in the guest, or allow a restart: updatePolicy.restart, --restart',
  })
}
