// Runs a program and measures it as a whole process: wall time, processor time, peak memory.
import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'

const time = '/usr/bin/time'
const hasTime = existsSync(time)

/** Seconds and MB. Without GNU time (Debian's package `time`) there is wall time alone. */
export function measure(program, args, { cwd, env, codes = [0], timeoutSeconds }) {
  const command = hasTime ? [time, '-f', 'measured %e %U %S %M', program, ...args] : [program, ...args]
  const began = performance.now()
  const run = spawnSync(command[0], command.slice(1), {
    cwd,
    env: { ...process.env, ...env },
    stdio: ['ignore', 'ignore', 'pipe'],
    encoding: 'utf8',
    maxBuffer: 1 << 28,
    timeout: timeoutSeconds * 1000,
  })
  const wall = (performance.now() - began) / 1000
  if (run.error?.code === 'ETIMEDOUT') return { wall: Number.POSITIVE_INFINITY }
  if (!codes.includes(run.status)) {
    throw new Error(
      `${program} ${args.join(' ')} ended with ${run.status ?? run.signal}${run.error ? ` (${run.error.message})` : ''}:\n${run.stderr.slice(-2000)}`,
    )
  }
  const found = /measured ([\d.]+) ([\d.]+) ([\d.]+) (\d+)/.exec(run.stderr)
  if (!found) return { wall }
  return { wall, cpu: Number(found[2]) + Number(found[3]), memory: Number(found[4]) / 1024 }
}

/** The measurement with the median wall time. */
export function median(count, work) {
  const all = Array.from({ length: count }, work).sort((a, b) => a.wall - b.wall)
  return all[Math.floor(all.length / 2)]
}
