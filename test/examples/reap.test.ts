/** The examples of reaping: units that systemd takes, commands that infra takes, and a secret that stays one. */
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { parse } from 'yaml'
import Reap from '../../src/commands/reap.js'
import { apply, plan } from '../../src/index.js'
import { kinds } from '../../src/session/provider-types.js'
import { loadStack } from '../../src/stack/load.js'
import { examples, find, reason, run } from './tools.js'

const folder = join(examples, 'reap')
const read = (file: string) => readFileSync(join(folder, file), 'utf8')
const services = ['infra-reap@.service', 'infra-reap-watch@.service']
const job = parse(read('kubernetes/cronjob.yaml'))

const commands: readonly (readonly [string, readonly string[]])[] = [
  ...services.map(
    name => [name, (/^ExecStart=(.+)$/m.exec(read(`systemd/${name}`))?.[1] ?? '').split(' ')] as const,
  ),
  ['cronjob.yaml', job.spec.jobTemplate.spec.template.spec.containers[0].command],
]

describe('what runs infra reap', () => {
  it.each(commands)('%s calls it as it is called', (_name, command) => {
    const [program, verb, ...args] = command
    expect(program).toMatch(/^(\/usr\/bin\/)?infra$/)
    expect(verb).toBe('reap')
    const flags = args.filter(one => one.startsWith('--')).map(one => one.slice(2))
    for (const flag of flags) expect(Object.keys(Reap.flags)).toContain(flag)
    expect(flags).toContain('yes')
  })

  it.skipIf(!find('systemd-analyze'))(
    `are units that systemd takes${reason('systemd-analyze', 'systemd')}`,
    () => {
      const copies = mkdtempSync(join(tmpdir(), 'infra-units-'))
      try {
        const files = [...services, 'infra-reap@.timer'].flatMap(name => {
          const text = read(`systemd/${name}`).replaceAll('/usr/bin/infra ', `${process.execPath} `)
          return [name, name.replace('@', '@sandbox')].map(copy => {
            writeFileSync(join(copies, copy), text)
            return join(copies, copy)
          })
        })
        const instances = files.filter(file => file.includes('@sandbox'))
        const { code, text } = run(find('systemd-analyze') ?? '', ['verify', ...instances])
        expect(text).not.toContain('infra-reap')
        expect(code).toBe(0)
      } finally {
        rmSync(copies, { recursive: true, force: true })
      }
    },
  )

  it('stops as Ctrl-C does, and writes where it may', () => {
    for (const name of services) {
      const text = read(`systemd/${name}`)
      expect(text).toMatch(/^KillSignal=SIGINT$/m)
      expect(text).toMatch(/^ReadWritePaths=\/var\/lib\/infra$/m)
      expect(text).toContain('--state /var/lib/infra/%i')
    }
  })

  it('has no rights in the cluster that it does not need', () => {
    const { spec } = job.spec.jobTemplate.spec.template
    const [container] = spec.containers
    expect(job.spec.concurrencyPolicy).toBe('Forbid')
    expect(container.securityContext).toMatchObject({
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
    })
    expect(spec).toMatchObject({ restartPolicy: 'Never', automountServiceAccountToken: false })
    const names = spec.volumes.map((volume: { name: string }) => volume.name)
    for (const mount of container.volumeMounts) expect(names).toContain(mount.name)
  })
})

describe('examples/team-sandbox', () => {
  const path = join(examples, 'team-sandbox')

  it('has a cluster with a time to live for each team, by one template', async () => {
    const { resources } = await loadStack({ path, kinds })
    const clusters = [...resources.values()].filter(one => one.kind === 'VirtualCluster')
    expect(clusters.map(one => [one.address, one.name, one.spec.ttl, one.connection])).toEqual([
      ['VirtualCluster/sandbox[web]', 'sandbox-web', '8h', 'vcluster'],
      ['VirtualCluster/sandbox[data]', 'sandbox-data', '2d', 'vcluster'],
      ['VirtualCluster/sandbox[mobile]', 'sandbox-mobile', '7d', 'vcluster'],
    ])
    for (const one of clusters) expect(one.spec.expose).toMatchObject({ type: 'LoadBalancer' })
  })

  it('gives the kubeconfig to the machine as a secret', async () => {
    const copy = mkdtempSync(join(tmpdir(), 'infra-sandbox-'))
    try {
      cpSync(path, copy, { recursive: true })
      const file = join(copy, 'stack.yaml')
      const text = readFileSync(file, 'utf8')
        .replace(/^ {4}vcluster: .*$/m, '    vcluster: {type: embedded}')
        .replace(/^ {4}libvirt: \{.*$/m, '    libvirt: {type: embedded}')
      writeFileSync(file, text)
      // What the reader downloads first
      mkdirSync(join(copy, 'images'))
      writeFileSync(join(copy, 'images/debian-12-generic-amd64.qcow2'), 'an image')
      const { plan: made, problems } = await plan({ path: copy })
      expect(problems).toEqual([])
      const step = made.steps.find(one => one.address === 'VirtualMachine/runner')
      expect(step?.needs).toContain('create VirtualCluster/sandbox[web]')
      expect(step?.desired?.sensitive).toContain('cloudInit.userData')

      const { result, state } = await apply({ path: copy })
      expect(result).toBe('applied')
      const secret = 'embedded:kubeconfigContent'
      const machine = state.resources['VirtualMachine/runner']
      expect(machine?.sensitive).toContain('cloudInit.userData')
      const { plan: away } = await plan({ path: copy }, { mode: 'destroy' })
      // The machine has it; what is kept of it is the reference.
      for (const told of [machine, state, away]) expect(JSON.stringify(told)).not.toContain(secret)
      expect(JSON.stringify(machine?.spec)).toContain('VirtualCluster.sandbox[web].kubeconfigContent')
    } finally {
      rmSync(copy, { recursive: true, force: true })
    }
  })
})
