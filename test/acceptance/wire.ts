/**
 * Stands between infra and libvirtd on a unix socket, and does something at a chosen call: before libvirtd gets it, or in
 * libvirtd's place. So a fault comes at the same instant in every run.
 */
import { rm } from 'node:fs/promises'
import { connect, createServer, type Socket } from 'node:net'
import { type Packet, packetReader, packetTypes, programs } from '../../src/providers/libvirt/rpc/packet.js'
import type { Procedure } from '../../src/providers/libvirt/rpc/procedure.js'
import { maybeString } from '../../src/providers/libvirt/rpc/types.js'
import type { XdrWriter } from '../../src/providers/libvirt/rpc/xdr.js'
import { answerTo, bytesOf } from '../lab/libvirt-packets.js'

export interface Fault {
  readonly at: Pick<Procedure<never, unknown>, 'program' | 'number'>
  /** The call of this number, counted from 1; the first by default. `every`: each of them. */
  readonly nth?: number | 'every'
  /** Done before the call goes on to libvirtd; it waits for this. */
  readonly before?: () => Promise<void>
  /** Done once libvirtd has answered; the answer waits for this. */
  readonly after?: () => Promise<void>
  /** The call never reaches libvirtd; this error of libvirt, by its number, is the answer. */
  readonly error?: { readonly code: number; readonly domain: number; readonly message: string }
}

export interface Wire {
  /** Where infra finds libvirtd instead. */
  readonly uri: string
  /** Arms a fault; an earlier one is taken away. */
  arm(fault: Fault | undefined): void
  /** Whether the fault has come. */
  came(): boolean
  /** Numbers of the main program's procedures that were called since a fault was last armed or disarmed. */
  called(): ReadonlySet<number>
  close(): Promise<void>
}

export async function wire(socket: string, path: string): Promise<Wire> {
  let fault: Fault | undefined
  let seen = 0
  let done = false
  const open = new Set<Socket>()
  const called = new Set<number>()
  const isMeant = (packet: Packet) => {
    if (packet.type === packetTypes.call && packet.program === programs.remote) called.add(packet.procedure)
    if (!fault || packet.type !== packetTypes.call) return false
    if (packet.program !== fault.at.program || packet.procedure !== fault.at.number) return false
    seen += 1
    const meant = fault.nth === 'every' || seen === (fault.nth ?? 1)
    if (meant) done = true
    return meant
  }
  const server = createServer(client => {
    const libvirtd = connect(socket)
    const awaited = new Map<number, () => Promise<void>>()
    const ends = [client, libvirtd] as const
    for (const one of ends) {
      open.add(one)
      one.on('error', () => undefined)
      one.on('close', () => {
        open.delete(one)
        for (const other of ends) other.destroy()
      })
    }
    const calls = packetReader()
    client.on(
      'data',
      inTurn(async chunk => {
        for (const packet of calls.push(chunk)) {
          const meant = isMeant(packet) ? fault : undefined
          if (meant?.error) {
            const { error } = meant
            client.write(bytesOf(answerTo(packet, 'error', writer => writeError(writer, error))))
            continue
          }
          if (meant?.after) awaited.set(packet.serial, meant.after)
          await meant?.before?.()
          libvirtd.write(bytesOf(packet))
        }
      }),
    )
    const answers = packetReader()
    libvirtd.on(
      'data',
      inTurn(async chunk => {
        for (const packet of answers.push(chunk)) {
          if (packet.type === packetTypes.reply) await awaited.get(packet.serial)?.()
          client.write(bytesOf(packet))
        }
      }),
    )
  })
  await rm(path, { force: true })
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(path, resolve)
  })
  return {
    uri: `qemu+unix:///system?socket=${path}`,
    arm(next) {
      fault = next
      seen = 0
      done = false
      called.clear()
    },
    came: () => done,
    called: () => called,
    async close() {
      for (const one of open) one.destroy()
      await new Promise(resolve => server.close(resolve))
      await rm(path, { force: true })
    },
  }
}

/** Chunks are worked on one after the other, however long one takes. */
function inTurn(work: (chunk: Buffer) => Promise<void>): (chunk: Buffer) => void {
  let last = Promise.resolve()
  return chunk => {
    last = last.then(() => work(chunk)).catch(() => undefined)
  }
}

/** An error as libvirt writes it. */
function writeError(writer: XdrWriter, { code, domain, message }: NonNullable<Fault['error']>): void {
  writer.int(code)
  writer.int(domain)
  maybeString.write(writer, message)
  writer.int(2)
  writer.uint(0)
  for (let text = 0; text < 3; text++) writer.uint(0)
  writer.int(0)
  writer.int(0)
  writer.uint(0)
}
