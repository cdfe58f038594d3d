/** Drift that somebody decided to live with: where, why, and until when. */
import { z } from 'zod'
import type { SourceFile } from '../../stack/documents.js'
import { readSideFile } from '../../stack/side-file.js'
import { globMatches } from './glob.js'

/** The name of the file, beside the stack. */
export const driftIgnoreFileName = 'infra-drift-ignore.yaml'

export interface Ignore {
  /** `VirtualMachine/web-*`; `*` stands for any text. Unmanaged objects are `Kind/name`, too. */
  readonly address: string
  /** `dataDisks[*].sizeGB`, and all that is below it. Without it: all of the resource, and its being gone. */
  readonly path?: string
  readonly reason: string
  /** The last day, `2026-12-31`, in UTC. */
  readonly until?: string
  /** Line of the file. */
  readonly line: number
}

/** Why drift is not counted. */
export interface Ignored {
  readonly reason: string
  readonly until?: string
}

const day = z.iso.date('must be a day: 2026-12-31')

/** The schema of the file of ignores. */
export const ignoreSchema = z.strictObject({
  apiVersion: z.literal('infra/v1'),
  kind: z.literal('DriftIgnores'),
  ignores: z
    .array(
      z.strictObject({
        address: z.string().min(1).max(500).describe('`VirtualMachine/web-*`; `*` stands for any text.'),
        path: z
          .string()
          .min(1)
          .max(500)
          .optional()
          .describe('`dataDisks[*].sizeGB`, and all below it. All of it by default.'),
        reason: z.string().min(1).max(1000).describe('Why this drift is fine. Shown in every report.'),
        until: day.optional().describe('The last day on which it is ignored, in UTC.'),
      }),
    )
    .max(10_000)
    .describe('The first that matches counts.'),
})

/** The ignores of a file, or `InfraErrors` with all that is wrong with it. */
export function readIgnores(file: SourceFile): readonly Ignore[] {
  const { value, placeOf } = readSideFile(file, ignoreSchema, 'docs/drift.md tells what the ignores are.')
  return value.ignores.map(({ address, reason, path, until }, index) => ({
    address,
    reason,
    ...(path !== undefined && { path }),
    ...(until !== undefined && { until }),
    line: placeOf(['ignores', index]).line,
  }))
}

export interface AppliedIgnores {
  /** The first ignore for this attribute, or for the whole resource or object where there is no path. */
  of(address: string, path?: string): Ignored | undefined
  readonly expired: readonly Ignore[]
  /** What was asked for nothing. */
  unused(): readonly Ignore[]
}

/** The ignores that hold at a time, in milliseconds since 1970. */
export function applyIgnores(ignores: readonly Ignore[], at: number): AppliedIgnores {
  const ended = (ignore: Ignore) =>
    ignore.until !== undefined && at >= Date.parse(`${ignore.until}T00:00:00Z`) + 86_400_000
  const expired = ignores.filter(ended)
  const active = ignores.filter(ignore => !ended(ignore))
  const used = new Set<Ignore>()
  return {
    expired,
    unused: () => active.filter(ignore => !used.has(ignore)),
    of(address, path) {
      const found = active.find(ignore => covers(ignore, address, path))
      if (!found) return undefined
      used.add(found)
      return { reason: found.reason, ...(found.until !== undefined && { until: found.until }) }
    },
  }
}

function covers(ignore: Ignore, address: string, path: string | undefined): boolean {
  if (!globMatches(ignore.address, address)) return false
  if (ignore.path === undefined) return true
  if (path === undefined) return false
  // The path itself, or one above it: `cloudInit` covers `cloudInit.fqdn`.
  for (
    let end = path.length;
    end > 0;
    end = Math.max(path.lastIndexOf('.', end - 1), path.lastIndexOf('[', end - 1))
  )
    if (globMatches(ignore.path, path.slice(0, end))) return true
  return false
}
