/** What a user sets once: by flag, environment, the user's config file, the machine's, or left at its default. */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { InfraError, InfraErrors } from '../model/error.js'
import { isObject, type Json } from '../model/value.js'
import { readExact } from './exact-yaml.js'
import { meant } from './nearest.js'
import { placeAt } from './problems.js'

interface Setting {
  /** In the config file and, with dashes (`lock-timeout`), as a flag. */
  readonly name: string
  /** First one wins; the older ones are Foundry's. */
  readonly environment: readonly string[]
  readonly type: 'string' | 'number' | 'boolean'
  readonly default?: string | number | boolean
  readonly summary: string
}

/** Every setting, as docs/settings.md lists them. */
export const settingTable = [
  {
    name: 'imagePool',
    environment: ['INFRA_IMAGE_POOL', 'FOUNDRY_IMAGE_POOL'],
    type: 'string',
    default: 'foundry-images',
    summary: 'Storage pool that `infra image pull` and `import` put images into.',
  },
  {
    name: 'uri',
    environment: ['INFRA_LIBVIRT_URI', 'LIBVIRT_DEFAULT_URI'],
    type: 'string',
    default: 'qemu:///system',
    summary: 'The libvirt that commands on machines, images and pools look at where there is no stack.',
  },
  {
    name: 'cache',
    environment: ['INFRA_CACHE'],
    type: 'string',
    summary: 'Folder of what can be made again; `~/.cache/infra` by default.',
  },
  {
    name: 'parallelism',
    environment: ['INFRA_PARALLELISM'],
    type: 'number',
    summary: 'At most so many changes at once; by default what suits each provider.',
  },
  {
    name: 'lockTimeout',
    environment: ['INFRA_LOCK_TIMEOUT'],
    type: 'number',
    default: 0,
    summary: 'Seconds to wait for the lock of another run.',
  },
  {
    name: 'colour',
    environment: ['INFRA_COLOUR'],
    type: 'boolean',
    summary: 'Whether output is coloured; by default as the terminal and NO_COLOR have it.',
  },
] as const satisfies readonly Setting[]

/** The values by name; one that is set nowhere and has no default is absent. */
export interface Settings {
  readonly imagePool: string
  readonly uri: string
  readonly cache?: string
  readonly parallelism?: number
  readonly lockTimeout: number
  readonly colour?: boolean
  /** Where each value comes from: `--parallelism`, `INFRA_PARALLELISM`, a file's path, `default`. */
  readonly sources: Readonly<Record<string, string>>
}

export interface SettingsInput {
  /** By name or by the flag's own name; undefined where it was not given. */
  readonly flags: Readonly<Record<string, string | number | boolean | undefined>>
  readonly environment: Readonly<Record<string, string | undefined>>
  readonly home: string
  /** Config files, first one wins. By default the user's, then the machine's. */
  readonly files?: readonly string[]
}

/** Reads the settings. Throws `InfraErrors` with every unknown name and every value that is of the wrong type. */
export async function readSettings(input: SettingsInput): Promise<Settings> {
  const errors: InfraError[] = []
  const configured = input.environment.XDG_CONFIG_HOME || join(input.home, '.config')
  const paths = input.files ?? [join(configured, 'infra', 'config.yaml'), '/etc/infra/config.yaml']
  const files = await Promise.all(paths.map(path => readConfig(path, errors)))
  const values: Record<string, string | number | boolean> = {}
  const sources: Record<string, string> = {}
  for (const setting of settingTable as readonly Setting[]) {
    const [raw, source] = find(setting, input, files, paths)
    if (raw === undefined) continue
    const value = typed(raw, setting.type)
    if (value === undefined) errors.push(wrongType(setting, source))
    else {
      values[setting.name] = value
      sources[setting.name] = source
    }
  }
  if (errors.length > 0) throw new InfraErrors(errors)
  return { ...values, sources } as unknown as Settings
}

function find(
  setting: Setting,
  input: SettingsInput,
  files: readonly Readonly<Record<string, Json>>[],
  paths: readonly string[],
): readonly [Json | undefined, string] {
  const flag = setting.name.replace(/[A-Z]/g, letter => `-${letter.toLowerCase()}`)
  const given = input.flags[setting.name] ?? input.flags[flag]
  if (given !== undefined) return [given, `--${flag}`]
  for (const name of setting.environment) {
    const value = input.environment[name]
    if (value !== undefined && value !== '') return [value, name]
  }
  for (const [index, file] of files.entries()) {
    const value = Object.hasOwn(file, setting.name) ? file[setting.name] : undefined
    if (value !== undefined) return [value, paths[index] ?? '']
  }
  return [setting.default, 'default']
}

function typed(raw: Json, type: Setting['type']): string | number | boolean | undefined {
  if (type === 'string') return typeof raw === 'string' ? raw : undefined
  if (type === 'boolean') {
    if (typeof raw === 'boolean') return raw
    return raw === 'true' || raw === '1' ? true : raw === 'false' || raw === '0' ? false : undefined
  }
  const number = typeof raw === 'string' && /^[0-9]+$/.test(raw) ? Number(raw) : raw
  return typeof number === 'number' && Number.isInteger(number) && number >= 0 ? number : undefined
}

function wrongType(setting: Setting, source: string): InfraError {
  const types = { string: 'a text', number: 'a whole number', boolean: 'true or false' }
  return new InfraError({
    kind: 'configuration',
    code: 'invalid-setting',
    message: `The setting \`${setting.name}\` must be ${types[setting.type]}, which it is not in ${source}`,
    hint: setting.summary,
  })
}

/** A config file's values; none where there is no file. */
async function readConfig(path: string, errors: InfraError[]): Promise<Readonly<Record<string, Json>>> {
  let text: string
  try {
    text = await readFile(path, 'utf8')
  } catch (thrown) {
    const code = (thrown as NodeJS.ErrnoException).code ?? 'unknown'
    if (code !== 'ENOENT' && code !== 'ENOTDIR') {
      const message = `Cannot read ${path}`
      errors.push(
        new InfraError({ kind: 'configuration', code: 'cannot-read', message, why: code, cause: thrown }),
      )
    }
    return {}
  }
  const file = { name: path, text }
  const parsed = readExact(text)
  if ('problems' in parsed) {
    for (const { offset, length, ...what } of parsed.problems) {
      errors.push(new InfraError({ kind: 'configuration', ...what, place: placeAt(file, offset, length) }))
    }
    return {}
  }
  if (parsed.value === null) return {}
  if (!isObject(parsed.value)) {
    const message = `${path} must be a map of settings`
    errors.push(new InfraError({ kind: 'configuration', code: 'invalid-setting', message }))
    return {}
  }
  const known = settingTable.map(setting => setting.name)
  for (const name of Object.keys(parsed.value)) {
    if ((known as readonly string[]).includes(name)) continue
    const hint = meant(name, known)
    errors.push(
      new InfraError({
        kind: 'configuration',
        code: 'unknown-setting',
        message: `There is no setting \`${name}\`, which ${path} has`,
        ...(hint !== undefined && { hint }),
      }),
    )
  }
  return parsed.value
}
