// biome-ignore-all lint/suspicious/noTemplateCurlyInString: the syntax of references
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { readStack, resolveStack } from '../../src/stack/load.js'
import { kinds } from './kinds.js'
import { volume, withFiles } from './stacks.js'

const documents = (count: number): string =>
  Array.from({ length: count }, (_, index) => {
    const root = index - (index % 10)
    return volume(`v${index}`, index === root ? '' : `  description: \${Volume.v${root}.name}\n`)
  }).join('')

async function milliseconds(path: string, count: number): Promise<number> {
  // The process's own time, so that a busy machine does not count.
  const start = process.cpuUsage()
  const stack = resolveStack(await readStack({ path, kinds }), () => undefined)
  expect(stack.resources.size).toBe(count)
  const { user, system } = process.cpuUsage(start)
  return (user + system) / 1000
}

// Limits are several times what a machine of two cores needs, to hold on a busy one: a quadratic step would break them.
test('100,000 documents are read in a time that grows with their number', { timeout: 60_000 }, async () => {
  await withFiles({ 'a.yaml': documents(10_000), 'b.yaml': documents(100_000) }, async folder => {
    const small = await milliseconds(join(folder, 'a.yaml'), 10_000)
    expect(small).toBeLessThan(2500)
    const large = await milliseconds(join(folder, 'b.yaml'), 100_000)
    expect(large).toBeLessThan(Math.max(small, 300) * 30)
  })
})

test('a forEach over 5,000 elements is read in a moment', async () => {
  const text = volume(
    'a',
    '  description: disk ${each.key}\n',
    `  forEach: [${Array.from({ length: 5000 }, (_, index) => `k${index}`).join(', ')}]\n`,
  )
  await withFiles({ 'a.yaml': text }, async folder => {
    expect(await milliseconds(join(folder, 'a.yaml'), 5000)).toBeLessThan(2500)
  })
})
