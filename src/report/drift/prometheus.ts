/** Drift as a textfile for Prometheus' node exporter. The caller writes it whole and renames it into place. */
import { visible } from '../text.js'
import { findingsOf } from './findings.js'
import type { DriftReport } from './model.js'

export interface PrometheusOptions {
  /** When a scan last read everything, in seconds since 1970, from the file that this one replaces. */
  readonly lastSuccess?: number
  /** Only a part was looked at just now: that is no scan of everything. */
  readonly part?: boolean
}

/** Resources that are named one by one; beyond, only the counts tell. A metric must not have a series for every machine. */
const mostSeries = 1000

interface Metric {
  readonly name: string
  readonly help: string
  readonly samples: readonly { readonly labels: Readonly<Record<string, string>>; readonly value: number }[]
}

/** The report as metrics in Prometheus’ text format. */
export function renderDriftPrometheus(report: DriftReport, options: PrometheusOptions = {}): string {
  const { stack, counts } = report
  const now = Date.parse(report.at) / 1000
  const success = report.outcome === 'incomplete' || options.part ? options.lastSuccess : now
  const one = (value: number) => [{ labels: { stack }, value }]
  const byStatus = (entries: readonly (readonly [string, number])[]) =>
    entries.map(([status, value]) => ({ labels: { stack, status }, value }))
  const metrics: Metric[] = [
    {
      name: 'infra_drift_resources',
      help: 'Managed resources by what their last reading found.',
      samples: byStatus([
        ['in-sync', counts.inSync],
        ['modified', counts.modified],
        ['deleted', counts.deleted],
        ['unreadable', counts.unreadable],
      ]),
    },
    {
      name: 'infra_drift_attributes',
      help: 'Declared attributes that differ.',
      samples: one(counts.attributes),
    },
    {
      name: 'infra_drift_unmanaged_objects',
      help: 'Objects that nobody declared.',
      samples: one(counts.unmanaged),
    },
    {
      name: 'infra_drift_ignored',
      help: 'Differences that are ignored on purpose.',
      samples: one(counts.ignored),
    },
    {
      name: 'infra_drift_expired_ignores',
      help: 'Ignores whose end date has passed.',
      samples: one(report.ignores.expired.length),
    },
    {
      name: 'infra_drift_resource',
      help: 'A resource or object that drifted; always 1.',
      samples: series(report),
    },
    {
      name: 'infra_drift_incomplete',
      help: 'Whether something could not be read.',
      samples: one(report.outcome === 'incomplete' ? 1 : 0),
    },
    {
      name: 'infra_drift_duration_seconds',
      help: 'How long the scan took.',
      samples: one(report.milliseconds / 1000),
    },
    { name: 'infra_drift_last_run_timestamp_seconds', help: 'When the last scan ended.', samples: one(now) },
    {
      name: 'infra_drift_last_success_timestamp_seconds',
      help: 'When a scan last read everything.',
      samples: success === undefined ? [] : one(success),
    },
  ]
  return metrics
    .filter(metric => metric.samples.length > 0)
    .map(text)
    .join('')
}

/** The time of the last complete scan of a stack that a textfile holds, in seconds since 1970. */
export function lastSuccessIn(textfile: string, stack: string): number | undefined {
  for (const line of textfile.split('\n')) {
    const match = /^infra_drift_last_success_timestamp_seconds\{stack="((?:[^"\\]|\\.)*)"\} (\S+)$/.exec(line)
    if (match?.[1] !== escaped(stack)) continue
    const value = Number(match[2])
    if (Number.isFinite(value)) return value
  }
  return undefined
}

function series(report: DriftReport): Metric['samples'] {
  const seen = new Set<string>()
  return findingsOf(report).flatMap(({ rule, subject, connection, ignored }) => {
    const key = `${connection} ${subject}`
    if (ignored || seen.has(key) || seen.size >= mostSeries) return []
    seen.add(key)
    return [{ labels: { stack: report.stack, connection, address: subject, status: rule }, value: 1 }]
  })
}

function text({ name, help, samples }: Metric): string {
  const lines = samples.map(({ labels, value }) => {
    const told = Object.entries(labels).map(([key, label]) => `${key}="${escaped(label)}"`)
    return `${name}{${told.join(',')}} ${value}`
  })
  return `# HELP ${name} ${help}\n# TYPE ${name} gauge\n${lines.join('\n')}\n`
}

function escaped(label: string): string {
  return visible(label).replaceAll('\\', '\\\\').replaceAll('"', '\\"')
}
