import { expect, test } from 'vitest'
import { toldCommand } from '../../src/cli/told-command.js'

test.each([
  {
    reason: 'a variable is told by its name',
    argv: ['--var', 'password=hunter2'],
    told: '--var password=...',
  },
  {
    reason: 'and where its flag is one word',
    argv: ['--var=password=a b', 'lab'],
    told: '--var=password=... lab',
  },
  { reason: 'one that is no NAME=VALUE stays', argv: ['--var', 'password'], told: '--var password' },
  {
    reason: 'other flags are told in full',
    argv: ['lab', '--yes', '--var-file', 'a=b.yaml'],
    told: 'lab --yes --var-file a=b.yaml',
  },
  {
    reason: 'an address goes without its password and its query',
    argv: ['https://me:hunter2@example.org/a.qcow2?token=hunter2', 's3://bucket/key?secret=hunter2'],
    told: 'https://me:...@example.org/a.qcow2?... s3://bucket/key?...',
  },
  {
    reason: 'an address without any stays',
    argv: ['--connect', 'qemu+ssh://root@host:2222/system'],
    told: '--connect qemu+ssh://root@host:2222/system',
  },
])('$reason', ({ argv, told }) => {
  expect(toldCommand('vm:start', argv)).toBe(`infra vm start ${told}`)
})
