import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { readSettings } from '../../src/stack/settings.js'
import { errorsOf, withFiles } from './stacks.js'

const nothing = { flags: {}, environment: {} }

describe('settings', () => {
  test('are taken from flag, environment, the user’s file, the machine’s file, default: the first that has it', async () => {
    const files = {
      '.config/infra/config.yaml': 'uri: user\nimagePool: user\nparallelism: 3\n',
      'etc.yaml': 'uri: machine\nimagePool: machine\nparallelism: 4\ncolour: false\n',
    }
    await withFiles(files, async home => {
      const paths = [join(home, '.config/infra/config.yaml'), join(home, 'etc.yaml')]
      const environment = {
        INFRA_LIBVIRT_URI: 'environment',
        INFRA_IMAGE_POOL: 'environment',
        INFRA_LOCK_TIMEOUT: '9',
      }
      const settings = await readSettings({
        flags: { uri: 'flag', 'lock-timeout': undefined },
        environment,
        home,
        files: paths,
      })
      expect(settings).toEqual({
        uri: 'flag',
        imagePool: 'environment',
        parallelism: 3,
        lockTimeout: 9,
        colour: false,
        sources: {
          uri: '--uri',
          imagePool: 'INFRA_IMAGE_POOL',
          parallelism: paths[0],
          lockTimeout: 'INFRA_LOCK_TIMEOUT',
          colour: paths[1],
        },
      })
      const own = await readSettings({ ...nothing, home })
      expect(own.sources.uri).toBe(paths[0])
      const elsewhere = await readSettings({
        flags: {},
        environment: { XDG_CONFIG_HOME: join(home, 'none') },
        home,
      })
      expect(elsewhere.uri).toBe('qemu:///system')
    })
  })

  test('know the names that Foundry’s users have set', async () => {
    const settings = await readSettings({
      flags: {},
      environment: { FOUNDRY_IMAGE_POOL: 'fast' },
      home: '/nonexistent',
      files: [],
    })
    expect(settings.imagePool).toBe('fast')
    expect(settings.sources.imagePool).toBe('FOUNDRY_IMAGE_POOL')
  })

  test('that are wrong are all told', async () => {
    await withFiles(
      { 'a.yaml': 'colur: x\nparallelism: many\n', 'b.yaml': 'a: [\n', 'c.yaml': '- a\n' },
      async folder => {
        const files = ['a.yaml', 'b.yaml', 'c.yaml'].map(name => join(folder, name))
        const errors = await errorsOf(
          readSettings({ flags: { colour: 'maybe' }, environment: {}, home: '/', files }),
        )
        expect(errors.map(({ code }) => code).sort()).toEqual([
          'invalid-setting',
          'invalid-setting',
          'invalid-setting',
          'syntax',
          'unknown-setting',
        ])
        expect(errors.every(error => error.kind === 'configuration')).toBe(true)
        expect(errors.find(error => error.code === 'unknown-setting')?.hint).toBe('Did you mean `colour`?')
      },
    )
  })
})
