// Terraform with its libvirt provider, for libvirt.mjs to measure beside: the same machines, made by it on the same libvirtd.
// The provider is not installed with anything; it is built on request, by Go from its module proxy, into the labs' cache:
//
//   node test/bench/terraform-libvirt.mjs
import { execFileSync, spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { homedir, tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { measure } from './measure.mjs'

// the last before 0.9, which is another program, and several times slower
const version = '0.8.3'
const module = 'github.com/dmacvicar/terraform-provider-libvirt'
const folder = join(homedir(), '.cache/infra-lab', `terraform-provider-libvirt-${version}`)
const program = join(folder, 'terraform-provider-libvirt')

/** So many machines tell what more of them will cost. */
const few = 50
/** Terraform's apply grows a little less than with the square. */
const growth = 1.7

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
 * Makes machines on a libvirtd, as many of `most` as `minutes` allow, and plans them without a change. Memory is that of the
 * larger of its two processes. Undefined where even a few take too long.
 */
export function measureTerraform({ uri, pool, work, most, minutes }) {
  mkdirSync(work, { recursive: true })
  writeFileSync(join(work, 'main.tf'), configuration(uri, pool))
  writeFileSync(
    join(work, 'terraformrc'),
    `provider_installation {\n  dev_overrides { "dmacvicar/libvirt" = "${folder}" }\n  direct {}\n}\n`,
  )
  const env = { TF_CLI_CONFIG_FILE: join(work, 'terraformrc'), CHECKPOINT_DISABLE: '1' }
  const seconds = minutes * 60
  const terraform = (machines, ...args) =>
    measure(
      'timeout',
      // an interrupt lets it end its own processes
      ['--signal=INT', '--kill-after=60', String(seconds), 'terraform', ...args, `-var=machines=${machines}`],
      { cwd: work, env, timeoutSeconds: seconds + 120 },
    )
  const first = Math.min(few, most)
  const trial = terraform(first, 'apply', '-auto-approve')
  const machines = Math.min(most, Math.floor(first * (seconds / trial.wall) ** (1 / growth)))
  if (machines < first) return undefined
  if (machines > first) terraform(0, 'apply', '-auto-approve')
  const apply = machines > first ? terraform(machines, 'apply', '-auto-approve') : trial
  // exits 2 where it would change something
  return { machines, apply, plan: terraform(machines, 'plan', '-detailed-exitcode') }
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) build()
