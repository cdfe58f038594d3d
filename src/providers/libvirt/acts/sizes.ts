/** CPUs and memory of a machine: stored for its next start, and given to it as it runs where libvirt can. */
import { InfraError } from '../../../model/error.js'
import type { Json } from '../../../model/value.js'
import { ask } from '../connection.js'
import { memoryKib } from '../kinds/units.js'
import { number } from '../kinds/values.js'
import { LibvirtError } from '../rpc/errors.js'
import { affect, domainXmlFlags } from '../rpc/flags.js'
import { procedures } from '../rpc/procedures/index.js'
import { type DomainReading, readDomain } from '../xml/domain-read.js'
import { parseXml } from '../xml/parse.js'
import type { Machine } from './machines.js'

/** VIR_DOMAIN_VCPU_MAXIMUM and VIR_DOMAIN_MEM_MAXIMUM. */
const maximum = 4

/** How much it has, and may have at most without a restart. */
export interface Count {
  readonly now: number
  readonly limit: number
}

export interface Sizes {
  readonly vcpus?: Count
  /** GiB. */
  readonly memoryGiB?: Count
}

/** What is stored of it: a maximum that nobody chose is the count itself, as documents have it. */
export function storedSizes({ spec }: DomainReading): Required<Sizes> {
  const count = (now: Json | undefined, limit: Json | undefined) => ({
    now: number(now) ?? 0,
    limit: number(limit) ?? number(now) ?? 0,
  })
  return {
    vcpus: count(spec.vcpus, spec.maxVcpus),
    memoryGiB: count(spec.memoryGiB, spec.maxMemoryGiB),
  }
}

/** Whether each counts at once, for the machine as it runs, too. */
export interface Live {
  readonly vcpus: boolean
  readonly memoryGiB: boolean
}

/** Stores CPUs and memory, and gives them to the machine as it runs where libvirt can. */
export async function applySizes(machine: Machine, sizes: Sizes, signal: AbortSignal): Promise<Live> {
  const { host, domain, live } = machine
  const is = storedSizes(await readStored(machine, signal))
  const done = { vcpus: live === undefined, memoryGiB: live === undefined }
  const { vcpus, memoryGiB } = sizes
  if (vcpus !== undefined) {
    const set = (count: number, flags: number) =>
      ask(host, procedures.domains.setVcpus, { domain, vcpus: count, flags }, signal)
    await store(set, is.vcpus, vcpus)
    const has = number(live?.spec.vcpus) ?? 0
    if (live !== undefined && vcpus.now > has && vcpus.now <= (number(live.spec.maxVcpus) ?? 0)) {
      await set(vcpus.now, affect.live)
      done.vcpus = true
    }
    if (vcpus.now === has) done.vcpus = true
  }
  if (memoryGiB !== undefined) {
    const set = (gib: number, flags: number) =>
      ask(host, procedures.domains.setMemory, { domain, memory: memoryKib(gib), flags }, signal)
    await store(set, is.memoryGiB, memoryGiB)
    if (live !== undefined && memoryGiB.now <= (number(live.spec.maxMemoryGiB) ?? 0)) {
      await set(memoryGiB.now, affect.live)
      done.memoryGiB = true
    }
  }
  return done
}

/** In the order in which libvirt takes them. */
async function store(
  set: (value: number, flags: number) => Promise<unknown>,
  is: Count,
  wanted: Count,
): Promise<void> {
  if (wanted.limit > is.limit) await set(wanted.limit, affect.config | maximum)
  if (wanted.now !== is.now) await set(wanted.now, affect.config)
  if (wanted.limit < is.limit) await set(wanted.limit, affect.config | maximum)
}

/** CPUs and memory of what was changed as they were; what a running machine does not give back now it does by its next start. */
export async function putSizesBack(
  machine: Machine,
  from: Sizes,
  to: Sizes,
  signal: AbortSignal,
): Promise<void> {
  const { host, domain, live } = machine
  const was = {
    ...(to.vcpus !== undefined && from.vcpus !== undefined && { vcpus: from.vcpus }),
    ...(to.memoryGiB !== undefined && from.memoryGiB !== undefined && { memoryGiB: from.memoryGiB }),
  }
  await applySizes(machine, was, signal)
  if (
    live !== undefined &&
    was.vcpus !== undefined &&
    to.vcpus !== undefined &&
    was.vcpus.now < to.vcpus.now
  ) {
    const args = { domain, vcpus: was.vcpus.now, flags: affect.live }
    await ask(host, procedures.domains.setVcpus, args, signal).catch(error => {
      if (!(error instanceof LibvirtError)) throw error
    })
  }
  await requireSizes(machine, was, signal)
}

/** What is stored is read back. */
export async function requireSizes(machine: Machine, sizes: Sizes, signal: AbortSignal): Promise<void> {
  const { name } = machine.view
  const is = storedSizes(await readStored(machine, signal))
  const { vcpus, memoryGiB } = sizes
  if (vcpus !== undefined && is.vcpus.now !== vcpus.now) throw notSo(name, 'vcpus', vcpus.now, is.vcpus.now)
  if (memoryGiB !== undefined && is.memoryGiB.now !== memoryGiB.now)
    throw notSo(name, 'memoryGiB', memoryGiB.now, is.memoryGiB.now)
}

async function readStored({ host, domain }: Machine, signal: AbortSignal): Promise<DomainReading> {
  const xml = await ask(host, procedures.domains.xml, { domain, flags: domainXmlFlags.inactive }, signal)
  return readDomain(parseXml(xml))
}

/** What was to be so, and is not. */
export function notSo(name: string, path: string, wanted: Json, real: Json | undefined): InfraError {
  return new InfraError({
    kind: 'operation',
    code: 'not-so',
    message: `${path} of ${name} was to be ${wanted} and is ${real ?? 'unknown'}`,
    hint: `infra vm show ${name}`,
  })
}
