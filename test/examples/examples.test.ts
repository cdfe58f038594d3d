/** Every stack in examples/ is valid, applies on the embedded world, and is then what it says. */
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, describe, expect, it } from 'vitest'
import { parseAllDocuments, stringify } from 'yaml'
import { apply, plan } from '../../src/index.js'
import { kinds } from '../../src/session/provider-types.js'
import { formatStackText } from '../../src/stack/fmt.js'
import { loadStack } from '../../src/stack/load.js'

const root = fileURLToPath(new URL('../../examples/', import.meta.url))
const isStackFile = (name: string) => /\.ya?ml$/.test(name) && !/\.vars\.ya?ml$/.test(name)
const stacks = readdirSync(root, { withFileTypes: true })
  .filter(entry => entry.isDirectory())
  .filter(entry =>
    readdirSync(root + entry.name).some(name => isStackFile(name) && describesResources(entry.name, name)),
  )
  .map(entry => entry.name)

function documentsOf(file: string) {
  return parseAllDocuments(readFileSync(file, 'utf8')).map(document => document.toJS())
}

/** Pipelines and units lie beside the stacks. */
function describesResources(folder: string, name: string): boolean {
  return documentsOf(join(root, folder, name)).some(
    document => document?.apiVersion && document?.metadata?.name,
  )
}

const made: string[] = []

afterEach(() => {
  for (const folder of made.splice(0)) rmSync(folder, { recursive: true, force: true })
})

/** A copy of an example whose connections all lead to the embedded world. */
function embeddedCopy(name: string): string {
  const folder = mkdtempSync(join(tmpdir(), 'infra-example-'))
  made.push(folder)
  cpSync(root + name, folder, { recursive: true, filter: source => !source.endsWith('/.infra') })
  for (const file of readdirSync(folder).filter(isStackFile)) {
    const documents = documentsOf(join(folder, file))
    for (const document of documents) {
      const providers = document?.kind === 'Stack' && document.spec?.providers
      for (const key of Object.keys(providers || {})) providers[key] = { type: 'embedded' }
      // What the reader downloads first
      const image = document?.kind === 'Stack' && document.spec?.variables?.image?.default
      if (image) putImage(folder, image)
    }
    writeFileSync(join(folder, file), documents.map(document => stringify(document)).join('---\n'))
  }
  return folder
}

function putImage(folder: string, path: string): void {
  mkdirSync(dirname(join(folder, path)), { recursive: true })
  writeFileSync(join(folder, path), 'an image')
}

describe.each(stacks)('examples/%s', name => {
  it('is formatted, and tells editors its schema', () => {
    for (const file of readdirSync(root + name).filter(isStackFile)) {
      const text = readFileSync(join(root, name, file), 'utf8')
      expect(text).toMatch(/^# yaml-language-server: \$schema=\S*infra\.schema\.json$/m)
      expect(formatStackText(text, file)).toBe(text)
    }
  })

  it('is valid as it is', async () => {
    const stack = await loadStack({ path: root + name, kinds })
    expect(stack.resources.size).toBeGreaterThan(0)
  })

  it('applies on the embedded world, and leaves nothing to do', async () => {
    const path = embeddedCopy(name)
    const applied = await apply({ path })
    expect(applied.result).toBe('applied')
    expect(applied.failures).toEqual([])
    const { plan: next, problems } = await plan({ path })
    expect(problems).toEqual([])
    expect(next.steps.filter(step => step.action !== 'no-op')).toEqual([])
    expect(next.drift).toEqual([])
  })
})
