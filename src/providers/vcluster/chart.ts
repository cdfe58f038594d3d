/** What a chart says of its values, where it is at hand: a folder, an archive, or what helm keeps of its downloads. */
import { readFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { promisify } from 'node:util'
import { gunzip } from 'node:zlib'
import { load } from 'js-yaml'
import { type Attributes, isObject, type Json } from '../../model/value.js'
import { entriesOfTar } from './tar.js'

export interface ChartValues {
  /** `vcluster 0.36.1`. */
  readonly label: string
  /** Its values.yaml. */
  readonly defaults: Attributes
  /** Its values.schema.json; undefined where it has none. */
  readonly schema: Json | undefined
}

/** Why a chart that the spec has on this machine cannot be read. */
export interface NoChart {
  readonly why: string
}

type Files = (name: string) => Promise<Buffer | undefined>
type Environment = Readonly<Record<string, string | undefined>>

/** An archive that unpacks to more is no chart. */
const mostBytes = 32 * 1024 * 1024
const unpack = promisify<Buffer, { maxOutputLength: number }, Buffer>(gunzip)

/** Undefined where the chart is not at hand: helm then checks the values when it installs it. */
export async function readChart(
  chart: Attributes,
  folder: string,
  environment: Environment,
): Promise<ChartValues | NoChart | undefined> {
  const local = typeof chart.path === 'string' ? resolve(folder, chart.path) : undefined
  try {
    const path = local ?? cachedPath(chart, environment)
    if (path === undefined) return undefined
    return await valuesOf(/\.t(ar\.)?gz$/.test(path) ? await archive(path) : folderFiles(path))
  } catch (error) {
    // What helm keeps is its own affair: it is downloaded anew.
    return local === undefined ? undefined : { why: wordsOf(error, local) }
  }
}

async function valuesOf(files: Files): Promise<ChartValues> {
  const [about, defaults, schema] = await Promise.all(
    ['Chart.yaml', 'values.yaml', 'values.schema.json'].map(files),
  )
  if (about === undefined) throw new Error('there is no Chart.yaml in it')
  const head = load(about.toString('utf8')) as Json
  const values = defaults === undefined ? {} : (load(defaults.toString('utf8')) as Json)
  return {
    label: isObject(head) ? `${String(head.name)} ${String(head.version)}` : 'chart',
    defaults: isObject(values) ? values : {},
    schema: schema === undefined ? undefined : (JSON.parse(schema.toString('utf8')) as Json),
  }
}

function folderFiles(path: string): Files {
  return name =>
    readFile(join(path, name)).catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT' && name !== 'Chart.yaml') return undefined
      throw error
    })
}

async function archive(path: string): Promise<Files> {
  const entries = entriesOfTar(await unpack(await readFile(path), { maxOutputLength: mostBytes }))
  // Everything of a chart is in one folder of its name; its own subcharts are further down.
  return async name => entries.find(entry => /^(?:\.\/)?[^/]+\/(.+)$/.exec(entry.name)?.[1] === name)?.content
}

/** Where helm keeps a chart that it has downloaded. */
function cachedPath(chart: Attributes, environment: Environment): string | undefined {
  const { HELM_REPOSITORY_CACHE, HELM_CACHE_HOME, XDG_CACHE_HOME, HOME } = environment
  const own = XDG_CACHE_HOME || (HOME && join(HOME, '.cache'))
  const helm = HELM_CACHE_HOME || (own && join(own, 'helm'))
  const folder = HELM_REPOSITORY_CACHE || (helm && join(helm, 'repository'))
  const name = typeof chart.oci === 'string' ? chart.oci.split('/').at(-1) : chart.name
  if (!folder || typeof name !== 'string' || typeof chart.version !== 'string') return undefined
  return /[/\\]/.test(name + chart.version) ? undefined : join(folder, `${name}-${chart.version}.tgz`)
}

function wordsOf(error: unknown, path: string): string {
  const { code, message } = error as NodeJS.ErrnoException
  return code === 'ENOENT' ? `there is no ${path}` : (code ?? message.split('\n')[0] ?? '')
}
