import { describe, expect, test } from 'vitest'
import { parseUri } from '../../../../src/providers/libvirt/rpc/uri.js'

describe('addresses', () => {
  test.each([
    ['qemu:///system', { open: 'qemu:///system', transport: 'unix', parameters: {} }],
    [
      'qemu+unix:///system?socket=/run/x',
      { open: 'qemu:///system', transport: 'unix', parameters: { socket: '/run/x' } },
    ],
    ['test:///default', { open: 'test:///default', transport: 'unix', parameters: {} }],
    [
      'qemu+ssh://ops@[fd00::1]:2222/system?keyfile=/k&no_tty=1',
      {
        open: 'qemu:///system',
        transport: 'ssh',
        host: 'fd00::1',
        port: 2222,
        user: 'ops',
        parameters: { keyfile: '/k', no_tty: '1' },
      },
    ],
    ['qemu://host/system', { open: 'qemu:///system', transport: 'tls', host: 'host', parameters: {} }],
    [
      'qemu+tls://host:16600/system',
      { open: 'qemu:///system', transport: 'tls', host: 'host', port: 16600, parameters: {} },
    ],
  ])('%s', (uri, expected) => {
    expect(parseUri(uri)).toEqual(expected)
  })

  test.each([
    ['', 'not of the form'],
    ['qemu', 'not of the form'],
    ['qemu+tcp://host/system', 'not one of'],
    ['qemu+ssh:///system', 'needs a host'],
    ['qemu+unix://host/system', 'no host'],
    ['qemu:///session', 'no fixed place'],
    ['qemu+ssh://-oProxyCommand=evil/system', 'none'],
    ['qemu+ssh://host:99999/system', 'no port'],
  ])('%s is refused', (uri, why) => {
    expect(() => parseUri(uri)).toThrow(
      expect.objectContaining({ kind: 'configuration', why: expect.stringContaining(why) }),
    )
  })
})
