/** What a command shows with --yaml. A file of its own: who shows a table does not load the library for this. */
import { stringify } from 'yaml'
import type { Json } from '../model/value.js'

/** A value as YAML for people. */
export function renderYaml(value: Json): string {
  return stringify(value, { aliasDuplicateObjects: false, lineWidth: 0 })
}
