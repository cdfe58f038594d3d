/** The examples of drift jobs: checked by their own linters, and by what infra really prints. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { parse } from 'yaml'
import { readIgnores } from '../../src/report/drift/ignores.js'
import { renderDriftPrometheus } from '../../src/report/drift/prometheus.js'
import { mixedReport } from '../report/drift/fixtures.js'
import { checkShell, examples, find, reason, run, shellcheck } from './tools.js'

const folder = join(examples, 'drift')
const read = (file: string) => readFileSync(join(folder, file), 'utf8')

/** Names of metrics in an expression, or that a scan writes. */
const metricsIn = (text: string) => [...new Set(text.match(/\binfra_drift_[a-z_]+/g))].sort()
const written = metricsIn(renderDriftPrometheus(mixedReport(), { lastSuccess: 1 }))

describe('systemd', () => {
  it.skipIf(!find('systemd-analyze'))(`takes the units${reason('systemd-analyze', 'systemd')}`, () => {
    const copies = mkdtempSync(join(tmpdir(), 'infra-units-'))
    try {
      const service = read('systemd/infra-drift@.service').replaceAll(
        '/usr/bin/infra ',
        `${process.execPath} `,
      )
      for (const name of ['infra-drift@.service', 'infra-drift@shop.service'])
        writeFileSync(join(copies, name), service)
      const watch = read('systemd/infra-drift-watch@.service').replaceAll(
        '/usr/bin/infra ',
        `${process.execPath} `,
      )
      writeFileSync(join(copies, 'infra-drift-watch@shop.service'), watch)
      for (const name of ['infra-drift@.timer', 'infra-drift@shop.timer'])
        writeFileSync(join(copies, name), read('systemd/infra-drift@.timer'))
      const files = [
        'infra-drift@shop.service',
        'infra-drift@shop.timer',
        'infra-drift-watch@shop.service',
      ].map(name => join(copies, name))
      const { code, text } = run(find('systemd-analyze') ?? '', ['verify', ...files])
      expect(text).not.toContain('infra-drift')
      expect(code).toBe(0)
    } finally {
      rmSync(copies, { recursive: true, force: true })
    }
  })

  it('does not take drift for a failed scan, and writes where it may', () => {
    const service = read('systemd/infra-drift@.service')
    expect(service).toMatch(/^SuccessExitStatus=2 3$/m)
    const output = /--output (\S+)\//.exec(service)?.[1] ?? ''
    expect(service).toMatch(new RegExp(`^ReadWritePaths=.*${output}`, 'm'))
  })
})

describe('cron', () => {
  const entry =
    read('cron/infra-drift')
      .split('\n')
      .find(line => /^\d/.test(line)) ?? ''
  const [, user = '', command = ''] = /^(?:\S+ ){5}(\S+) (.*)$/.exec(entry) ?? []

  it('has a line that cron takes, whose shell is a script', () => {
    expect(user).toBe('infra')
    // cron ends the command at a per cent sign.
    expect(command).not.toContain('%')
    checkShell(command)
  })

  it.skipIf(!find('shellcheck'))(`pleases shellcheck${reason('shellcheck', 'shellcheck')}`, () => {
    expect(shellcheck(command)).toMatchObject({ text: expect.not.stringMatching(/error|warning/) })
  })

  it.each([
    [0, ''],
    [1, 'it said so'],
    [2, ''],
    [3, ''],
  ])('tells of a scan that exits %d: %j', (code, said) => {
    const home = mkdtempSync(join(tmpdir(), 'infra-cron-'))
    try {
      const scan = command
        .replace(/flock .*?(?=>)/, `sh -c 'echo it said so; exit ${code}' `)
        .replaceAll('/var/tmp/', `${home}/`)
      expect(run('bash', ['-c', scan]).text.trim()).toBe(said)
    } finally {
      rmSync(home, { recursive: true, force: true })
    }
  })
})

describe('Kubernetes', () => {
  it('runs the scan without rights that it does not need', () => {
    const job = parse(read('kubernetes/cronjob.yaml'))
    expect([job.apiVersion, job.kind]).toEqual(['batch/v1', 'CronJob'])
    const { spec } = job.spec.jobTemplate.spec.template
    const [container] = spec.containers
    expect(container.command.slice(0, 2)).toEqual(['infra', 'drift'])
    expect(container.securityContext).toMatchObject({
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
    })
    expect(spec).toMatchObject({ restartPolicy: 'Never', automountServiceAccountToken: false })
    const names = spec.volumes.map((volume: { name: string }) => volume.name)
    for (const mount of container.volumeMounts) expect(names).toContain(mount.name)
  })
})

describe('Prometheus', () => {
  const promtool = find('promtool')

  it.skipIf(!promtool)(
    `takes the rules, and they fire when they should${reason('promtool', 'prometheus')}`,
    () => {
      const rules = join(folder, 'prometheus/infra-drift.rules.yml')
      expect(run(promtool ?? '', ['check', 'rules', rules])).toMatchObject({ code: 0 })
      const tests = run(promtool ?? '', ['test', 'rules', join(folder, 'prometheus/infra-drift.test.yml')])
      expect(tests, tests.text).toMatchObject({ code: 0 })
    },
  )

  it('has alerts on metrics that a scan writes', () => {
    const { groups } = parse(read('prometheus/infra-drift.rules.yml'))
    const rules: { alert: string; expr: string }[] = groups[0].rules
    expect(rules.length).toBeGreaterThan(3)
    for (const { alert, expr } of rules) {
      expect(metricsIn(expr), alert).not.toEqual([])
      for (const metric of metricsIn(expr)) expect(written, alert).toContain(metric)
    }
  })
})

describe('Grafana', () => {
  const dashboard = JSON.parse(read('grafana/infra-drift.json'))

  it('draws metrics that a scan writes', () => {
    for (const panel of dashboard.panels)
      for (const target of panel.targets) {
        expect(metricsIn(target.expr), panel.title).not.toEqual([])
        for (const metric of metricsIn(target.expr)) expect(written, panel.title).toContain(metric)
      }
  })

  it('places its panels beside each other', () => {
    const cells = new Set<string>()
    for (const { gridPos, id } of dashboard.panels)
      for (let x = gridPos.x; x < gridPos.x + gridPos.w; x++)
        for (let y = gridPos.y; y < gridPos.y + gridPos.h; y++) {
          expect(cells.has(`${x} ${y}`), String(id)).toBe(false)
          cells.add(`${x} ${y}`)
          expect(x).toBeLessThan(24)
        }
    expect(new Set(dashboard.panels.map((panel: { id: number }) => panel.id)).size).toBe(
      dashboard.panels.length,
    )
  })
})

describe('ignores', () => {
  it('are read, with their lines', () => {
    const ignores = readIgnores({ name: 'infra-drift-ignore.yaml', text: read('infra-drift-ignore.yaml') })
    expect(ignores.map(({ address, line }) => [address, line])).toEqual([
      ['VirtualMachine/legacy-*', 5],
      ['Volume/scratch-*', 9],
    ])
  })
})
