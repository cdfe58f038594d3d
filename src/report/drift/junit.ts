/** Drift as JUnit's XML: a case a resource, which every job's page can show. */
import { html } from '../html-text.js'
import { type Finding, findingsOf, ignoredText } from './findings.js'
import type { DriftReport } from './model.js'

/** The report as JUnit XML: a test case a resource, failed where it drifted. */
export function renderDriftJunit(report: DriftReport): string {
  const bySubject = new Map<string, Finding[]>()
  for (const finding of findingsOf(report)) {
    const key = caseKey(finding.connection, finding.subject)
    bySubject.set(key, [...(bySubject.get(key) ?? []), finding])
  }
  const subjects = [
    ...report.resources.map(({ address, connection }) => ({ name: address, connection })),
    ...report.unmanaged.map(({ kind, name, connection }) => ({ name: `${kind}/${name}`, connection })),
    ...report.unlisted.map(({ connection }) => ({ name: connection, connection })),
  ]
  let [failures, errors, skipped] = [0, 0, 0]
  const cases = subjects.map(({ name, connection }) => {
    const findings = bySubject.get(caseKey(connection, name)) ?? []
    const open = findings.filter(one => !one.ignored)
    const unreadable = open.find(one => one.rule === 'unreadable')
    let body = ''
    if (unreadable) {
      errors += 1
      body = element('error', 'unreadable', [unreadable])
    } else if (open[0]) {
      failures += 1
      body = element('failure', open[0].rule, open)
    } else if (findings[0]?.ignored) {
      skipped += 1
      body = `<skipped message="${html(ignoredText(findings[0].ignored))}"/>`
    }
    const attributes = `classname="${html(`${report.stack}.${connection}`)}" name="${html(name)}" time="0"`
    return body === '' ? `    <testcase ${attributes}/>` : `    <testcase ${attributes}>${body}</testcase>`
  })
  const time = (report.milliseconds / 1000).toFixed(3)
  const totals = `tests="${subjects.length}" failures="${failures}" errors="${errors}" skipped="${skipped}" time="${time}"`
  const stamp = report.at.replace(/\.\d+Z$/, '')
  return [
    '<?xml version="1.0" encoding="UTF-8"?>',
    `<testsuites name="infra drift" ${totals.replace(/ skipped="\d+"/, '')}>`,
    `  <testsuite name="${html(report.stack)}" ${totals} timestamp="${stamp}">`,
    ...cases,
    '  </testsuite>',
    '</testsuites>',
    '',
  ].join('\n')
}

const caseKey = (connection: string, name: string): string => `${connection} ${name}`

function element(tag: 'failure' | 'error', type: string, findings: readonly Finding[]): string {
  const lines = findings.map(one => html(one.text))
  return `<${tag} type="${type}" message="${lines[0] ?? ''}">${lines.join('\n')}</${tag}>`
}
