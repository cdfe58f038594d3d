/** The packages of a guest: by which manager they are upgraded, and which of them are of another version afterwards. */
import { InfraError } from '../../../model/error.js'
import { outputInGuest } from './exec.js'
import type { Machine } from './machines.js'

const managers: Readonly<Record<string, string>> = {
  'apt-get':
    'export DEBIAN_FRONTEND=noninteractive; apt-get -q update && apt-get -q -y -o Dpkg::Options::=--force-confdef -o Dpkg::Options::=--force-confold dist-upgrade',
  dnf: 'dnf -y --refresh upgrade',
  yum: 'yum -y update',
  zypper: 'zypper --non-interactive refresh && zypper --non-interactive update',
  apk: 'apk update && apk upgrade',
  pacman: 'pacman -Syu --noconfirm',
}

/** One line a package, name and version; nothing where there is none of these tools. */
const versions = `if command -v dpkg-query >/dev/null; then dpkg-query -W -f '\${Package} \${Version}\\n'
elif command -v rpm >/dev/null; then rpm -qa --qf '%{NAME} %{VERSION}-%{RELEASE}\\n'
elif command -v apk >/dev/null; then apk info -v 2>/dev/null | sed 's/-\\([0-9][^-]*-r[0-9]*\\)$/ \\1/'
elif command -v pacman >/dev/null; then pacman -Q; fi`

/** The guest's own package manager, and what upgrades everything by it. Fails where it has none that is known. */
export async function managerOf(
  machine: Machine,
  signal: AbortSignal,
): Promise<{ by: string; script: string }> {
  const names = Object.keys(managers)
  const script = `for m in ${names.join(' ')}; do command -v $m >/dev/null && echo $m && exit; done`
  const { output } = await outputInGuest(machine, { command: ['/bin/sh', '-c', script] }, signal)
  const by = output.trim()
  const known = managers[by]
  if (known !== undefined) return { by, script: known }
  throw cannotUpgrade(
    machine.view.name,
    `Its guest has none of ${names.join(', ')}`,
    'Say how with --command, for its shell.',
  )
}

/** Versions by package; undefined where the guest cannot tell. */
export async function packages(
  machine: Machine,
  signal: AbortSignal,
): Promise<ReadonlyMap<string, string> | undefined> {
  const { status, output } = await outputInGuest(machine, { command: ['/bin/sh', '-c', versions] }, signal)
  const lines = output.split('\n').filter(line => line.includes(' '))
  if (status !== 0 || lines.length === 0) return undefined
  return new Map(lines.map(line => [line.slice(0, line.indexOf(' ')), line.slice(line.indexOf(' ') + 1)]))
}

/** `name old → new` of each package that differs. */
export function differing(before: ReadonlyMap<string, string>, after: ReadonlyMap<string, string>): string[] {
  const names = [...new Set([...before.keys(), ...after.keys()])].sort()
  return names
    .filter(name => before.get(name) !== after.get(name))
    .map(name => `${name} ${before.get(name) ?? '-'} → ${after.get(name) ?? '-'}`)
}

/** Told before anything is done. */
export function cannotUpgrade(name: string, why: string, hint: string): InfraError {
  return new InfraError({
    kind: 'operation',
    code: 'cannot-upgrade',
    message: `${name} cannot be upgraded`,
    why,
    hint,
  })
}
