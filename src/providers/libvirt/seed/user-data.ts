/** What infra makes for cloud-init together with what the user wrote, as one MIME message. */
import { createHash } from 'node:crypto'

/** Kinds of user-data by their first line, as cloud-init knows them. */
const types: readonly (readonly [RegExp, string])[] = [
  [/^## template: jinja/, 'text/jinja2'],
  [/^#cloud-config-archive/, 'text/cloud-config-archive'],
  [/^#cloud-config/, 'text/cloud-config'],
  [/^#cloud-boothook/, 'text/cloud-boothook'],
  [/^#include-once/, 'text/x-include-once-url'],
  [/^#include/, 'text/x-include-url'],
  [/^#!/, 'text/x-shellscript'],
]

/** The user's part comes last, so that it has the last word. Alone, ours stays a plain cloud-config. */
export function joinUserData(ours: string, theirs: string | undefined): string {
  if (theirs === undefined) return ours
  const boundary = `infra-${createHash('sha256').update(`${ours}\0${theirs}`).digest('hex').slice(0, 32)}`
  return [
    `Content-Type: multipart/mixed; boundary="${boundary}"`,
    'MIME-Version: 1.0',
    '',
    `--${boundary}`,
    ...part('text/cloud-config', ours),
    `--${boundary}`,
    ...(isMime(theirs) ? [theirs] : part(typeOf(theirs), theirs)),
    `--${boundary}--`,
    '',
  ].join('\n')
}

/** Base64 only where it must be: a person who looks at a seed can read it. */
function part(type: string, content: string): string[] {
  const plain = /^[\t\n\x20-\x7e]*$/.test(content)
  const body = plain
    ? content
    : (
        Buffer.from(content)
          .toString('base64')
          .match(/.{1,76}/g) ?? []
      ).join('\n')
  return [
    `Content-Type: ${type}; charset="${plain ? 'us-ascii' : 'utf-8'}"`,
    'MIME-Version: 1.0',
    `Content-Transfer-Encoding: ${plain ? '7bit' : 'base64'}`,
    '',
    body,
  ]
}

function isMime(text: string): boolean {
  return /^(content-type: *multipart|mime-version:)/i.test(text)
}

function typeOf(text: string): string {
  return types.find(([start]) => start.test(text))?.[1] ?? 'text/plain'
}
