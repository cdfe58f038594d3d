import { InfraCommand, outputFlags } from '../cli/base-command.js'
import { kinds } from '../session/provider-types.js'
import { stackJsonSchema } from '../stack/json-schema.js'

export default class Schema extends InfraCommand {
  static override summary = 'Print the JSON Schema of all documents, for editors.'
  static override examples = ['<%= config.bin %> schema > infra.schema.json']
  static override flags = outputFlags

  async run(): Promise<void> {
    await this.parse(Schema)
    process.stdout.write(`${JSON.stringify(stackJsonSchema(kinds.values()), undefined, 2)}\n`)
  }
}
