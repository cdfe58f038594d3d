// The calls that a plan makes for a stack of stopped machines, and nothing else: what they tell is thrown away. All of them are
// under way at once. And a relay that counts calls as they pass, which shows that both sides make the same.
import { writeFileSync } from 'node:fs'
import { connect, createServer } from 'node:net'
import { join } from 'node:path'
import { rolldown } from 'rolldown'

/** All, transient, paused, saved, autostarted. */
const domainLists = [0, 8, 32, 256, 1024]
/** All, active. */
const poolLists = [0, 2]

/** What an observation of the machines reads; `whole`: and what a plan reads of their pool and its connection. */
export async function bareReads(client, procedures, poolName, whole) {
  const ask = (procedure, args) => client.call(procedure, args, {})
  if (whole) await ask(procedures.connect.libraryVersion)
  const list = (procedure, flags) => ask(procedure, { needResults: 1, flags })
  const [domains, pools] = await Promise.all([
    Promise.all(domainLists.map(flags => list(procedures.connect.listDomains, flags))),
    Promise.all(poolLists.map(flags => list(procedures.connect.listPools, flags))),
  ])
  const pool = pools[0].find(one => one.name === poolName)
  const volumes = await ask(procedures.pools.volumes, { pool, needResults: 1, flags: 0 })
  const { xml, info, autostart } = procedures.pools
  await Promise.all([
    ...(whole ? [ask(xml, { pool, flags: 0 }), ask(info, { pool }), ask(autostart, { pool })] : []),
    ...domains[0].map(domain => ask(procedures.domains.xml, { domain, flags: 2 })),
    ...volumes.map(volume => ask(procedures.volumes.xml, { volume, flags: 0 })),
  ])
}

/** The same as a program of its own, in one file, as infra is built. Its path; `node PATH URI POOL` prints nothing. */
export async function bareProgram(home, folder) {
  const rpc = join(home, 'src/providers/libvirt/rpc')
  const source = join(folder, 'bare-source.mjs')
  writeFileSync(
    source,
    `import { Client } from ${JSON.stringify(join(rpc, 'client.ts'))}
import { procedures } from ${JSON.stringify(join(rpc, 'procedures/index.ts'))}
import { bareReads } from ${JSON.stringify(join(folder, 'bare-reads.mjs'))}
const [uri, pool] = process.argv.slice(2)
const client = new Client(uri)
await bareReads(client, procedures, pool, true)
await client.close()
`,
  )
  writeFileSync(
    join(folder, 'bare-reads.mjs'),
    `const domainLists = ${JSON.stringify(domainLists)}
const poolLists = ${JSON.stringify(poolLists)}
export ${bareReads}
`,
  )
  const bundle = await rolldown({ input: source, platform: 'node' })
  const file = join(folder, 'bare.mjs')
  await bundle.write({ file, format: 'esm' })
  return file
}

/** Passes on everything between a socket of its own and libvirtd's, and counts the calls. `packetReader` is infra's own. */
export async function countingRelay(path, target, packetReader) {
  const counts = new Map()
  const server = createServer(near => {
    const far = connect({ path: target })
    const reader = packetReader()
    near.on('data', bytes => {
      far.write(bytes)
      for (const { program, procedure, type } of reader.push(Buffer.from(bytes))) {
        if (type !== 0) continue
        const key = `${program.toString(16)}:${procedure}`
        counts.set(key, (counts.get(key) ?? 0) + 1)
      }
    })
    far.on('data', bytes => near.write(bytes))
    for (const [one, other] of [
      [near, far],
      [far, near],
    ]) {
      one.on('error', () => other.destroy())
      one.on('close', () => other.destroy())
    }
  })
  await new Promise(resolve => server.listen(path, resolve))
  return {
    /** What was called since the last time, sorted: `[['20008086:14', 1000], …]`. */
    take() {
      const taken = [...counts].sort(([a], [b]) => (a < b ? -1 : 1))
      counts.clear()
      return taken
    },
    close: () => new Promise(resolve => server.close(resolve)),
  }
}

/** Calls that only one of two sides made, as `PROGRAM:PROCEDURE 3 against 2`; none where they made the same. */
export function differentCalls(ours, theirs) {
  const [mine, others] = [new Map(ours), new Map(theirs)]
  return [...new Set([...mine.keys(), ...others.keys()])]
    .filter(key => mine.get(key) !== others.get(key))
    .map(key => `${key} ${mine.get(key) ?? 0} against ${others.get(key) ?? 0}`)
}
