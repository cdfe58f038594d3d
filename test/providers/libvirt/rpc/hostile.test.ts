import { randomUUID } from 'node:crypto'
import { rm } from 'node:fs/promises'
import { createServer, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, describe, expect, test } from 'vitest'
import { InfraError } from '../../../../src/model/error.js'
import { Client } from '../../../../src/providers/libvirt/rpc/client.js'
import { encodePacket, packetReader } from '../../../../src/providers/libvirt/rpc/packet.js'
import { procedures as p } from '../../../../src/providers/libvirt/rpc/procedures/index.js'

/** A server that greets as libvirtd does, then answers the first real call with whatever the test wants. */
const ends: (() => Promise<void>)[] = []
afterEach(async () => {
  await Promise.all(ends.splice(0).map(end => end()))
})

const words = (...numbers: number[]) => {
  const bytes = Buffer.alloc(numbers.length * 4)
  for (const [index, number] of numbers.entries()) bytes.writeUInt32BE(number >>> 0, index * 4)
  return bytes
}
const program = 0x2000_8086
const reply = (procedure: number, serial: number, status: number, payload: Buffer) =>
  encodePacket({ program, procedure, type: 1, serial, status }, payload)

async function server(answer: (socket: Socket, serial: number, procedure: number) => void): Promise<Client> {
  const path = join(tmpdir(), `infra-rpc-${randomUUID()}.sock`)
  const sockets = new Set<Socket>()
  const listening = createServer(socket => {
    sockets.add(socket.on('error', () => undefined))
    const reader = packetReader()
    socket.on('data', chunk => {
      for (const packet of reader.push(chunk)) {
        if (packet.procedure === 66) socket.write(reply(66, packet.serial, 0, words(0)))
        else if (packet.procedure === 1 && packet.program === program) {
          socket.write(reply(1, packet.serial, 0, Buffer.alloc(0)))
        } else answer(socket, packet.serial, packet.procedure)
      }
    })
  })
  await new Promise<void>(resolve => listening.listen(path, resolve))
  const client = new Client(`qemu+unix:///system?socket=${path}`, {
    reconnectFor: 0,
    pingAfter: 100,
    silence: 400,
  })
  ends.push(async () => {
    await client.close()
    for (const socket of sockets) socket.destroy()
    listening.close()
    await rm(path, { force: true })
  })
  return client
}

const text = (value: string) => {
  const bytes = Buffer.from(value)
  return Buffer.concat([words(bytes.length), bytes, Buffer.alloc((4 - (bytes.length % 4)) % 4)])
}

describe('what a hostile server sends', () => {
  const domains = p.connect.listDomains
  const rows: { reason: string; answer: (serial: number) => Buffer; code: string; why: string }[] = [
    {
      reason: 'a packet too short for its header',
      answer: () => words(8, 0),
      code: 'libvirt-lost',
      why: 'a packet of 8 bytes',
    },
    {
      reason: 'a packet of 2 GiB',
      answer: () => words(0x7fff_ffff),
      code: 'libvirt-lost',
      why: 'a packet of 2147483647 bytes',
    },
    {
      reason: 'another version',
      answer: serial => words(28, program, 2, 1, 1, serial, 0),
      code: 'libvirt-lost',
      why: 'version 2',
    },
    {
      reason: 'a list of four thousand million',
      answer: serial => reply(273, serial, 0, words(0xffff_ffff)),
      code: 'libvirt-protocol',
      why: 'a list of 4294967295',
    },
    {
      reason: 'a list longer than its packet',
      answer: serial => reply(273, serial, 0, words(16_000)),
      code: 'libvirt-protocol',
      why: 'a list of 16000',
    },
    {
      reason: 'a text longer than its packet',
      answer: serial => reply(273, serial, 0, words(1, 1_000, 0)),
      code: 'libvirt-protocol',
      why: 'too early',
    },
    {
      reason: 'a text above the limit',
      answer: serial => reply(273, serial, 0, words(1, 0x00ff_ffff, 0)),
      code: 'libvirt-protocol',
      why: 'a text of 16777215 bytes',
    },
    {
      reason: 'bytes after the end',
      answer: serial => reply(273, serial, 0, words(0, 0, 7)),
      code: 'libvirt-protocol',
      why: '4 bytes too long',
    },
    {
      reason: 'an empty error',
      answer: serial => reply(273, serial, 1, Buffer.alloc(0)),
      code: 'libvirt-protocol',
      why: 'too early',
    },
    {
      reason: 'an error that is neither there nor not',
      answer: serial => reply(273, serial, 1, words(1, 1, 5)),
      code: 'libvirt-protocol',
      why: '5 where',
    },
    {
      reason: 'a reply to a call never made',
      answer: () => reply(273, 99_999, 0, words(0, 0)),
      code: 'libvirt-lost',
      why: 'a reply to no call',
    },
    {
      reason: 'a reply of another procedure',
      answer: serial => reply(281, serial, 0, words(0, 0)),
      code: 'libvirt-lost',
      why: 'a reply of procedure 281',
    },
    {
      reason: 'a reply that is neither a result nor an error',
      answer: serial => reply(273, serial, 2, words(0, 0)),
      code: 'libvirt-lost',
      why: 'a reply of status 2',
    },
    {
      reason: 'stream bytes nobody asked for',
      answer: serial => encodePacket({ program, procedure: 273, type: 3, serial, status: 2 }, words(1)),
      code: 'libvirt-lost',
      why: 'nobody opened',
    },
    {
      reason: 'a packet of no known type',
      answer: serial => encodePacket({ program, procedure: 273, type: 9, serial, status: 0 }, words(1)),
      code: 'libvirt-lost',
      why: 'type 9',
    },
  ]
  test.each(rows)('$reason', async ({ answer, code, why }) => {
    const client = await server((socket, serial) => void socket.write(answer(serial)))
    const error = await client.call(domains, { needResults: 1, flags: 0 }).catch(thrown => thrown)
    expect(error).toBeInstanceOf(InfraError)
    expect(error).toMatchObject({ kind: 'connection', code })
    expect(`${error.message} ${error.why}`).toContain(why)
  })

  test('nothing at all: the call ends after the silence', async () => {
    const client = await server(() => undefined)
    const error = await client.call(domains, { needResults: 1, flags: 0 }).catch(thrown => thrown)
    expect(error).toMatchObject({ kind: 'connection', code: 'libvirt-silent' })
  })

  test('it hangs up: the call ends', async () => {
    const client = await server(socket => void socket.destroy())
    const error = await client.call(domains, { needResults: 1, flags: 0 }).catch(thrown => thrown)
    expect(error).toMatchObject({ kind: 'connection', code: 'libvirt-lost' })
  })

  test('it asks for a password: said so', async () => {
    const path = join(tmpdir(), `infra-rpc-${randomUUID()}.sock`)
    const listening = createServer(socket => {
      socket.on('data', chunk => socket.write(reply(66, chunk.readUInt32BE(20), 0, words(1, 1))))
    })
    await new Promise<void>(resolve => listening.listen(path, resolve))
    const client = new Client(`qemu+unix:///system?socket=${path}`)
    ends.push(async () => {
      await client.close()
      listening.close()
      await rm(path, { force: true })
    })
    await expect(client.connect()).rejects.toMatchObject({
      kind: 'connection',
      code: 'libvirt-authentication',
    })
  })

  test('a packet in single bytes, and two in one chunk', async () => {
    const client = await server((socket, serial) => {
      const bytes = reply(59, serial, 0, text('host'))
      if (serial % 2 === 0) for (const byte of bytes) socket.write(Buffer.from([byte]))
      else
        socket.write(
          Buffer.concat([
            encodePacket({ program, procedure: 318, type: 2, serial: 0, status: 0 }, words()),
            bytes,
          ]),
        )
    })
    const calls = Array.from({ length: 4 }, () => client.call(p.connect.hostname, undefined))
    expect(await Promise.all(calls)).toEqual(['host', 'host', 'host', 'host'])
  })

  test('replies out of order reach their calls', async () => {
    const held: { serial: number; socket: Socket }[] = []
    const client = await server((socket, serial) => {
      held.push({ serial, socket })
      if (held.length < 3) return
      for (const one of held.reverse()) one.socket.write(reply(59, one.serial, 0, text(`n${one.serial}`)))
    })
    const answers = await Promise.all([1, 2, 3].map(() => client.call(p.connect.hostname, undefined)))
    expect(answers).toEqual([...answers].sort())
    expect(new Set(answers).size).toBe(3)
  })
})

describe('what is refused before anything is sent', () => {
  test.each([
    { reason: 'a NUL character', args: { name: 'a\0b' } },
    { reason: 'more than libvirt takes', args: { name: 'x'.repeat(4_194_305) } },
  ])('$reason', async ({ args }) => {
    const client = await server(() => undefined)
    await expect(client.call(p.domains.lookupByName, args)).rejects.toMatchObject({
      kind: 'validation',
      code: 'libvirt-argument',
    })
  })
})
