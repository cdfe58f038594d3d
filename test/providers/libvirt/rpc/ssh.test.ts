/** By ssh the user's own configuration counts: nothing is said that would stand in its place, unless the address asks for it. */
import { expect, test } from 'vitest'
import { sshCommand } from '../../../../src/providers/libvirt/rpc/transport.js'
import { parseUri } from '../../../../src/providers/libvirt/rpc/uri.js'

const always = ['-T', '-e', 'none', '-o', 'ConnectTimeout=15']

test.each([
  {
    reason: 'config, agent, jump hosts and known hosts are ssh’s own affair; nobody is there to be asked',
    uri: 'qemu+ssh://far/system',
    args: [...always, '-o', 'BatchMode=yes', '--', 'far', 'true'],
  },
  {
    reason: 'the address names user and port',
    uri: 'qemu+ssh://ops@far:2222/system',
    args: [...always, '-o', 'BatchMode=yes', '-p', '2222', '-l', 'ops', '--', 'far', 'true'],
  },
  {
    reason: 'the address names a key and a file of known hosts',
    uri: 'qemu+ssh://far/system?keyfile=/k&known_hosts=/h',
    args: [...always, '-o', 'BatchMode=yes', '-i', '/k', '-o', 'UserKnownHostsFile=/h', '--', 'far', 'true'],
  },
  {
    reason: 'the address lets ssh ask, and asks not to check the host',
    uri: 'qemu+ssh://far/system?no_tty=0&no_verify=1',
    args: [...always, '-o', 'StrictHostKeyChecking=no', '--', 'far', 'true'],
  },
])('$uri: $reason', ({ uri, args }) => {
  expect(sshCommand(parseUri(uri), 'true')).toEqual({ command: 'ssh', args })
})
