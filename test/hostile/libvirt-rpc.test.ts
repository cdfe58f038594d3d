/**
 * Replies of a libvirtd that is none: whole packets with a valid header and another body, wrong lengths and counts, serials of
 * nobody, out of order, cut in two, never ended. A call gets its own answer, or an error of the family, and soon.
 */
import { Duplex } from 'node:stream'
import { isDeepStrictEqual } from 'node:util'
import { it } from 'vitest'
import { InfraError } from '../../src/model/error.js'
import {
  type Packet,
  packetReader,
  packetTypes,
  programs,
  statuses,
} from '../../src/providers/libvirt/rpc/packet.js'
import type { Procedure } from '../../src/providers/libvirt/rpc/procedure.js'
import { procedures as p } from '../../src/providers/libvirt/rpc/procedures/index.js'
import { Session } from '../../src/providers/libvirt/rpc/session.js'
import { answerTo, bytesOf } from '../lab/libvirt-packets.js'
import type { Dice } from '../sim/dice.js'
import { mutatedBytes } from './mutate.js'
import { survives } from './survive.js'

interface Sample {
  readonly procedure: Procedure<unknown, unknown>
  readonly args: unknown
  readonly value: unknown
}
function sample<A, R>(procedure: Procedure<A, R>, args: A, value: R): Sample {
  return { procedure: procedure as Procedure<unknown, unknown>, args, value }
}

const uuid = '0a1b2c3d-0000-4000-8000-000000000001'
const domain = { name: 'web', uuid, id: -1 }
const pool = { name: 'disks', uuid }
const volume = { pool: 'disks', name: 'root', key: '/disks/root' }
const all = { needResults: 1, flags: 0 }
const samples: readonly Sample[] = [
  sample(p.connect.hostname, undefined, 'host'),
  sample(p.connect.listDomains, all, [domain, { ...domain, name: 'mail' }]),
  sample(p.connect.listPools, all, [pool]),
  sample(p.connect.listNetworks, all, []),
  sample(p.connect.domainStats, { domains: [], stats: 0, flags: 0 }, [
    { domain, parameters: [{ field: 'cpu.time', type: 'ullong', value: 7 }] },
  ]),
  sample(p.domains.xml, { domain, flags: 0 }, '<domain/>'),
  sample(p.domains.define, { xml: '<domain/>', flags: 0 }, domain),
  sample(p.domains.start, { domain, flags: 0 }, { ...domain, id: 7 }),
  sample(p.domains.suspend, { domain }, undefined),
  sample(p.pools.info, { pool }, { state: 2, capacity: 9, allocation: 4, available: 5 }),
  sample(p.pools.volumes, { pool, ...all }, [volume]),
  sample(p.volumes.lookupByName, { pool, name: 'root' }, volume),
]

/** What is sent in the place of a reply. `body`: whether what it says may be another thing, and still a reply of its kind. */
interface Sent {
  readonly bytes: Buffer
  readonly body?: true
}
const numbers = [0, 1, 2, 27, 28, 29, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff, 16_777_220]
type Fault = (reply: Packet, dice: Dice) => Sent
const whole = (header: Partial<Packet>, reply: Packet): Buffer => bytesOf({ ...reply, ...header })
function withWord(bytes: Buffer, at: number, word: number): Buffer {
  const changed = Buffer.from(bytes)
  if (at + 4 <= changed.length) changed.writeUInt32BE(word, at)
  return changed
}
const faults: readonly Fault[] = [
  reply => ({ bytes: whole({}, reply) }),
  (reply, dice) => ({ body: true, bytes: whole({ payload: mutatedBytes(reply.payload, dice) }, reply) }),
  (reply, dice) => {
    const at = 4 * dice.roll(1 + (reply.payload.length >> 2))
    return { body: true, bytes: whole({ payload: withWord(reply.payload, at, dice.pick(numbers)) }, reply) }
  },
  (reply, dice) => ({
    body: true,
    bytes: whole({ payload: reply.payload.subarray(0, dice.roll(1 + reply.payload.length)) }, reply),
  }),
  (reply, dice) => ({ bytes: withWord(whole({}, reply), 0, dice.pick(numbers)) }),
  (reply, dice) => ({ bytes: withWord(whole({}, reply), 4 * dice.roll(7), dice.pick(numbers)) }),
  (reply, dice) => ({ bytes: whole({ serial: dice.pick([0, 1, 2, 3, 4, 99_999, 0xffff_ffff]) }, reply) }),
  (reply, dice) => ({ bytes: whole({ procedure: dice.pick(samples).procedure.number }, reply) }),
  (reply, dice) => ({ bytes: whole({ type: dice.pick([0, 2, 3, 4, 5, 6, 7]) }, reply) }),
  (reply, dice) => ({ bytes: whole({ status: dice.pick([statuses.error, statuses.continue, 3]) }, reply) }),
  reply => ({ bytes: Buffer.concat([whole({}, reply), whole({}, reply)]) }),
  reply => ({
    bytes: Buffer.concat([
      whole({ program: programs.keepalive, procedure: 1, type: packetTypes.event, serial: 0 }, reply),
      whole({ type: packetTypes.event, procedure: 318, serial: 0 }, reply),
      whole({}, reply),
    ]),
  }),
]

/** The reply that libvirtd would give. */
function replyTo(call: Packet, { procedure, value }: Sample): Packet {
  return answerTo(call, 'ok', writer => procedure.result.write(writer, value))
}

/** A stream whose other end answers once all calls have come, in whatever order and pieces. */
function libvirtd(calls: readonly Sample[], dice: Dice): { stream: Duplex; rewritten: Set<Sample> } {
  const rewritten = new Set<Sample>()
  const held: Buffer[] = []
  const reader = packetReader()
  const answer = async () => {
    // The silence of some is found out by the watchdog alone, which takes longer.
    const ending = dice.chance(0.95)
    const order = held.sort(() => dice.roll(3) - 1)
    const bytes = Buffer.concat(order)
    const end = dice.chance(0.3) ? dice.roll(bytes.length + 1) : bytes.length
    const piece = dice.pick([1, 7, 28, 100_000])
    for (let at = 0; at < end && !stream.destroyed; at += piece) {
      stream.push(bytes.subarray(at, Math.min(end, at + piece)))
      if (at % 64 === 0) await new Promise(setImmediate)
    }
    if (ending && !stream.destroyed) stream.push(null)
  }
  const stream = new Duplex({
    read: () => undefined,
    write(chunk: Buffer, _encoding, done) {
      done()
      for (const call of reader.push(chunk)) {
        const asked = calls.find(one => one.procedure.number === call.procedure)
        if (!asked || call.type !== packetTypes.call) continue
        const fault = dice.chance(0.5) ? faults[0] : dice.pick(faults)
        const sent = fault?.(replyTo(call, asked), dice)
        if (!sent) continue
        if (sent.body) rewritten.add(asked)
        held.push(sent.bytes)
        if (held.length === calls.length) void answer()
      }
    },
  })
  return { stream, rewritten }
}

async function called(dice: Dice): Promise<void> {
  const calls = [...new Set(Array.from({ length: 4 }, () => dice.pick(samples)))]
  const { stream, rewritten } = libvirtd(calls, dice)
  const session = new Session({ stream, said: () => '' }, { pingAfter: 20, silence: 60 })
  const settled = await Promise.allSettled(calls.map(({ procedure, args }) => session.call(procedure, args)))
  session.close()
  for (const [index, one] of settled.entries()) {
    const asked = calls[index] as Sample
    if (one.status === 'fulfilled') {
      if (!rewritten.has(asked) && !isDeepStrictEqual(one.value, asked.value))
        throw new Error(`${asked.procedure.name} was told ${JSON.stringify(one.value)}`)
      continue
    }
    const { reason } = one
    if (!(reason instanceof InfraError)) throw reason
    const gone = ['libvirt-lost', 'libvirt-silent'].includes(reason.code)
    if (gone && asked.procedure.effect !== 'read' && !reason.message.includes('may or may not'))
      throw new Error(`nobody knows whether it happened, and that is not told: ${reason.message}`)
  }
  const failed = settled.find(one => one.status === 'rejected')
  if (failed) throw failed.reason
}

it('replies of a hostile libvirtd', () => survives(called), 600_000)
