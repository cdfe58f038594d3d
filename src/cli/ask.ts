/** Questions at a terminal. */
import { createInterface } from 'node:readline/promises'

interface Streams {
  readonly input: NodeJS.ReadableStream
  readonly output: NodeJS.WritableStream
}

/**
 * Asks, and returns the answer, trimmed and in lower case. Undefined where there is none: Ctrl-C, an aborted question, an input
 * that has ended. Whoever asks again until the answer fits must not ask again then.
 */
export async function ask(
  question: string,
  signal: AbortSignal,
  { input, output }: Streams = { input: process.stdin, output: process.stdout },
): Promise<string | undefined> {
  const terminal = createInterface({ input, output })
  try {
    // an input that ends leaves the question open for ever
    const ended = new Promise<undefined>(resolve => terminal.once('close', () => resolve(undefined)))
    const answer = await Promise.race([terminal.question(question, { signal }), ended])
    return answer?.trim().toLowerCase()
  } catch (error) {
    // Ctrl-C at the question is a no
    if (signal.aborted || (error instanceof Error && error.name === 'AbortError')) return undefined
    throw error
  } finally {
    terminal.close()
  }
}
