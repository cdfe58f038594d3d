/** What the commands may never let slip. */
import { readFile } from 'node:fs/promises'
import { expect, test } from 'vitest'
import { type CommandDesk, filesBelow } from './desk.js'

/** Registers a test of all that was printed and written up to it. */
export function nothingSlipped(desk: CommandDesk): void {
  test('no secret is in any output or file', async () => {
    expect(desk.secrets).toHaveLength(4)
    const files = await filesBelow(desk.folder)
    const read = await Promise.all(
      files
        // The embedded world is the system below: the machine's disk has its kubeconfig, as a real one would.
        .filter(file => !/\/world[^/]*$/.test(file))
        .map(async file => [file, await readFile(file, 'utf8')] as const),
    )
    expect(files.some(file => file.endsWith('state.json'))).toBe(true)
    expect(files.some(file => file.includes('checkpoint'))).toBe(true)
    expect(files.some(file => file.endsWith('infra.log'))).toBe(true)
    const found = [...read, ['output', desk.said.join('\n')] as const].flatMap(([file, text]) =>
      desk.secrets.flatMap((secret, index) => {
        // What a stack's own variable says is in its state, for its owner alone.
        const recorded = index === 0 && file.includes('/.infra/')
        return text.includes(secret) && !recorded ? [`secret ${index} in ${file}`] : []
      }),
    )
    expect(found).toEqual([])
  })
}
