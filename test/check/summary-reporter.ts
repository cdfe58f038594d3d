/** Counts what a run of the tests came to, and what failed of it, and writes it down for `./check`: also what failed outside of any test. */
import { appendFileSync } from 'node:fs'
import { stripVTControlCharacters } from 'node:util'
import type { Reporter, TestModule, TestRunEndReason } from 'vitest/node'

export default class SummaryReporter implements Reporter {
  readonly #file = process.env.INFRA_CHECK_SUMMARY

  onTestRunEnd(
    modules: readonly TestModule[],
    unhandled: readonly unknown[],
    reason: TestRunEndReason,
  ): void {
    if (!this.#file) return
    const counts = { passed: 0, failed: 0, skipped: 0 }
    const reasons = new Set<string>()
    const failures: string[] = []
    const again: string[] = []
    for (const module of modules) {
      const before = counts.failed
      for (const test of module.children.allTests()) {
        const result = test.result()
        if (result.state === 'passed' || result.state === 'failed') counts[result.state] += 1
        else counts.skipped += 1
        if (result.state === 'skipped') reasons.add(result.note ?? reasonOf(test.fullName))
        if (test.diagnostic()?.flaky)
          again.push(told(`${module.relativeModuleId} > ${test.fullName}`, result.errors ?? []))
        if (result.state === 'failed')
          failures.push(told(`${module.relativeModuleId} > ${test.fullName}`, result.errors))
      }
      for (const suite of [module, ...module.children.allSuites()])
        if (suite.errors().length > 0) failures.push(told(module.relativeModuleId, suite.errors()))
      // A file that cannot be loaded or a hook that fails has no test to show for it.
      if (module.state() === 'failed' && counts.failed === before) counts.failed += 1
    }
    if (counts.failed === 0 && (unhandled.length > 0 || reason === 'interrupted')) counts.failed = 1
    for (const error of unhandled) failures.push(told('outside of any test', [error as Told]))
    appendFileSync(this.#file, `${JSON.stringify({ ...counts, reasons: [...reasons], failures, again })}\n`)
  }
}

/** So much of an error as tells what it was: how it begins and how it ends. The whole is in the output of its run. */
const [firstLines, lastLines] = [4, 12]

interface Told {
  readonly message: string
  /** The system's own words, of an InfraError. */
  readonly why?: string
  /** What was expected, and what came, line by line: a message shortens both. */
  readonly diff?: string
}

/** What failed, and why. */
function told(where: string, errors: readonly Told[]): string {
  const lines = errors.flatMap(({ message, why, diff = '' }) => [
    ...ends(plain(message)),
    ...(typeof why === 'string' ? ends(plain(`why: ${why}`)) : []),
    ...ends(plain(diff).filter(line => /^[-+]/.test(line))),
  ])
  return [where, ...lines.map(line => `  | ${line}`)].join('\n')
}

const plain = (text: string) => stripVTControlCharacters(text).trimEnd().split('\n')

const ends = (lines: readonly string[]) =>
  lines.length <= firstLines + lastLines
    ? lines
    : [...lines.slice(0, firstLines), '…', ...lines.slice(-lastLines)]

/** Tests that a machine cannot run say why in their names: `… (skipped: no promtool; apt-get install prometheus)`. */
function reasonOf(name: string): string {
  return /\(skipped: ([^)]+)\)/.exec(name)?.[1] ?? `${name}: no reason given`
}
