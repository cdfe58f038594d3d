/** Questions at a terminal. */
import { createInterface } from 'node:readline/promises'

/** Asks, and returns the answer, trimmed and in lower case. An aborted question or an ended input counts as no answer. */
export async function ask(question: string, signal: AbortSignal): Promise<string> {
  const terminal = createInterface({ input: process.stdin, output: process.stdout })
  try {
    const answer = await terminal.question(question, { signal })
    return answer.trim().toLowerCase()
  } catch (error) {
    // Ctrl-C at the question is a no.
    if (signal.aborted || (error instanceof Error && error.name === 'AbortError')) return ''
    throw error
  } finally {
    terminal.close()
  }
}
