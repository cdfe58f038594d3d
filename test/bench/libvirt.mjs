// A stack of stopped machines with two volumes each on a libvirtd of its own: apply against the bare calls that make the same,
// observe and a whole plan without changes against a bare pipelined loop of the same reads, and virsh beside. Prints
// medians and ratios. Goals: observe 1.5, plan 2, apply 1.3. Then Terraform with its libvirt provider, where both are here (see
// terraform-libvirt.mjs), makes some machines and plans as many; goals: ten times less processor time, and in a tenth of the
// 2.15 GB that its apply of a thousand takes.
// By hand, after a build:
//
//   node test/bench/libvirt.mjs [MACHINES] [FOLDER OF THE PACKAGE] [MACHINES THAT TERRAFORM MAKES]
//
// The bare loop makes the calls that a plan must: each domain's stored definition, each volume's, and the lists. What it leaves
// out of infra's own are lists that are empty here (paused, transient, saved, autostart) and that of active pools.
// It brings up a libvirtd (test/lab/libvirt/lab.sh) and takes it away again. Both sides run in turn, so that what else the
// machine does weighs on both; processor time is this process's own, that of libvirtd is the same for both.
import { execFileSync } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import '../lab/typescript-loader.mjs'
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
const { procedures } = await from('providers/libvirt/rpc/procedures/index.ts')

const rounds = 5
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

/** What every plan must read: each domain's definition, each volume's, and what runs. */
async function bareReads() {
  const all = await ask(procedures.connect.listDomains, { needResults: 1, flags: 0 })
  const pool = await ask(procedures.pools.lookupByName, { name: 'vms' })
  const volumes = await ask(procedures.pools.volumes, { pool, needResults: 1, flags: 0 })
  await Promise.all([
    ...all.map(domain => ask(procedures.domains.xml, { domain, flags: 2 })),
    ...volumes.map(volume => ask(procedures.volumes.xml, { volume, flags: 0 })),
  ])
}

const documents = [
  `apiVersion: infra/v1
kind: Stack
metadata: { name: bench }
spec: { providers: { libvirt: { type: libvirt, uri: "${uri}" } } }
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
  const infra = (...args) =>
    measure(process.execPath, [join(home, 'bin/infra'), ...args], { cwd: folder, timeoutSeconds: 1200 })
  say(
    `${machines} machines, ${2 * machines} volumes; ${(await ask(procedures.connect.libraryVersion)) / 1e6}`,
  )

  const apply = infra('apply', '.', '--yes')
  const bareMade = await bareCreates()
  say(`apply                  ${shown(apply)}`)
  say(`bare calls             ${shown(bareMade)}`)
  say(`apply / bare calls     ${(apply.wall / bareMade.wall).toFixed(2)} times`)
  await removeBare()

  const provider = await libvirtType.open(
    { name: 'libvirt', type: 'libvirt', settings: { uri }, folder, stateFolder: join(folder, '.infra') },
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
  const [bare, observed, plans] = [[], [], []]
  await bareReads()
  await provider.observe(targets, signal)
  for (let round = 0; round < rounds; round++) {
    bare.push(await timed(bareReads))
    observed.push(
      await timed(async () => {
        const found = await provider.observe(targets, signal)
        for (const one of found.values()) {
          if (one.status !== 'present') throw new Error(`not there: ${JSON.stringify(one)}`)
        }
      }),
    )
    plans.push(infra('plan', '.'))
  }
  await provider.close()
  const [loop, seen, plan] = [bare, observed, plans].map(middle)
  say(`bare loop              ${shown(loop)}`)
  say(`observe                ${shown(seen)}`)
  say(`observe / bare loop    ${ratio(seen, loop)}`)
  say(`infra plan, no change  ${shown(plan)}`)
  say(`plan / bare loop       ${(plan.wall / loop.wall).toFixed(2)} times`)
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
