// Terraform with its libvirt provider, for libvirt.mjs to measure beside: the same machines, made by it on the same libvirtd.
// The provider is not installed with anything; it is built on request, by Go from its module proxy, into the labs' cache:
//
//   node test/bench/terraform-libvirt.mjs
import { execFileSync, spawnSync } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { homedir, tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { measure } from './measure.mjs'

// the last before 0.9, which is another program, and several times slower
const version = '0.8.3'
const module = 'github.com/dmacvicar/terraform-provider-libvirt'
const folder = join(homedir(), '.cache/infra-lab', `terraform-provider-libvirt-${version}`)
const program = join(folder, 'terraform-provider-libvirt')

function build() {
  const work = mkdtempSync(join(tmpdir(), 'infra-bench-'))
  try {
    writeFileSync(join(work, 'go.mod'), `module bench\n\ngo 1.22\n\nrequire ${module} v${version}\n`)
    writeFileSync(join(work, 'tools.go'), `//go:build tools\n\npackage bench\n\nimport _ "${module}"\n`)
    mkdirSync(folder, { recursive: true })
    const env = { ...process.env, CGO_ENABLED: '0', GOFLAGS: '-mod=mod -trimpath -buildvcs=false' }
    execFileSync('go', ['build', '-o', program, module], { cwd: work, env, stdio: 'inherit' })
  } finally {
    rmSync(work, { recursive: true, force: true })
  }
}

/** Why it cannot be measured here; undefined where it can. */
export function lacksTerraform() {
  if (spawnSync('terraform', ['version']).status !== 0) return 'terraform is not here'
  return existsSync(program)
    ? undefined
    : 'its libvirt provider is not built: node test/bench/terraform-libvirt.mjs'
}

const configuration = (uri, pool) => `terraform {
  required_providers { libvirt = { source = "dmacvicar/libvirt" } }
}
provider "libvirt" { uri = "${uri}" }
variable "machines" { type = number }
resource "libvirt_pool" "tf" {
  name = "tf"
  type = "dir"
  target { path = "${pool}" }
}
${['boot', 'data']
  .map(
    name => `resource "libvirt_volume" "${name}" {
  count  = var.machines
  name   = "tf\${count.index}_${name}"
  pool   = libvirt_pool.tf.name
  format = "qcow2"
  size   = 10737664
}
`,
  )
  .join('')}resource "libvirt_domain" "machine" {
  count     = var.machines
  name      = "tf\${count.index}"
  type      = "qemu"
  machine   = "q35"
  memory    = 256
  vcpu      = 1
  running   = false
  autostart = false
  disk { volume_id = libvirt_volume.boot[count.index].id }
  disk { volume_id = libvirt_volume.data[count.index].id }
  network_interface { network_name = "lab" }
}
`

/**
 * Terraform makes machines on a libvirtd (`applied`; it starts each and stops it again, so that a thousand take most of an hour),
 * calls of libvirt make as many more of the same as there are to be (`machines`), which are written into its state, and it
 * plans them all without a change. `ask` calls one of `procedures`. Memory is that of the larger of its two processes.
 */
export async function measureTerraform({ uri, pool, work, applied, machines, ask, procedures }) {
  mkdirSync(work, { recursive: true })
  writeFileSync(join(work, 'main.tf'), configuration(uri, pool))
  writeFileSync(
    join(work, 'terraformrc'),
    `provider_installation {\n  dev_overrides { "dmacvicar/libvirt" = "${folder}" }\n  direct {}\n}\n`,
  )
  const env = { TF_CLI_CONFIG_FILE: join(work, 'terraformrc'), CHECKPOINT_DISABLE: '1' }
  const terraform = (count, ...args) =>
    measure('terraform', [...args, `-var=machines=${count}`], { cwd: work, env, timeoutSeconds: 3600 })
  const apply = terraform(applied, 'apply', '-auto-approve')
  await makeMore({ state: join(work, 'terraform.tfstate'), from: applied, to: machines, ask, procedures })
  // it exits with 2 where it would change something
  return { apply, plan: terraform(machines, 'plan', '-detailed-exitcode') }
}

/** More machines like the first one, on libvirt and in the state. */
async function makeMore({ state: file, from, to, ask, procedures }) {
  const state = JSON.parse(readFileSync(file, 'utf8'))
  const made = state.resources.filter(({ type }) => type !== 'libvirt_pool')
  const [machine] = made.find(({ type }) => type === 'libvirt_domain').instances
  const { id, network_interface: interfaces } = machine.attributes
  const domain = await ask(procedures.domains.lookupByUuid, { uuid: id })
  const model = await ask(procedures.domains.xml, { domain, flags: 2 })
  const pool = await ask(procedures.pools.lookupByName, { name: 'tf' })
  const one = async number => {
    const uuid = randomUUID()
    const mac = `52:54:01:00:${[number >> 8, number & 255].map(octet => octet.toString(16).padStart(2, '0')).join(':')}`
    const renamed = text =>
      text
        .replaceAll('tf0_', `tf${number}_`)
        .replace('<name>tf0</name>', `<name>tf${number}</name>`)
        .replaceAll('"tf0"', `"tf${number}"`)
        .replaceAll(id, uuid)
        .replaceAll(interfaces[0].mac, mac.toUpperCase())
        .replaceAll(interfaces[0].mac.toLowerCase(), mac)
    for (const ending of ['boot', 'data']) {
      const xml = `<volume><name>tf${number}_${ending}</name><capacity>10737664</capacity><allocation>0</allocation><target><format type='qcow2'/><compat>1.1</compat></target></volume>`
      await ask(procedures.volumes.create, { pool, xml, flags: 0 })
    }
    await ask(procedures.domains.define, { xml: renamed(model), flags: 0 })
    for (const { instances } of made) {
      const copy = JSON.parse(renamed(JSON.stringify(instances[0])))
      instances.push({ ...copy, index_key: number })
    }
  }
  const queue = Array.from({ length: Math.max(0, to - from) }, (_, index) => from + index)
  await Promise.all(
    Array.from({ length: 8 }, async () => {
      for (let next = queue.shift(); next !== undefined; next = queue.shift()) await one(next)
    }),
  )
  writeFileSync(file, JSON.stringify({ ...state, serial: state.serial + 1 }))
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) build()
