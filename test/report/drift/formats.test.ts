import { execFileSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { stripVTControlCharacters } from 'node:util'
import fc from 'fast-check'
import { XMLParser, XMLValidator } from 'fast-xml-parser'
import { describe, expect, it } from 'vitest'
import { renderDriftJunit } from '../../../src/report/drift/junit.js'
import { renderDriftMarkdown } from '../../../src/report/drift/markdown.js'
import { driftReport } from '../../../src/report/drift/model.js'
import { lastSuccessIn, renderDriftPrometheus } from '../../../src/report/drift/prometheus.js'
import { renderDriftSarif } from '../../../src/report/drift/sarif.js'
import { renderDriftTable } from '../../../src/report/drift/table.js'
import { controls, hostileText } from '../hostile.js'
import { input, mixedReport, present, secret, spec, subject } from './fixtures.js'

/** A report of fixed shape whose every foreign text is given. */
const hostileReport = (text: string) =>
  driftReport(
    input(
      [
        subject(`A/${text}1`, present({ ...spec, vcpus: text }, { remark: text }), {
          connection: text,
          source: { file: text, line: 1 },
        }),
        subject(`A/${text}2`, { status: 'absent' }),
        subject(`A/${text}3`, { status: 'unreadable', why: text }),
      ],
      {
        stack: text,
        unmanaged: [{ kind: text, name: text, identity: {}, place: text, connection: text }],
        ignores: [{ address: text, reason: text, line: 1, until: '2020-01-01' }],
        connections: { [text]: { type: 'embedded', description: text } },
      },
    ),
  )

describe('on a terminal', () => {
  it('says what differs first, and hides nothing that is ignored', () => {
    expect(renderDriftTable(mixedReport(), { colour: false, width: 80 })).toBe(
      `shop: Incomplete: 1 resource could not be read; 1 modified, 1 deleted, 1
unmanaged, 1 unreadable, 2 ignored, 2 in sync

! VirtualMachine/far
    could not be read: connection refused

- VirtualMachine/gone
    is recorded and no longer there

~ VirtualMachine/web
    cloudInit.passwordHash: (sensitive, changed)
    dataDisks[vdb].sizeGB: 10 → 12
    dataDisks[vdc] is gone: it was { device: "vdc", sizeGB: 20 }
    vcpus: 2 → 4

? Volume/found
    nobody declared it; found in pool vms

Remarks (1)
  VirtualMachine/web: paused by hand

Waits for a restart (1)
  VirtualMachine/web: vcpus

Ignored (2)
  VirtualMachine/known autostart: true → false: maintenance (until 2026-05-10)
  Volume/scratch-1 nobody declared it; found in pool vms: scratch space

Ignores that ended (1)
  line 6: VirtualMachine/* vcpus: last spring (until 2026-05-09)

Ignores that nothing needs (1)
  line 7: Image/*: nothing of that

Read in 1.5 s, state serial 41
`,
    )
  })

  it('says the same in colour', () => {
    const plain = renderDriftTable(mixedReport(), { colour: false })
    const coloured = renderDriftTable(mixedReport(), { colour: true })
    expect(coloured).not.toBe(plain)
    expect(stripVTControlCharacters(coloured)).toBe(plain)
  })

  it('lists what is in sync on request, and says what is embedded', () => {
    const report = driftReport(
      input([subject('A/a', present(spec))], { connections: { e: { type: 'embedded', description: '' } } }),
    )
    const text = renderDriftTable(report, { colour: false, full: true })
    expect(text).toContain('shop: No drift; 1 in sync\n')
    expect(text).toContain('embedded (e)')
    expect(text).toContain('In sync (1)\n  A/a')
  })
})

describe('as markdown', () => {
  it('is ordered by worry, with ignored drift folded', () => {
    const text = renderDriftMarkdown(mixedReport())
    const titles = text.split('\n').filter(line => /^(#|<details>)/.test(line))
    expect(titles).toEqual([
      '### Incomplete: 1 resource could not be read in <code>shop</code>',
      '#### Could not be read (1)',
      '#### No longer there (1)',
      '#### Modified (4)',
      '#### Nobody declared (1)',
      '#### Ignores that ended (1)',
      '<details><summary>Ignored (2)</summary>',
      '<details><summary>Remarks (1)</summary>',
    ])
    expect(text).toContain('\n! VirtualMachine/web vcpus: 2 → 4\n')
  })

  it('keeps under its budget and says what it left out', () => {
    const subjects = Array.from({ length: 5000 }, (_, index) =>
      subject(`A/a${index}`, present({ ...spec, vcpus: 3 })),
    )
    const text = renderDriftMarkdown(driftReport(input(subjects)), { budget: 20_000 })
    expect(Buffer.byteLength(text)).toBeLessThanOrEqual(20_000)
    expect(text).toMatch(/\*\*Left out to fit:\*\* \d+ of 5000 modified\./)
    expect(text).toContain('> 5000 modified')
  })

  it('has the same structure whatever names and values are', () => {
    const skeleton = (text: string) => {
      const lines: string[] = []
      let fence = ''
      for (const line of renderDriftMarkdown(hostileReport(text)).split('\n')) {
        if (fence !== '') fence = line === fence ? '' : fence
        else if (/^`{3,}diff$/.test(line)) fence = line.slice(0, -4)
        else lines.push(line.replace(/<code>.*?<\/code>/g, '').replace(/<!-- .*? -->/, ''))
      }
      return [...lines, fence]
    }
    const plain = skeleton('web')
    fc.assert(
      fc.property(hostileText, text => {
        expect(skeleton(text)).toEqual(plain)
      }),
    )
  })
})

describe('as SARIF', () => {
  const log = JSON.parse(renderDriftSarif(mixedReport(), '1.2.3'))
  const run = log.runs[0]

  it('has what code scanning needs', () => {
    expect(log.version).toBe('2.1.0')
    expect(run.tool.driver).toMatchObject({ name: 'infra', version: '1.2.3' })
    for (const result of run.results) {
      expect(run.tool.driver.rules[result.ruleIndex].id).toBe(result.ruleId)
      expect(['error', 'warning']).toContain(result.level)
      expect(result.message.text).not.toBe('')
    }
    const found = run.results.find((one: { message: { text: string } }) => one.message.text.includes('vcpus'))
    expect(found.locations[0].physicalLocation).toEqual({
      artifactLocation: { uri: 'my%20stack/a&b.yaml' },
      region: { startLine: 7 },
    })
    expect(found.locations[0].logicalLocations[0].fullyQualifiedName).toBe('VirtualMachine/web.vcpus')
  })

  it('keeps what is ignored, suppressed with its reason', () => {
    const suppressed = run.results.filter((one: object) => 'suppressions' in one)
    expect(suppressed).toHaveLength(2)
    expect(suppressed[0].suppressions[0].justification).toBe('maintenance (until 2026-05-10)')
  })

  it('tells the same finding by the same fingerprint, and no two by one', () => {
    const again = JSON.parse(renderDriftSarif(mixedReport({ at: 0 }), '1.2.3')).runs[0]
    const prints = (results: readonly { partialFingerprints: object }[]) =>
      results.map(one => JSON.stringify(one.partialFingerprints))
    expect(new Set(prints(run.results)).size).toBe(run.results.length)
    for (const print of prints(run.results)) expect(prints(again.results)).toContain(print)
  })
})

describe('as JUnit', () => {
  it('is a case a resource, with totals that add up', () => {
    const text = renderDriftJunit(mixedReport())
    expect(XMLValidator.validate(text)).toBe(true)
    const suite = new XMLParser({ ignoreAttributes: false }).parse(text).testsuites.testsuite
    expect([suite['@_tests'], suite['@_failures'], suite['@_errors'], suite['@_skipped']]).toEqual([
      '7',
      '3',
      '1',
      '2',
    ])
    const web = suite.testcase.find((one: Record<string, string>) => one['@_name'] === 'VirtualMachine/web')
    expect(web.failure['#text'].split('\n')).toHaveLength(4)
  })

  it('is XML whatever names and values are', () => {
    fc.assert(
      fc.property(hostileText, text => {
        const xml = renderDriftJunit(hostileReport(text))
        expect(XMLValidator.validate(xml)).toBe(true)
        expect(xml).not.toMatch(controls)
      }),
    )
  })
})

describe('for Prometheus', () => {
  it('counts, names what drifted, and tells when all was read last', () => {
    const text = renderDriftPrometheus(mixedReport(), { lastSuccess: 1_700_000_000 })
    expect(text).toContain('infra_drift_resources{stack="shop",status="modified"} 1\n')
    expect(text).toContain(
      'infra_drift_resource{stack="shop",connection="libvirt",address="VirtualMachine/gone",status="deleted"} 1\n',
    )
    expect(text).toContain('infra_drift_last_success_timestamp_seconds{stack="shop"} 1700000000\n')
    expect(text).toContain('infra_drift_last_run_timestamp_seconds{stack="shop"} 1778382000\n')
    expect(text).not.toContain('known')
  })

  it('takes a scan that read everything for a success, and finds the last one again', () => {
    const report = driftReport(input([], { stack: 'a "b"\\' }))
    const text = renderDriftPrometheus(report)
    expect(lastSuccessIn(text, 'a "b"\\')).toBe(1_778_382_000)
    expect(lastSuccessIn(text, 'other')).toBeUndefined()
    expect(lastSuccessIn('', 'shop')).toBeUndefined()
  })

  it('has a line a sample and no sample twice, whatever names are', () => {
    fc.assert(
      fc.property(hostileText, text => {
        const lines = renderDriftPrometheus(hostileReport(text)).trimEnd().split('\n')
        const samples = lines.filter(line => !line.startsWith('#'))
        for (const line of samples) expect(line).toMatch(/^[a-z_]+\{([a-z]+="([^"\\\n]|\\.)*",?)+\} [\d.]+$/)
        expect(new Set(samples.map(line => line.slice(0, line.lastIndexOf(' ')))).size).toBe(samples.length)
      }),
    )
  })

  const promtool = ['/usr/bin/promtool', '/usr/local/bin/promtool'].find(existsSync)
  it.skipIf(!promtool)(
    `is what promtool takes${promtool ? '' : ' (skipped: no promtool; apt-get install prometheus)'}`,
    () => {
      for (const text of ['shop', '"}\n# x {', 'ü\\']) {
        const metrics = renderDriftPrometheus(hostileReport(text))
        expect(execFileSync(promtool ?? '', ['check', 'metrics'], { input: metrics, encoding: 'utf8' })).toBe(
          '',
        )
      }
    },
  )
})

describe('every format', () => {
  it('shows no secret', () => {
    const report = mixedReport()
    const all = [
      JSON.stringify(report),
      renderDriftTable(report, { colour: false, full: true }),
      renderDriftMarkdown(report),
      renderDriftSarif(report, '1'),
      renderDriftJunit(report),
      renderDriftPrometheus(report),
    ].join('\n')
    expect(all).not.toContain(secret)
    expect(all).not.toContain('other-secret')
  })
})
