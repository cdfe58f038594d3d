/** Values of virtual clusters against their chart's own schema, in this process: no helm runs and nothing is asked. */
import { z } from 'zod'
import { type Attributes, isObject, isUnresolved, type Json } from '../model/value.js'
import { type ChartValues, readChart } from '../providers/vcluster/chart.js'
import { lower, shortcuts } from '../providers/vcluster/kinds/shortcuts.js'
import { mergeValues } from '../providers/vcluster/kinds/tree.js'
import { checkValue, type Misfit } from '../stack/check-spec.js'
import type { Remark } from '../stack/load.js'

type Path = readonly (string | number)[]

interface Declared {
  readonly address: string
  /** Canonical: values files are in its values. */
  readonly spec: Attributes
}

/** Problems of all clusters; each chart is read once. A chart that is not at hand, or without a schema, finds none. */
export async function inspectValues(
  clusters: readonly Declared[],
  folder: string,
  environment: Readonly<Record<string, string | undefined>>,
): Promise<Remark[]> {
  const byChart = new Map<string, Declared[]>()
  for (const cluster of clusters) {
    if (!isObject(cluster.spec.chart) || holdsUnresolved(cluster.spec.chart)) continue
    const key = JSON.stringify(cluster.spec.chart)
    byChart.set(key, [...(byChart.get(key) ?? []), cluster])
  }
  const found = await Promise.all(
    [...byChart].map(async ([key, same]) => {
      const chart = await readChart(JSON.parse(key) as Attributes, folder, environment)
      if (chart === undefined) return []
      if ('why' in chart) return same.map(({ address }) => noChart(address, chart.why))
      const schema = schemaOf(chart)
      return schema === undefined ? [] : same.flatMap(cluster => check(cluster, chart, schema))
    }),
  )
  return found.flat()
}

/** Undefined for a schema that says more than can be checked here; helm checks it in any case. */
function schemaOf({ schema }: ChartValues): z.ZodType | undefined {
  if (!isObject(schema)) return undefined
  try {
    return z.fromJSONSchema(schema as Parameters<typeof z.fromJSONSchema>[0])
  } catch {
    return undefined
  }
}

function check({ address, spec }: Declared, chart: ChartValues, schema: z.ZodType): Remark[] {
  const values = mergeValues(chart.defaults, lower(spec))
  return checkValue(schema, values, unresolvedIn(values)).map(misfit => ({
    address,
    code: 'invalid-values',
    message: misfit.message,
    why: `The chart ${chart.label} says so in its values.schema.json.`,
    ...(misfit.hint !== undefined && { hint: misfit.hint }),
    at: misfit.at,
    paths: [...fieldsOf(misfit), ['spec', 'values', ...misfit.path]],
    inFiles: misfit.path,
  }))
}

/** The typed field that stands for a value, where there is one. */
function fieldsOf({ path }: Misfit): Path[] {
  return shortcuts
    .filter(({ value }) => value.every((key, index) => path[index] === key))
    .map(({ field, value }) => ['spec', ...field, ...path.slice(value.length)])
}

function noChart(address: string, why: string): Remark {
  return {
    address,
    code: 'chart-unavailable',
    message: 'The chart cannot be read.',
    why,
    hint: '`chart.path` is a folder or a .tgz of the chart, and starts from the folder of the stack.',
    at: 'value',
    paths: [['spec', 'chart', 'path']],
  }
}

function unresolvedIn(value: Json, path: Path = []): Path[] {
  if (isUnresolved(value)) return [path]
  if (!isObject(value)) return []
  return Object.entries(value).flatMap(([key, below]) => unresolvedIn(below, [...path, key]))
}

function holdsUnresolved(value: Json): boolean {
  return unresolvedIn(value).length > 0
}
