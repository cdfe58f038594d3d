import { describe, expect, it } from 'vitest'
import { parse } from 'yaml'
import type { Attributes } from '../../../../src/model/value.js'
import { renderSeed, seedImage } from '../../../../src/providers/libvirt/seed/cloud-init.js'
import { renderIgnition } from '../../../../src/providers/libvirt/seed/ignition.js'
import { provisioningOf } from '../../../../src/providers/libvirt/seed/provisioning.js'
import { canonical, simple } from '../xml/machines.js'

const identity = '2b7f5a3c-0d4f-4f27-9a39-5c5b2a7d9e01'
const key = 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIB8Ht8Z8 me@example'

function seedOf(spec: Attributes, name = 'web') {
  return renderSeed({ name, identity, spec: canonical(spec, name) })
}

function withCloudInit(cloudInit: Attributes, more: Attributes = {}): Attributes {
  return { ...simple, cloudInit, ...more }
}

describe('a seed', () => {
  const seed = seedOf(simple)

  it('tells the host name, root’s keys and password as Foundry did', () => {
    expect(seed.userData.startsWith('#cloud-config\n')).toBe(true)
    expect(parse(seed.userData)).toEqual({
      hostname: 'web',
      fqdn: 'web.example.org',
      preserve_hostname: false,
      disable_root: false,
      users: [{ name: 'root', ssh_authorized_keys: [key] }],
      chpasswd: { expire: false, list: 'root:$6$salt$hash\n' },
      ssh_pwauth: false,
    })
    expect(parse(seed.metaData)).toEqual({ 'instance-id': seed.instanceId, 'local-hostname': 'web' })
  })

  it('configures the network by MAC address', () => {
    expect(parse(seed.networkConfig)).toEqual({
      version: 2,
      ethernets: {
        eth0: {
          match: { macaddress: 'be:ef:0a:fa:fa:0a' },
          dhcp4: false,
          addresses: ['10.250.250.10/24'],
          routes: [{ to: '0.0.0.0/0', via: '10.250.250.1' }],
          nameservers: { addresses: ['8.8.8.8', '1.1.1.1'] },
        },
      },
    })
  })

  it.each([
    [
      { ip: '10.0.0.5/24', gateway: '10.0.1.1', bridge: 'b' },
      { routes: [{ to: '0.0.0.0/0', via: '10.0.1.1', 'on-link': true }] },
      'a gateway beyond the network is on the link',
    ],
    [
      { ip: 'fd00::5/64', gateway: 'fd00::1', bridge: 'b' },
      { routes: [{ to: '::/0', via: 'fd00::1' }] },
      'IPv6',
    ],
    [
      { ip: '10.0.0.5/24', gateway: '10.0.0.1', gateway6: 'fd00::1', addresses: ['FD00::5/64'], bridge: 'b' },
      {
        addresses: ['10.0.0.5/24', 'fd00::5/64'],
        routes: [{ to: '0.0.0.0/0' }, { to: '::/0', via: 'fd00::1' }],
      },
      'both families',
    ],
    [{ dhcp: true, network: 'lab' }, { dhcp4: true }, 'DHCP'],
    [
      { dhcp: true, dhcp6: true, network: 'lab', defaultRoute: false },
      { dhcp4: true, dhcp6: true, 'dhcp4-overrides': { 'use-routes': false } },
      'DHCP without a default route',
    ],
    [
      { ip: '10.0.0.5/24', gateway: '10.0.0.1', bridge: 'b', mtu: 9000, searchDomains: ['example.org'] },
      { mtu: 9000, nameservers: { addresses: [], search: ['example.org'] } },
      'MTU and domains',
    ],
  ])('configures %j', (item, expected, reason) => {
    const config = parse(seedOf({ ...simple, networkInterfaces: [item] }).networkConfig) as {
      ethernets: { eth0: unknown }
    }
    expect(config.ethernets.eth0, reason).toMatchObject(expected)
  })

  it('has an instance-id that changes with the machine and with what it is told, and with nothing else', () => {
    expect(seedOf(simple).instanceId).toBe(seed.instanceId)
    expect(seedOf({ ...simple, vcpus: 16 }).instanceId).toBe(seed.instanceId)
    expect(renderSeed({ name: 'web', identity: 'another', spec: canonical(simple) }).instanceId).not.toBe(
      seed.instanceId,
    )
    expect(seedOf(withCloudInit({ fqdn: 'db.example.org' })).instanceId).not.toBe(seed.instanceId)
    expect(seedOf({ ...simple, networkInterfaces: [{ dhcp: true, network: 'lab' }] }).instanceId).not.toBe(
      seed.instanceId,
    )
  })

  it('is the same image for the same content', () => {
    expect(seedImage(seedOf(simple))).toEqual(seedImage(seed))
  })

  it('says of a hash that older versions do not know that it is one', () => {
    expect(parse(seedOf(withCloudInit({ passwordHash: '$y$j9T$salt$hash' })).userData)).toMatchObject({
      chpasswd: { users: [{ name: 'root', password: '$y$j9T$salt$hash', type: 'hash' }] },
    })
  })

  it('makes a host name of a machine’s name', () => {
    expect(parse(seedOf(withCloudInit({}), 'my_vm_1').metaData)).toMatchObject({
      'local-hostname': 'my-vm-1',
    })
  })

  it('takes the whole user-data as it is, with nothing of the other fields', () => {
    const rawUserData = '#!/bin/bash\ncurl -sfL https://get.k3s.io | sh -\n'
    const seed = seedOf(
      withCloudInit({ rawUserData, fqdn: 'web.example.org', sshAuthorizedKeys: [key] }),
      'k3s',
    )
    expect(seed.userData).toBe(rawUserData)
    expect(parse(seed.metaData)).toMatchObject({ 'local-hostname': 'k3s' })
    expect(seed.networkConfig).toBe(seedOf(withCloudInit({}), 'k3s').networkConfig)
  })

  it('puts the user’s own user-data after what infra makes', () => {
    const script = '#!/bin/sh\necho "hello"\n'
    const { userData } = seedOf(withCloudInit({ sshAuthorizedKeys: [key], userData: script }))
    const boundary = /boundary="([^"]+)"/.exec(userData)?.[1] ?? '?'
    const parts = userData.split(`--${boundary}`)
    expect(parts).toHaveLength(4)
    expect(parts[1]).toContain('Content-Type: text/cloud-config; charset="us-ascii"')
    expect(parts[1]).toContain(`- ${key}`)
    expect(parts[2]).toContain('Content-Type: text/x-shellscript')
    expect(parts[2]).toContain(script)
    expect(parts[3]).toBe('--\n')
  })

  it.each([
    ['#cloud-config\nruncmd: []\n', 'text/cloud-config'],
    ['#cloud-boothook\n', 'text/cloud-boothook'],
    ['#include\nhttps://example.org/a\n', 'text/x-include-url'],
    ['## template: jinja\n#cloud-config\n', 'text/jinja2'],
    ['Content-Type: multipart/mixed; boundary="x"\n\n--x--\n', 'multipart/mixed'],
    ['anything', 'text/plain'],
  ])('knows what %j is', (userData, type) => {
    expect(seedOf(withCloudInit({ userData })).userData).toContain(`Content-Type: ${type}`)
  })

  it('encodes what is not ASCII', () => {
    const { userData } = seedOf(withCloudInit({ userData: '#!/bin/sh\necho grüß\n' }))
    expect(userData).toContain('Content-Transfer-Encoding: base64')
    expect(userData).toContain(Buffer.from('#!/bin/sh\necho grüß\n').toString('base64'))
  })

  it('takes a network configuration as it is', () => {
    expect(seedOf(withCloudInit({ networkConfig: 'version: 1\n' })).networkConfig).toBe('version: 1\n')
  })
})

describe('a configuration for Ignition', () => {
  const input = (ignition: Attributes) => ({
    name: 'web',
    identity,
    spec: canonical({ ...simple, cloudInit: undefined as never, ignition }),
  })

  it('tells host name, keys and password', () => {
    expect(
      JSON.parse(
        renderIgnition(input({ fqdn: 'Web.Example.org', sshAuthorizedKeys: [key], passwordHash: '$6$a$b' })),
      ),
    ).toEqual({
      ignition: { version: '3.3.0' },
      passwd: { users: [{ name: 'core', sshAuthorizedKeys: [key], passwordHash: '$6$a$b' }] },
      storage: {
        files: [
          {
            path: '/etc/hostname',
            mode: 420,
            overwrite: true,
            contents: { source: 'data:,web.example.org%0A' },
          },
        ],
      },
    })
  })

  it('is overruled by the document’s own', () => {
    const config = JSON.stringify({
      ignition: { version: '3.4.0' },
      passwd: { users: [{ name: 'core', groups: ['wheel'] }, { name: 'me' }] },
      storage: { files: [{ path: '/etc/motd' }] },
    })
    const made = JSON.parse(renderIgnition(input({ sshAuthorizedKeys: [key], config }))) as Record<
      string,
      unknown
    >
    expect(made).toMatchObject({
      ignition: { version: '3.4.0' },
      passwd: { users: [{ name: 'core', sshAuthorizedKeys: [key], groups: ['wheel'] }, { name: 'me' }] },
      storage: { files: [{ path: '/etc/hostname' }, { path: '/etc/motd' }] },
    })
  })
})

describe('provisioning', () => {
  it('is cloud-init’s, Ignition’s or none', () => {
    const of = (more: Attributes) =>
      provisioningOf({
        name: 'web',
        identity,
        spec: canonical({ ...simple, cloudInit: undefined as never, ...more }),
      })
    expect(of({ cloudInit: {} })).toMatchObject({ by: 'cloudInit', volume: 'web_cloudinit' })
    expect(of({ ignition: {} })).toMatchObject({ by: 'ignition', volume: 'web_ignition' })
    expect(of({})).toBeUndefined()
  })
})
