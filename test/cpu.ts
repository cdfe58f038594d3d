/** How long something takes of the processor, whatever else the machine is doing. */

/** Milliseconds of processor time that the call takes. */
export function cpuMilliseconds(work: () => void): number {
  const start = process.cpuUsage()
  work()
  const { user, system } = process.cpuUsage(start)
  return (user + system) / 1000
}
