import { describe, expect, it } from 'vitest'
import { commandWords } from '../../../src/providers/ceph/client/command.js'
import { CephError, errnoName, errnoOf, isErrno, orAbsent } from '../../../src/providers/ceph/client/error.js'
import {
  isOffered,
  readDescriptions,
  readHelp,
  readVersion,
} from '../../../src/providers/ceph/client/offers.js'
import { readCephArgs, resolveAccess } from '../../../src/providers/ceph/client/settings.js'
import { ownerTag, readTag } from '../../../src/providers/ceph/tags.js'

describe('access to a cluster', () => {
  const rows = [
    {
      reason: 'nothing said',
      settings: {},
      env: {},
      is: { name: 'client.admin', cluster: 'ceph', conf: undefined },
    },
    { reason: 'CEPH_CONF', settings: {}, env: { CEPH_CONF: '/c' }, is: { conf: '/c' } },
    {
      reason: 'CEPH_ARGS before CEPH_CONF',
      settings: {},
      env: { CEPH_CONF: '/c', CEPH_ARGS: '--conf=/d --id eve --mon-host 10.0.0.1' },
      is: { conf: '/d', name: 'client.eve', options: { mon_host: '10.0.0.1' } },
    },
    {
      reason: 'settings before both',
      settings: { conf: 'x/ceph.conf', client: 'bob', keyring: '/k', cluster: 'lab' },
      env: { CEPH_CONF: '/c', CEPH_ARGS: '-n client.eve' },
      is: { conf: '/stack/x/ceph.conf', name: 'client.bob', keyring: '/k', cluster: 'lab' },
    },
  ]
  for (const { reason, settings, env, is } of rows) {
    it(reason, () => {
      expect(resolveAccess(settings, '/stack', env)).toMatchObject(is)
    })
  }
  it('refuses settings that it does not know', () => {
    expect(() => resolveAccess({ confg: '/x' }, '/', {})).toThrow('settings of the Ceph connection')
  })
  it('reads CEPH_ARGS in every spelling', () => {
    const read = readCephArgs('-c /a  --name client.x --keyring=/k --no-mon-config -m 1.2.3.4')
    expect(read).toEqual({
      conf: '/a',
      name: 'client.x',
      keyring: '/k',
      no_mon_config: 'true',
      mon_host: '1.2.3.4',
    })
  })
})

describe('what a cluster offers', () => {
  const described = JSON.stringify({
    cmd000: { sig: ['osd', 'pool', 'create', { name: 'pool' }, { name: 'bulk' }] },
    cmd001: { sig: ['fs', 'volume', 'rm', { name: 'vol_name' }, { name: 'yes-i-really-mean-it' }] },
  })
  const help = `
 Monitor commands:
 =================
fs subvolume metadata set <vol_name>    Set custom metadata (key-value) for a
 <sub_name> <key_name> <value> [<group_ CephFS subvolume in a volume, and
 name>]                                 optionally
fs subvolume create <vol_name> <sub_    Create a CephFS subvolume
 name> [<size:int>] [--namespace-
 isolated]
osd pool get <pool> size|min_size|pg_   get pool parameter <var>
 num
`
  const rows = [
    { reason: 'a known command', offers: readDescriptions(described), prefix: 'osd pool create', is: true },
    {
      reason: 'a known argument',
      offers: readDescriptions(described),
      prefix: 'osd pool create',
      argument: 'bulk',
      is: true,
    },
    {
      reason: 'an unknown argument',
      offers: readDescriptions(described),
      prefix: 'osd pool create',
      argument: 'x',
      is: false,
    },
    {
      reason: 'dashes',
      offers: readDescriptions(described),
      prefix: 'fs volume rm',
      argument: 'yes_i_really_mean_it',
      is: true,
    },
    { reason: 'an unknown command', offers: readDescriptions(described), prefix: 'osd pool', is: false },
    {
      reason: 'arguments that have no name',
      offers: readDescriptions('{"cmd000": {"sig": ["fs", "ls", {"name": 1}, null, {"name": "a"}]}}'),
      prefix: 'fs ls',
      argument: 'a',
      is: true,
    },
    {
      reason: 'a wrapped argument',
      offers: readHelp(help),
      prefix: 'fs subvolume metadata set',
      argument: 'group_name',
      is: true,
    },
    {
      reason: 'a wrapped flag',
      offers: readHelp(help),
      prefix: 'fs subvolume create',
      argument: 'namespace_isolated',
      is: true,
    },
    {
      reason: 'one that help lacks',
      offers: readHelp(help),
      prefix: 'fs subvolume create',
      argument: 'earmark',
      is: false,
    },
    {
      reason: 'a choice has no name',
      offers: readHelp(help),
      prefix: 'osd pool get',
      argument: 'var',
      is: true,
    },
  ]
  for (const { reason, offers, prefix, argument, is } of rows) {
    it(reason, () => {
      expect(isOffered(offers, prefix, argument)).toBe(is)
    })
  }
  it('reads versions', () => {
    const text = 'ceph version 16.2.15 (618f440892089921c3e944a991122ddc44e60516) pacific (stable)'
    expect(readVersion(text)).toEqual({ major: 16, minor: 2, patch: 15, text: '16.2.15 pacific' })
    expect(readVersion('?').major).toBe(0)
  })
})

describe('commands of the ceph client', () => {
  const rows = [
    {
      reason: 'arguments by name',
      command: { prefix: 'osd pool set', pool: 'a', var: 'size', val: '2', yes_i_really_mean_it: true },
      words: ['osd', 'pool', 'set', '--pool=a', '--var=size', '--val=2', '--yes-i-really-mean-it'],
    },
    {
      reason: 'by place where the client has an option of that name',
      command: { prefix: 'config-key set', key: 'infra/x', val: '1' },
      words: ['config-key', 'set', 'infra/x', '1'],
    },
    {
      reason: 'by place beside a list',
      command: { prefix: 'auth caps', entity: 'client.a', caps: ['mon', 'allow r'] },
      words: ['auth', 'caps', 'client.a', 'mon', 'allow r'],
    },
    {
      reason: 'nothing of what is false',
      command: { prefix: 'fs x', force: false, name: null },
      words: ['fs', 'x'],
    },
  ]
  for (const { reason, command, words } of rows) {
    it(reason, () => {
      expect(commandWords(command)).toEqual(words)
    })
  }
})

describe('errors of Ceph', () => {
  it('carry the errno, its name and the words', () => {
    const error = new CephError('osd pool rm', 1, 'pool deletion is disabled')
    expect(error).toMatchObject({
      errno: 1,
      kind: 'operation',
      code: 'ceph-eperm',
      why: 'pool deletion is disabled',
    })
    expect(error.message).toBe('osd pool rm: Ceph refused (EPERM)')
    expect(isErrno(error, 'EPERM', 'EACCES')).toBe(true)
    expect(new CephError('x', 110, '').kind).toBe('connection')
  })
  it('have names both ways', () => {
    expect([errnoName(2), errnoName(61), errnoName(9999)]).toEqual(['ENOENT', 'ENODATA', 'errno 9999'])
    expect([errnoOf('ENOENT'), errnoOf('EODD')]).toEqual([2, 5])
  })
  it('make absence a value, and nothing else', async () => {
    expect(await orAbsent(Promise.reject(new CephError('x', 2, '')))).toBeUndefined()
    await expect(orAbsent(Promise.reject(new CephError('x', 1, '')))).rejects.toThrow('EPERM')
  })
})

describe("the owner's tag", () => {
  it('survives any address, in letters that the ceph client lets through', () => {
    const owner = { lineage: 'f4a1c7de-0000', address: 'CephPool/räum[a]' }
    const tag = ownerTag(owner, { uuid: 'u-1' })
    expect(tag).toMatch(/^[A-Za-z0-9=.-]+$/)
    expect(readTag(tag)).toEqual({ owner, identity: { uuid: 'u-1' } })
  })
  it('is nothing where there is none', () => {
    expect(readTag(undefined)).toEqual({ identity: {} })
    expect(readTag('x')).toEqual({ identity: {} })
  })
})
