// Lets a child process of a test run the sources as they are: `node --import …/typescript-loader.mjs file.ts`.
// vitest does this for the test's own process only.
import { readFile } from 'node:fs/promises'
import { register } from 'node:module'
import { isMainThread } from 'node:worker_threads'

if (isMainThread) register(import.meta.url)

export async function resolve(specifier, context, next) {
  try {
    return await next(specifier, context)
  } catch (error) {
    if (!/^\.{1,2}\//.test(specifier) || !specifier.endsWith('.js')) throw error
    return next(`${specifier.slice(0, -3)}.ts`, context)
  }
}

export async function load(url, context, next) {
  if (!url.startsWith('file:') || !url.endsWith('.ts')) return next(url, context)
  const { transformSync } = await import('rolldown/utils')
  const path = new URL(url)
  const { code, errors } = transformSync(path.pathname, await readFile(path, 'utf8'))
  if (errors.length > 0) throw new Error(errors.map(error => error.message).join('\n'))
  return { format: 'module', source: code, shortCircuit: true }
}
