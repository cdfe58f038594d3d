/** Where the bytes of an image or a volume come from, and by what they are known. */
import { z } from 'zod'
import { once } from '../../../model/once.js'
import { type Attributes, isUnresolved, type Json } from '../../../model/value.js'
import type { Problem } from '../../kind.js'
import { fields, text } from './values.js'

export const contentSource = once(() =>
  z.strictObject({
    path: z
      .string()
      .min(1)
      .optional()
      .describe('A file on the machine that runs infra; relative to the stack’s folder. This or `url`.'),
    url: z.string().min(1).optional().describe('An https address. This or `path`.'),
    insecure: z
      .boolean()
      .optional()
      .describe('True: http is allowed, and redirects to it. False by default.'),
  }),
)

export const checksum = z
  .string()
  .regex(/^(sha256:[0-9a-fA-F]{64}|none)$/, 'must be sha256: and 64 hexadecimal digits, or none')
  .optional()
  .describe(
    'SHA-256 of the source’s bytes: `sha256:…`. Required for a `url`; `none` does without, at your own risk.',
  )

export const content = z
  .string()
  .optional()
  .describe(
    'Derived, leave it out: what the bytes are known by, the checksum or else the source. A change of it is a replacement.',
  )

/** The checksum where there is one, else the source: undefined while either is not known yet. */
export function contentOf(spec: Attributes): string | undefined {
  const sum = spec.checksum
  if (typeof sum === 'string' && sum !== 'none') return sum.toLowerCase()
  if (isUnresolved(sum) || isUnresolved(spec.source)) return undefined
  const source = fields(spec.source)
  const [url, path] = [text(source.url), text(source.path)]
  if (url !== undefined) return `url ${url}`
  return path === undefined ? undefined : `path ${path}`
}

/** The file of this machine that the bytes come from, where they do. */
export function localFiles(spec: Attributes): readonly string[] {
  const path = text(fields(spec.source).path)
  return path === undefined ? [] : [path]
}

/** The checksum in lower case. */
export function canonicalChecksum(value: Json | undefined): Json | undefined {
  return typeof value === 'string' ? value.toLowerCase() : value
}

/** What is wrong with where the bytes come from. */
export function checkContent(spec: Attributes): Problem[] {
  const problems: Problem[] = []
  if (spec.source === undefined || isUnresolved(spec.source)) return problems
  const source = fields(spec.source)
  const path = ['spec', 'source']
  if ((source.path === undefined) === (source.url === undefined)) {
    problems.push({
      path,
      code: 'content-source',
      message: 'The source has a path or a url, one of the two',
      hint: 'Keep one.',
    })
  }
  const url = text(source.url)
  if (url !== undefined) problems.push(...checkUrl(url, source.insecure === true))
  if (source.url !== undefined && spec.checksum === undefined) {
    problems.push({
      path,
      code: 'missing-checksum',
      message: 'A download needs a checksum',
      hint: 'Add `checksum: sha256:…` as its publisher gives it, or `checksum: none` to go without.',
    })
  }
  return problems
}

function checkUrl(url: string, insecure: boolean): Problem[] {
  const path = ['spec', 'source', 'url']
  let parsed: URL
  try {
    parsed = new URL(url)
  } catch {
    return [
      { path, code: 'invalid-url', message: 'The address is no URL', hint: 'Write all of it: `https://…`.' },
    ]
  }
  if (parsed.username !== '' || parsed.password !== '') {
    return [
      {
        path,
        code: 'url-credentials',
        message: 'The address holds a user name or password',
        hint: 'Leave them out: addresses are shown in plans.',
      },
    ]
  }
  if (parsed.protocol === 'https:' || (parsed.protocol === 'http:' && insecure)) return []
  return [
    {
      path,
      code: 'insecure-url',
      message: `The address begins with ${parsed.protocol}//, not https://`,
      hint: 'Use https; `insecure: true` allows http.',
    },
  ]
}

/** Format that a file's name tells by its ending. */
export function formatOfName(name: string): 'qcow2' | 'raw' | undefined {
  const ending = /\.(qcow2|raw)$/.exec(name.toLowerCase())?.[1]
  return ending === 'qcow2' || ending === 'raw' ? ending : undefined
}

/** Last part of the source's path or address, without a query. */
export function sourceName(spec: Attributes): string | undefined {
  const source = fields(spec.source)
  const [url, path] = [text(source.url), text(source.path)]
  if (path !== undefined) return path.split('/').at(-1)
  return url?.split(/[?#]/)[0]?.split('/').at(-1)
}
