import { describe, expect, test } from 'vitest'
import type { Observation } from '../../src/providers/provider.js'
import { type DriftInput, driftReport } from '../../src/report/drift/model.js'
import { changesSince, nothingKnown } from '../../src/watch/changes.js'
import { input, present, secret, spec, subject } from '../report/drift/fixtures.js'

const web = (observation: Observation, more: Partial<DriftInput> = {}) =>
  driftReport(input([subject('VirtualMachine/web', observation)], more))
const calm = web(present(spec))
const more = web(present({ ...spec, vcpus: 4 }))
const evenMore = web(present({ ...spec, vcpus: 8 }))
const absent = web({ status: 'absent' })
const unread = web({ status: 'unreadable', why: 'no answer' })
const found = { kind: 'Volume', name: 'found', identity: {}, place: 'in pool vms', connection: 'libvirt' }
const stranger = web(present(spec), { unmanaged: [found] })
const unlisted = web(present(spec), { unlisted: [{ connection: 'libvirt', why: 'no answer' }] })
const ignored = web(present({ ...spec, vcpus: 4 }), {
  ignores: [{ address: 'VirtualMachine/web', reason: 'known', line: 1 }],
})
const nothing = driftReport(input([]))
const paused = web(present(spec, { remark: 'paused by hand', pending: ['vcpus'] }))

/** What is told of reports, one after the other. */
function told(...reports: readonly ReturnType<typeof web>[]): string[][] {
  let known = nothingKnown
  return reports.map(report => {
    const step = changesSince(known, report)
    known = step.known
    return step.events.map(event =>
      event.type === 'drift'
        ? `${event.change} ${event.rule} ${event.resource} ${event.path ?? ''}`.trim()
        : event.type === 'remark'
          ? `remark ${event.text}`
          : `${event.type} ${'resources' in event ? event.resources.join(',') : ''}`,
    )
  })
}

const vcpus = 'modified VirtualMachine/web vcpus'

describe('what is new between two looks', () => {
  test.each([
    { reason: 'nothing drifts', looks: [calm, calm], is: [[], []] },
    { reason: 'what stays is told once', looks: [more, more], is: [[`appeared ${vcpus}`], []] },
    { reason: 'another value', looks: [more, evenMore], is: [[`appeared ${vcpus}`], [`changed ${vcpus}`]] },
    { reason: 'put back', looks: [more, calm], is: [[`appeared ${vcpus}`], [`gone ${vcpus}`]] },
    {
      reason: 'deleted while it drifted',
      looks: [more, absent],
      is: [[`appeared ${vcpus}`], ['appeared deleted VirtualMachine/web', `gone ${vcpus}`]],
    },
    {
      reason: 'what cannot be read is neither there nor gone',
      looks: [more, unread, unread, more],
      is: [[`appeared ${vcpus}`], ['unreadable VirtualMachine/web'], [], ['readable VirtualMachine/web']],
    },
    {
      reason: 'put back while nobody could see',
      looks: [more, unread, calm],
      is: [
        [`appeared ${vcpus}`],
        ['unreadable VirtualMachine/web'],
        [`gone ${vcpus}`, 'readable VirtualMachine/web'],
      ],
    },
    {
      reason: 'what nobody declared',
      looks: [stranger, calm],
      is: [['appeared unmanaged Volume/found'], ['gone unmanaged Volume/found']],
    },
    {
      reason: 'what nobody declared, where it could not be listed',
      looks: [stranger, unlisted, stranger],
      is: [['appeared unmanaged Volume/found'], ['unreadable libvirt'], ['readable libvirt']],
    },
    {
      reason: 'an ignore ends what is told',
      looks: [more, ignored],
      is: [[`appeared ${vcpus}`], [`gone ${vcpus}`]],
    },
    {
      reason: 'remarks are no drift, and told',
      looks: [paused, paused, unread, paused, calm],
      is: [
        ['remark paused by hand; waits for a restart: vcpus'],
        [],
        ['unreadable VirtualMachine/web'],
        ['readable VirtualMachine/web'],
        ['remark '],
      ],
    },
    {
      reason: 'a remark on what is no longer recorded is none any more',
      looks: [paused, nothing, nothing],
      is: [['remark paused by hand; waits for a restart: vcpus'], ['remark '], []],
    },
  ])('$reason', ({ looks, is }) => {
    expect(told(...looks)).toEqual(is)
  })

  test('a secret is not told, neither the old nor the new', () => {
    const changed = { ...spec, cloudInit: { ...spec.cloudInit, passwordHash: 'another-secret' } }
    const { events } = changesSince(nothingKnown, web(present(changed)))
    expect(events).toMatchObject([{ change: 'appeared', path: 'cloudInit.passwordHash', sensitive: true }])
    expect(JSON.stringify(events)).not.toContain(secret)
    expect(JSON.stringify(events)).not.toContain('another-secret')
  })

  test('a thousand resources that cannot be read for one reason are one event', () => {
    const all = Array.from({ length: 1000 }, (_, number) =>
      subject(`VirtualMachine/m${number}`, { status: 'unreadable', why: 'the connection is lost' }),
    )
    expect(changesSince(nothingKnown, driftReport(input(all))).events).toHaveLength(1)
  })
})
