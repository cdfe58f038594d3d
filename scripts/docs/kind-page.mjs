// A page a kind, from the kind itself.
import { fieldTable } from './fields.mjs'
import { code, page, sentence, table } from './markdown.mjs'

const hows = {
  live: 'live',
  restart: 'at a restart',
  replace: 'by replacement',
  refuse: 'refused',
}
const ops = { add: 'appears', remove: 'disappears', change: 'changes' }
const undos = {
  restore: 'It is kept aside, and comes back with its data until the checkpoint is pruned.',
  recreate: 'It is made again as it was; it holds no data.',
  none: 'It cannot be undone.',
}

export function kindPage(kind) {
  const lists = Object.entries(kind.keyedLists)
  const facts = Object.entries(kind.facts)
  return page(
    `# ${kind.kind}`,
    sentence(kind.summary),
    `Served by [${kind.provider}](../connections/${kind.provider}.md).`,
    '## Fields of `spec`',
    fieldTable(kind.schema),
    kind.sensitive.length > 0 && `Secrets, which are never shown: ${kind.sensitive.map(code).join(', ')}.`,
    lists.length > 0 &&
      `Elements of a list are told apart by a field: ${lists.map(([path, key]) => `${code(path)} by ${code(key)}`).join(', ')}.`,
    facts.length > 0 && '## What others may refer to',
    facts.length > 0 &&
      `\`\${${kind.kind}.NAME.ATTRIBUTE}\` is any field above, or one of these, which are read from the real object.`,
    table(
      ['attribute', 'what it is'],
      facts.map(([name, text]) => [code(name), sentence(text)]),
    ),
    '## How changes are met',
    'The first row that fits a change counts; a change that no row names is a replacement.',
    table(
      ['field', 'when', 'how', 'why', 'hazards'],
      kind.changes.map(rule => [
        code(rule.path),
        [rule.op && `it ${ops[rule.op]}`, rule.when?.text].filter(Boolean).join(', '),
        hows[rule.how],
        [rule.why, rule.hint].filter(Boolean).map(sentence).join(' '),
        (rule.hazards ?? []).map(code).join(', '),
      ]),
    ),
    '## Deletion',
    deletion(kind),
  )
}

function deletion(kind) {
  const { hazards, undo } = kind.deletion({})
  const costs = hazards.length > 0 ? `Hazards: ${hazards.map(code).join(', ')}.` : 'It has no hazard.'
  return `${costs} ${undos[undo]}`
}

export function kindIndex(kinds) {
  return page(
    '# Kinds',
    'What a stack can describe. Every document has `apiVersion: infra/v1`, `kind`, `metadata` and `spec`; see [the stack](../stack.md).',
    table(
      ['kind', 'what it is', 'served by'],
      kinds.map(kind => [
        `[${kind.kind}](${kind.kind}.md)`,
        sentence(kind.summary),
        `[${kind.provider}](../connections/${kind.provider}.md)`,
      ]),
    ),
  )
}
