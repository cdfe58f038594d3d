/** Begins a lab; where that fails, once more: set-up is not a test, and vitest would not try it again. What it said is printed. */
export async function begun<T>(name: string, begin: () => Promise<T>): Promise<T> {
  try {
    return await begin()
  } catch (error) {
    process.stderr.write(`The lab of ${name} is begun again: ${lastWords(error)}\n`)
    return begin()
  }
}

/** The last words of a lab's script that failed. */
export function lastWords(error: unknown): string {
  const { stderr } = error as { readonly stderr?: string }
  return (stderr || String(error)).trim().split('\n').slice(-6).join('\n')
}
