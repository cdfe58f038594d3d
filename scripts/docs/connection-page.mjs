// A page a type of connection, from its provider.
import { fieldTable } from './fields.mjs'
import { page, sentence } from './markdown.mjs'

export function connectionPage(type) {
  const links = type.kinds.map(({ kind }) => `[${kind}](../kinds/${kind}.md)`)
  return page(
    `# Connections of type ${type.type}`,
    sentence(type.summary),
    'A connection stands under `spec.providers` of the Stack document:',
    `\`\`\`yaml\nproviders:\n  ${type.type}: {}\n\`\`\``,
    'Its name is what `spec.host` and the like refer to; where the name is not the type, say `type` too.',
    '## Settings',
    fieldTable(type.settings) || 'None.',
    '## Kinds',
    links.length > 0
      ? [...new Set(links)].sort().join(', ')
      : 'All of them: see [kinds](../kinds/README.md).',
  )
}
