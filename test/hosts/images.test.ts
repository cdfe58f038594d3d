import { expect, test } from 'vitest'
import { neededImages } from '../../src/cli/hosts/images.js'
import type { Attributes } from '../../src/model/value.js'
import type { Session } from '../../src/session/session.js'

const one = (kind: string, spec: Attributes, connection = 'near') => ({ kind, spec, connection })

test('images are needed that documents declare, that machines start from, and that the state has', () => {
  const session = {
    stack: {
      resources: new Map([
        ['Image/a', one('Image', { pool: 'images', volume: 'a.qcow2' })],
        [
          'VirtualMachine/web',
          one('VirtualMachine', {
            bootDisk: { image: 'images:by-hand.qcow2' },
            installIso: 'isos:set-up.iso',
          }),
        ],
        ['VirtualMachine/empty', one('VirtualMachine', { bootDisk: { empty: true } }, 'far')],
      ]),
    },
    state: { resources: { 'Image/b': one('Image', { pool: 'images', volume: 'b.qcow2' }, 'far') } },
  } as unknown as Session
  expect([...neededImages(session)].sort()).toEqual([
    'far/images:b.qcow2',
    'near/images:a.qcow2',
    'near/images:by-hand.qcow2',
    'near/isos:set-up.iso',
  ])
  expect(neededImages(undefined).size).toBe(0)
})
