import fc from 'fast-check'
import { expect, test } from 'vitest'
import { leftInWords, timeLeft } from '../../../src/providers/vcluster/expiry.js'
import {
  canonicalDuration,
  formatDuration,
  parseDuration,
} from '../../../src/providers/vcluster/kinds/duration.js'

const end = '2026-03-29T01:30:00.000Z'
const at = Date.parse(end)
const hour = 3_600_000

test.each([
  { reason: 'both clocks agree: an hour is left', host: at - hour, here: at - hour, over: false },
  { reason: 'both clocks agree: it is over', host: at + 1, here: at + 1, over: true },
  { reason: 'this machine is a day ahead: it lives on', host: at - hour, here: at + 24 * hour, over: false },
  { reason: 'the host is a day ahead: it lives on', host: at + 24 * hour, here: at - hour, over: false },
  {
    reason: 'this machine is behind: it dies late rather than early',
    host: at + hour,
    here: at - hour,
    over: false,
  },
  { reason: 'the host has not told its time', host: undefined, here: at + 1, over: true },
])('$reason', ({ host, here, over }) => {
  expect((timeLeft(end, { host, here }) ?? 1) <= 0).toBe(over)
})

test.each([
  { reason: 'a time without a zone could be anyone’s', text: '2001-01-01T00:00:00' },
  { reason: 'an offset is not what infra writes', text: '2001-01-01T00:00:00+02:00' },
  { reason: 'words', text: 'yesterday' },
  { reason: 'a day that is none', text: '2001-13-45T00:00:00Z' },
  { reason: 'nothing', text: undefined },
])('never over: $reason', ({ text }) => {
  expect(timeLeft(text, { host: at, here: at })).toBeUndefined()
})

test('no clock that is ahead makes it die early, and no zone of this machine matters', () => {
  const zone = process.env.TZ
  try {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 1e9 }),
        fc.integer({ min: 0, max: 1e12 }),
        fc.constantFrom('UTC', 'Asia/Kathmandu', 'America/St_Johns', 'Europe/Berlin'),
        (left, ahead, tz) => {
          process.env.TZ = tz
          const now = at - left
          expect(timeLeft(end, { host: now, here: now + ahead })).toBe(left)
          expect(timeLeft(end, { host: now + ahead, here: now })).toBe(left)
        },
      ),
    )
  } finally {
    if (zone === undefined) delete process.env.TZ
    else process.env.TZ = zone
  }
})

test('words for what is left', () => {
  expect(leftInWords(90 * 60_000)).toBe('1h30m left')
  expect(leftInWords(-5 * 60_000)).toBe('expired 5m ago')
})

test('spans of time come back as they were', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 36_500 * 86_400 }), seconds => {
      expect(parseDuration(formatDuration(seconds))).toBe(seconds)
      expect(canonicalDuration(formatDuration(seconds))).toBe(formatDuration(seconds))
    }),
  )
  for (const text of ['', '2', 'h', '1h1h', '1m1h', '-1h', '1.5h', ' 1h'])
    expect(parseDuration(text), text).toBeUndefined()
})
