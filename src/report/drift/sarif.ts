/** Drift as SARIF 2.1.0, which code-scanning pages and editors read. What is ignored is there, suppressed. */
import { createHash } from 'node:crypto'
import { findingsOf, ignoredText } from './findings.js'
import type { DriftReport } from './model.js'

const rules = {
  modified: ['An attribute differs from what was recorded', 'error'],
  deleted: ['A resource or attribute is recorded and no longer there', 'error'],
  unmanaged: ['An object that nobody declared, in a place that the stack manages', 'warning'],
  unreadable: ['A resource could not be read', 'warning'],
} as const

type RuleName = keyof typeof rules
const names = Object.keys(rules) as RuleName[]

/** The report as SARIF 2.1.0; `version` is infra’s own. */
export function renderDriftSarif(report: DriftReport, version: string): string {
  const results = findingsOf(report).map(finding => {
    const { rule, subject, path, connection, text, ignored, source } = finding
    const full = path === undefined ? subject : `${subject}.${path}`
    const fingerprint = createHash('sha256').update(`${rule} ${connection} ${full}`).digest('hex')
    return {
      ruleId: `drift/${rule}`,
      ruleIndex: names.indexOf(rule),
      level: rules[rule][1],
      message: { text: `${subject} ${text}` },
      locations: [
        {
          ...(source && {
            physicalLocation: {
              artifactLocation: { uri: encodeURI(source.file.replaceAll('\\', '/')) },
              region: { startLine: Math.max(source.line, 1) },
            },
          }),
          logicalLocations: [{ name: subject, fullyQualifiedName: full, kind: 'resource' }],
        },
      ],
      partialFingerprints: { 'drift/v1': fingerprint },
      ...(ignored && {
        suppressions: [{ kind: 'external', status: 'accepted', justification: ignoredText(ignored) }],
      }),
    }
  })
  const log = {
    $schema: 'https://json.schemastore.org/sarif-2.1.0.json',
    version: '2.1.0',
    runs: [
      {
        tool: {
          driver: {
            name: 'infra',
            version,
            rules: names.map(name => ({
              id: `drift/${name}`,
              shortDescription: { text: rules[name][0] },
              defaultConfiguration: { level: rules[name][1] },
            })),
          },
        },
        automationDetails: { id: `infra/drift/${report.stack}` },
        invocations: [
          {
            executionSuccessful: report.outcome !== 'incomplete',
            endTimeUtc: report.at,
            toolExecutionNotifications: report.ignores.expired.map(one => ({
              level: 'warning',
              message: { text: `an ignore ended on ${one.until}: ${one.address} ${one.path ?? ''}`.trim() },
            })),
          },
        ],
        results,
      },
    ],
  }
  return `${JSON.stringify(log, null, 2)}\n`
}
