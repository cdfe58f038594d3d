/** Discovered objects as the text of a stack. */
import { stringify } from 'yaml'
import type { Connection } from '../../providers/provider.js'
import type { DiscoveredDocument, Discovery } from '../../session/discover.js'
import { apiVersion } from '../../stack/envelope.js'

/** The document of the stack itself, with the connections that the objects are reached by. */
export function stackDocumentText(
  name: string,
  connections: readonly Pick<Connection, 'name' | 'type' | 'settings'>[],
): string {
  const providers = Object.fromEntries(
    connections.map(one => [one.name, { ...(one.name !== one.type && { type: one.type }), ...one.settings }]),
  )
  return document('The stack itself.', { apiVersion, kind: 'Stack', metadata: { name }, spec: { providers } })
}

/** `hostOf` tells what a document says as its host, where the stack has several. */
export function documentsText(
  found: readonly DiscoveredDocument[],
  leftOut: Discovery['leftOut'],
  hostOf: (one: DiscoveredDocument) => string | undefined,
): string {
  const documents = found.map(one => {
    const host = hostOf(one)
    const labels = Object.keys(one.labels).length > 0 ? { labels: one.labels } : {}
    const spec = { ...(host !== undefined && { host }), ...one.spec }
    return document(one.remarks.join('\n'), {
      apiVersion,
      kind: one.kind,
      metadata: { name: one.name, ...labels },
      spec,
    })
  })
  const rest = leftOut
    .map(one => comment(`Left out: ${one.kind} ${one.name} on ${one.host}: ${one.why}`))
    .join('')
  return [...documents, ...(rest === '' ? [] : [rest])].join('---\n')
}

function document(remark: string, value: unknown): string {
  return `${remark === '' ? '' : comment(remark)}${stringify(value, { aliasDuplicateObjects: false, lineWidth: 0 })}`
}

function comment(text: string): string {
  return text
    .split('\n')
    .map(line => `# ${line}\n`)
    .join('')
}
