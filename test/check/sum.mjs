// Adds up what the checks counted, repeats what failed, and ends with one line: `N passed, N failed, N skipped`.
import { readFileSync } from 'node:fs'

const lines = readFileSync(process.argv[2], 'utf8').split('\n').filter(Boolean)
const sum = { passed: 0, failed: 0, skipped: 0 }
const reasons = new Set()
const failures = []
const again = []
for (const line of lines) {
  const counted = JSON.parse(line)
  for (const name of Object.keys(sum)) sum[name] += counted[name]
  for (const reason of counted.reasons) reasons.add(reason)
  failures.push(...counted.failures)
  again.push(...counted.again)
}
for (const one of again) process.stdout.write(`passed only when tried again: ${one}\n`)
for (const failure of failures) process.stdout.write(`failed: ${failure}\n`)
for (const reason of reasons) process.stdout.write(`skipped: ${reason}\n`)
process.stdout.write(`${sum.passed} passed, ${sum.failed} failed, ${sum.skipped} skipped\n`)
if (sum.failed > 0 || (process.env.CI === 'true' && sum.skipped > 0)) process.exitCode = 1
