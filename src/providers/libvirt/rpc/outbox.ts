/**
 * What is sent in the same turn goes out together: one write for many calls. A turn that sends thousands does so in parts,
 * so that the other side works on the first while the last are still being written down.
 */

/** Bytes that are worth a write of their own: some hundred calls. */
const enough = 32_768

type Write = (bytes: Buffer, done: (error?: Error | null) => void) => void

/** Takes packets, and resolves once their bytes are taken off our hands. Nobody needs to wait for that. */
export function outbox(write: Write): (packet: Buffer) => Promise<void> {
  let packets: Buffer[] = []
  let held = 0
  let sent: Promise<void> | undefined
  let go: () => void = () => undefined
  return packet => {
    packets.push(packet)
    held += packet.length
    if (sent === undefined) {
      sent = new Promise((resolve, reject) => {
        const mine = packets
        go = () => {
          // gone already, as a part
          if (packets !== mine) return
          packets = []
          held = 0
          sent = undefined
          const bytes = mine.length === 1 && mine[0] !== undefined ? mine[0] : Buffer.concat(mine)
          write(bytes, error => (error ? reject(error) : resolve()))
        }
      })
      // whoever wrote hears of it
      sent.catch(() => undefined)
      process.nextTick(go)
    }
    const mine = sent
    if (held >= enough) go()
    return mine
  }
}
