/** Names that libvirt takes for what is no machine: they are names of files, too. */
import type { Problem } from '../../kind.js'

/** What is wrong with the name of a pool, volume, network or snapshot (`what`), at the place that gives it; else nothing. */
export function nameProblems(
  name: string,
  what: string,
  path: Problem['path'] = ['metadata', 'name'],
): readonly Problem[] {
  if (/^[A-Za-z0-9_.+-]{1,200}$/.test(name)) return []
  const message = `“${name}” is no name for a ${what}`
  return [{ path, code: 'invalid-name', message, hint: 'Use letters, digits and any of _.+-' }]
}
