// A stack of stopped machines with two volumes each on a libvirtd of its own: apply against the bare calls that make the same,
// observe and a whole plan without changes against the same reads made bare, and virsh beside. Prints medians and ratios. Goals:
// observe 1.5, plan 2, apply 1.3. Then Terraform with its libvirt provider, where both are here (see terraform-libvirt.mjs),
// makes some machines and plans as many; goals: ten times less processor time, and in a tenth of the 2.15 GB that its apply of
// a thousand takes.
// By hand, after a build:
//
//   node test/bench/libvirt.mjs [MACHINES] [FOLDER OF THE PACKAGE] [MACHINES THAT TERRAFORM MAKES]
//
// The bare loop (libvirt-bare.mjs) makes the calls that infra makes, each as often, all under way at once, and throws away what
// they tell; a relay between both and libvirtd counts them first, and whatever differs is printed. It runs twice:
//   in a process   connected, its code compiled: what observe, which is called in the same process, is held against
//   a program      started anew each time, as `infra plan` is: what a plan is held against
// A plan is held against the first, too, which starts no program and compiles nothing: the harsher ratio.
// infra keeps what it made of a machine's definition and reads it no second time while its bytes are the same; it asks for all
// of them each time. `nothing kept` is what an observation and a plan take that have nothing of the kind to begin with.
// It brings up a libvirtd (test/lab/libvirt/lab.sh) and takes it away again. Both sides run in turn, so that what else the
// machine does weighs on both; processor time is that of the client's process alone, that of libvirtd is the same for both.
import { execFile, execFileSync } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import '../lab/typescript-loader.mjs'
import { bareProgram, bareReads, countingRelay, differentCalls } from './libvirt-bare.mjs'
import { measure } from './measure.mjs'
import { lacksTerraform, measureTerraform } from './terraform-libvirt.mjs'

const machines = Number(process.argv[2] ?? 1000)
const home = resolve(process.argv[3] ?? fileURLToPath(new URL('../..', import.meta.url)))
const applied = Math.min(machines, Number(process.argv[4] ?? 20))
const from = path => import(join(home, 'src', path))
const { nodePorts } = await from('model/node-ports.ts')
const { libvirtType } = await from('providers/libvirt/index.ts')
const { libvirtKinds } = await from('providers/libvirt/kinds/index.ts')
const { Client } = await from('providers/libvirt/rpc/client.ts')
const { packetReader } = await from('providers/libvirt/rpc/packet.ts')
const { procedures } = await from('providers/libvirt/rpc/procedures/index.ts')

const rounds = 5
const warmUps = 3
const run = '/var/tmp/infra-lab-libvirt-39'
const script = fileURLToPath(new URL('../lab/libvirt/lab.sh', import.meta.url))
const lab = verb =>
  execFileSync(script, [verb], {
    env: {
      ...process.env,
      LAB_RUN: run,
      LAB_BRIDGE: 'br-lab39',
      LAB_BRIDGE_NET: '10.97.39',
      LAB_NET: '10.98.139',
    },
    stdio: ['ignore', 'pipe', 'ignore'],
    encoding: 'utf8',
  })
const say = text => process.stdout.write(`${text}\n`)
const signal = new AbortController().signal
const names = Array.from({ length: machines }, (_, index) => `m${index}`)

const spec = {
  vcpus: 1,
  memoryGiB: 0.25,
  virtualization: 'qemu',
  firmware: 'bios',
  storagePool: 'vms',
  powerState: 'stopped',
  autostart: false,
  serialLog: false,
  bootDisk: { sizeGB: 0.01, empty: true },
  dataDisks: [{ device: 'vdb', sizeGB: 0.01 }],
  networkInterfaces: [{ network: 'lab', dhcp: true }],
}

async function timed(work) {
  const [began, before] = [performance.now(), process.cpuUsage()]
  await work()
  const { user, system } = process.cpuUsage(before)
  return { wall: (performance.now() - began) / 1000, cpu: (user + system) / 1e6 }
}
const middle = list => [...list].sort((a, b) => a.wall - b.wall)[Math.floor(list.length / 2)]
const shown = ({ wall, cpu, memory }) =>
  [
    `${wall.toFixed(2)} s`,
    cpu === undefined ? '' : `processor ${cpu.toFixed(2)} s`,
    memory === undefined ? '' : `${Math.round(memory)} MB`,
  ]
    .filter(part => part !== '')
    .join(', ')
const ratio = (a, b) => `${(a.wall / b.wall).toFixed(2)} times (processor ${(a.cpu / b.cpu).toFixed(2)})`

lab('clean')
const uri = /LIBVIRT_DEFAULT_URI='([^']*)'/.exec(lab('up'))[1]
const client = new Client(uri)
const ask = (procedure, args) => client.call(procedure, args, { signal })
const poolPath = `${run}/pool/vms`

const documents = [
  `apiVersion: infra/v1
kind: Stack
metadata: { name: bench }
spec:
  variables: { uri: { default: "${uri}" } }
  providers: { libvirt: { type: libvirt, uri: "\${var.uri}" } }
`,
  `apiVersion: infra/v1
kind: StoragePool
metadata: { name: vms }
spec: { path: ${poolPath} }
`,
  ...names.map(
    name => `apiVersion: infra/v1
kind: VirtualMachine
metadata: { name: ${name} }
spec: ${JSON.stringify(spec)}
`,
  ),
].join('---\n')

/** The same volumes and domains again, by calls alone: the definitions are those that infra made, under other names. */
async function bareCreates() {
  const pool = await ask(procedures.pools.lookupByName, { name: 'vms' })
  const made = await ask(procedures.connect.listDomains, { needResults: 1, flags: 0 })
  const model = await ask(procedures.domains.xml, {
    domain: made.find(domain => domain.name === 'm0'),
    flags: 2,
  })
  const octets = index =>
    [index >> 8, index & 255].map(octet => octet.toString(16).padStart(2, '0')).join(':')
  return timed(async () => {
    const queue = names.map((name, index) => ({ name: `bare-${name}`, index }))
    const one = async ({ name, index }) => {
      for (const ending of ['boot', 'data-vdb']) {
        const xml = `<volume><name>${name}_${ending}</name><capacity>10737418</capacity><allocation>0</allocation><target><format type='qcow2'/><compat>1.1</compat></target></volume>`
        await ask(procedures.volumes.create, { pool, xml, flags: 0 })
      }
      const xml = model
        .replace(/<name>m0<\/name>/, `<name>${name}</name>`)
        .replace(/<uuid>[^<]*<\/uuid>/, `<uuid>${randomUUID()}</uuid>`)
        .replace(/<mac address='[^']*'\/>/, `<mac address='52:54:00:00:${octets(index)}'/>`)
        .replace(/<target dev='vn[^']*'\/>/, '')
        .replaceAll('m0_', `${name}_`)
      await ask(procedures.domains.define, { xml, flags: 0 })
    }
    await Promise.all(
      Array.from({ length: 8 }, async () => {
        for (let next = queue.shift(); next !== undefined; next = queue.shift()) await one(next)
      }),
    )
  })
}

async function removeBare() {
  const all = await ask(procedures.connect.listDomains, { needResults: 1, flags: 0 })
  const pool = await ask(procedures.pools.lookupByName, { name: 'vms' })
  const volumes = await ask(procedures.pools.volumes, { pool, needResults: 1, flags: 0 })
  const isBare = one => one.name.startsWith('bare-')
  await Promise.all(all.filter(isBare).map(domain => ask(procedures.domains.undefine, { domain, flags: 0 })))
  await Promise.all(
    volumes.filter(isBare).map(volume => ask(procedures.volumes.delete, { volume, flags: 0 })),
  )
}

try {
  const folder = join(run, 'stack')
  mkdirSync(folder, { recursive: true })
  writeFileSync(join(folder, 'stack.yaml'), documents)
  const cache = join(run, 'cache')
  const env = { XDG_CACHE_HOME: cache }
  const infra = (...args) =>
    measure(process.execPath, [join(home, 'bin/infra'), ...args], { cwd: folder, env, timeoutSeconds: 1200 })
  say(
    `${machines} machines, ${2 * machines} volumes; ${(await ask(procedures.connect.libraryVersion)) / 1e6}`,
  )

  const apply = infra('apply', '.', '--yes')
  const bareMade = await bareCreates()
  say(`apply                  ${shown(apply)}`)
  say(`bare calls             ${shown(bareMade)}`)
  say(`apply / bare calls     ${(apply.wall / bareMade.wall).toFixed(2)} times`)
  await removeBare()

  const open = address =>
    libvirtType.open(
      {
        name: 'libvirt',
        type: 'libvirt',
        settings: { uri: address },
        folder,
        stateFolder: join(folder, '.infra'),
      },
      nodePorts,
      signal,
    )
  const kind = libvirtKinds.find(one => one.kind === 'VirtualMachine')
  const targets = names.map(name => ({
    address: `VirtualMachine/${name}`,
    kind: 'VirtualMachine',
    name,
    spec: kind.canonical(spec, { name, labels: {}, annotations: {} }),
  }))
  const observe = async provider => {
    const found = await provider.observe(targets, signal)
    for (const one of found.values()) {
      if (one.status !== 'present') throw new Error(`not there: ${JSON.stringify(one)}`)
    }
  }
  const program = await bareProgram(home, run)

  const socket = join(run, 'relay')
  const relay = await countingRelay(socket, /socket=(.*)/.exec(uri)[1], packetReader)
  const relayed = `qemu+unix:///system?socket=${socket}`
  const command = promisify(execFile)
  const onWire = async work => {
    await work()
    return relay.take()
  }
  const inner = new Client(relayed)
  await inner.connect()
  const seer = await open(relayed)
  relay.take()
  const wires = [
    ['observe', await onWire(() => observe(seer)), await onWire(() => bareReads(inner, procedures, 'vms'))],
    [
      'plan',
      await onWire(() =>
        command(process.execPath, [join(home, 'bin/infra'), 'plan', '.', '--var', `uri=${relayed}`], {
          cwd: folder,
          env: { ...process.env, ...env },
        }),
      ),
      await onWire(() => command(process.execPath, [program, relayed, 'vms'])),
    ],
  ]
  await Promise.all([inner.close(), seer.close()])
  await relay.close()
  for (const [what, ours, theirs] of wires) {
    const count = calls => calls.reduce((sum, [, times]) => sum + times, 0)
    const differences = differentCalls(ours, theirs)
    say(
      `calls of ${what.padEnd(8)}      ${count(ours)}, bare ${count(theirs)}${differences.length > 0 ? `: ${differences.join(', ')}` : ''}`,
    )
  }

  const known = await open(uri)
  const loops = { inProcess: [], program: [], first: [], again: [], firstPlan: [], plan: [] }
  // in a process, code is compiled: V8 is done with what it runs over and over after a few rounds
  for (let round = 0; round < warmUps; round++) {
    await bareReads(client, procedures, 'vms')
    await observe(known)
    const fresh = await open(uri)
    await observe(fresh)
    await fresh.close()
  }
  infra('plan', '.')
  for (let round = 0; round < rounds; round++) {
    loops.inProcess.push(await timed(() => bareReads(client, procedures, 'vms')))
    const fresh = await open(uri)
    loops.first.push(await timed(() => observe(fresh)))
    await fresh.close()
    loops.again.push(await timed(() => observe(known)))
    loops.program.push(measure(process.execPath, [program, uri, 'vms'], { timeoutSeconds: 600 }))
    loops.plan.push(infra('plan', '.'))
  }
  for (let round = 0; round < rounds; round++) {
    rmSync(cache, { recursive: true, force: true })
    loops.firstPlan.push(infra('plan', '.'))
  }
  await known.close()
  const [loop, whole, first, again, firstPlan, plan] = [
    loops.inProcess,
    loops.program,
    loops.first,
    loops.again,
    loops.firstPlan,
    loops.plan,
  ].map(middle)
  say(`bare loop in a process ${shown(loop)}`)
  say(`bare loop, a program   ${shown(whole)}`)
  say(`observe, nothing kept  ${shown(first)}`)
  say(`observe                ${shown(again)}`)
  say(`plan, nothing kept     ${shown(firstPlan)}`)
  say(`infra plan, no change  ${shown(plan)}`)
  say(`observe / bare loop    ${ratio(again, loop)}; nothing kept ${ratio(first, loop)}`)
  say(`plan / bare program    ${ratio(plan, whole)}; nothing kept ${ratio(firstPlan, whole)}`)
  say(`plan / bare loop       ${ratio(plan, loop)}; nothing kept ${ratio(firstPlan, loop)}`)
  const commands = names.map(name => `dumpxml --inactive ${name}`).join('\n')
  const virsh = measure('sh', ['-c', `echo "$0" | virsh -q -c '${uri}'`, commands.slice(0, 100_000)], {
    timeoutSeconds: 600,
  })
  say(`one virsh, all dumpxml ${shown(virsh)}`)

  const lacking = lacksTerraform()
  if (lacking !== undefined) say(`Terraform              not measured: ${lacking}`)
  else {
    const pool = `${run}/pool/tf`
    const work = join(run, 'terraform')
    const theirs = await measureTerraform({ uri, pool, work, applied, machines, ask, procedures })
    say(`Terraform apply        ${shown(theirs.apply)} (${applied} machines)`)
    say(`Terraform plan         ${shown(theirs.plan)} (${machines} machines)`)
    say(
      `Terraform / infra plan ${ratio(theirs.plan, plan)}, memory ${(theirs.plan.memory / plan.memory).toFixed(1)} times`,
    )
  }
} finally {
  await client.close()
  lab('clean')
}
