import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { DriftReport } from '../../../src/report/drift/model.js'
import { driftExitCode, driftReport } from '../../../src/report/drift/model.js'
import { drifted, input, mixedReport, present, secret, spec, subject } from './fixtures.js'

const of = (report: DriftReport, address: string) => {
  const found = report.resources.find(one => one.address === address)
  if (!found) throw new Error(`no ${address}`)
  return found
}
const statuses = (report: DriftReport, address: string) =>
  Object.fromEntries(of(report, address).attributes.map(one => [one.path, one.status]))

describe('drift', () => {
  it('tells of every declared attribute how it is', () => {
    expect(statuses(mixedReport(), 'VirtualMachine/web')).toEqual({
      autostart: 'in-sync',
      'cloudInit.fqdn': 'in-sync',
      'cloudInit.passwordHash': 'modified',
      'dataDisks[vdb].device': 'in-sync',
      'dataDisks[vdb].sizeGB': 'modified',
      'dataDisks[vdc]': 'deleted',
      dnsServers: 'in-sync',
      vcpus: 'modified',
    })
  })

  it('counts, and says what the whole comes to', () => {
    const report = mixedReport()
    expect(report.counts).toEqual({
      resources: 5,
      inSync: 2,
      modified: 1,
      deleted: 1,
      unreadable: 1,
      unmanaged: 1,
      attributes: 4,
      ignored: 2,
    })
    expect(report.outcome).toBe('incomplete')
    expect(report.ignores.expired.map(one => one.line)).toEqual([6])
    expect(report.ignores.unused.map(one => one.line)).toEqual([7])
  })

  it.each([
    ['nothing differs', [subject('A/a', present(spec))], {}, 0],
    ['an attribute differs', [subject('A/a', present({ ...spec, vcpus: 3 }))], {}, 2],
    [
      'it differs and is ignored',
      [subject('A/a', present({ ...spec, vcpus: 3 }))],
      { ignores: [{ address: 'A/*', reason: 'r', line: 1 }] },
      0,
    ],
    [
      'the document ignores it',
      [subject('A/a', present({ ...spec, vcpus: 3 }), { lifecycle: { ignoreChanges: ['vcpus'] } })],
      {},
      0,
    ],
    ['it is gone', [subject('A/a', { status: 'absent' })], {}, 2],
    [
      'it is gone, and that is ignored',
      [subject('A/a', { status: 'absent' })],
      { ignores: [{ address: 'A/a', reason: 'r', line: 1 }] },
      0,
    ],
    [
      'it is gone, and only a field is ignored',
      [subject('A/a', { status: 'absent' })],
      { ignores: [{ address: 'A/a', path: '*', reason: 'r', line: 1 }] },
      2,
    ],
    [
      'something nobody declared',
      [],
      { unmanaged: [{ kind: 'V', name: 'x', identity: {}, place: 'p', connection: 'c' }] },
      2,
    ],
    ['it cannot be read', [subject('A/a', { status: 'unreadable', why: 'w' })], {}, 3],
    [
      'being unreadable cannot be ignored',
      [subject('A/a', { status: 'unreadable', why: 'w' })],
      { ignores: [{ address: '*', reason: 'r', line: 1 }] },
      3,
    ],
    [
      'one cannot be read, another drifted',
      [subject('A/a', { status: 'unreadable', why: 'w' }), subject('A/b', { status: 'absent' })],
      {},
      3,
    ],
    ['the kind is unknown', [{ ...subject('A/a', present(spec)), kind: undefined }], {}, 3],
  ] as const)('exits as documented: %s', (_reason, subjects, more, code) => {
    expect(driftExitCode(driftReport(input(subjects, more)))).toBe(code)
  })

  it('is none after a clean apply, whatever the order of keys and of keyed lists', () => {
    const value = fc.oneof(fc.integer(), fc.string(), fc.boolean(), fc.array(fc.integer()))
    const disk = fc.record({ device: fc.constantFrom('vda', 'vdb', 'vdc', 'vdd'), sizeGB: fc.nat() })
    const anySpec = fc.record({
      fields: fc.dictionary(fc.stringMatching(/^[a-z]{1,6}$/), value),
      dataDisks: fc.uniqueArray(disk, { selector: one => one.device }),
    })
    const turned = (one: object): object => Object.fromEntries(Object.entries(one).reverse())
    fc.assert(
      fc.property(anySpec, declared => {
        const seen = turned({
          dataDisks: declared.dataDisks.map(turned).reverse(),
          fields: turned(declared.fields),
        })
        const report = driftReport(
          input([subject('A/a', present(seen as never), { spec: declared as never })]),
        )
        expect(report.outcome).toBe('none')
        expect(of(report, 'A/a').attributes.every(one => one.status === 'in-sync')).toBe(true)
      }),
    )
  })

  it('says of what a system does not report that it was not compared', () => {
    const { cloudInit: _, ...seen } = spec
    const report = driftReport(input([subject('A/a', present(seen))]))
    expect(of(report, 'A/a').attributes.find(one => one.path === 'cloudInit.passwordHash')).toEqual({
      path: 'cloudInit.passwordHash',
      status: 'unreadable',
      why: 'the system does not report it',
    })
    expect(report.outcome).toBe('none')
  })

  it('tells of elements that nobody declared by their keys', () => {
    const more = ['vdd', 'vde'].map(device => ({ device, sizeGB: 5 }))
    const report = driftReport(
      input([subject('A/a', present({ ...spec, dataDisks: [...spec.dataDisks, ...more] }))]),
    )
    expect(of(report, 'A/a').attributes.filter(one => one.status !== 'in-sync')).toEqual([
      { path: 'dataDisks[vdd]', status: 'modified', to: { device: 'vdd', sizeGB: 5 } },
      { path: 'dataDisks[vde]', status: 'modified', to: { device: 'vde', sizeGB: 5 } },
    ])
  })

  it('does not take what a system adds by itself for drift', () => {
    const report = driftReport(
      input([
        subject('A/a', present({ ...spec, generated: 'x', cloudInit: { ...spec.cloudInit, more: 1 } })),
      ]),
    )
    expect(report.outcome).toBe('none')
  })

  it('shows no secret', () => {
    const report = driftReport(
      input(
        [
          subject('A/a', present(drifted, { remark: 'started with token-123456' })),
          subject('A/b', { status: 'unreadable', why: 'login with token-123456 was refused' }),
        ],
        { secrets: ['token-123456'] },
      ),
    )
    const text = JSON.stringify(report)
    for (const word of [secret, 'other-secret', 'token-123456']) expect(text).not.toContain(word)
  })
})
