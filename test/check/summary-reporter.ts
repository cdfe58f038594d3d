/** Counts what a run of the tests came to and writes it down for `./check`: also what failed outside of any test. */
import { appendFileSync } from 'node:fs'
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
    for (const module of modules) {
      const before = counts.failed
      for (const test of module.children.allTests()) {
        const result = test.result()
        if (result.state === 'passed' || result.state === 'failed') counts[result.state] += 1
        else counts.skipped += 1
        if (result.state === 'skipped') reasons.add(result.note ?? reasonOf(test.fullName))
      }
      // A file that cannot be loaded or a hook that fails has no test to show for it.
      if (module.state() === 'failed' && counts.failed === before) counts.failed += 1
    }
    if (counts.failed === 0 && (unhandled.length > 0 || reason === 'interrupted')) counts.failed = 1
    appendFileSync(this.#file, `${JSON.stringify({ ...counts, reasons: [...reasons] })}\n`)
  }
}

/** Tests that a machine cannot run say why in their names: `… (skipped: no promtool; apt-get install prometheus)`. */
function reasonOf(name: string): string {
  return /\(skipped: ([^)]+)\)/.exec(name)?.[1] ?? `${name}: no reason given`
}
