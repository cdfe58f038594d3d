/** A small YAML file beside a stack (policy, ignored drift): one document, held to a schema, every error with its place. */
import type { z } from 'zod'
import type { SourcePlace } from '../model/error.js'
import type { Json } from '../model/value.js'
import { checkValue } from './check-spec.js'
import type { SourceFile } from './documents.js'
import { type Places, readExact, readPlaces } from './exact-yaml.js'
import { collectProblems, type Path, type Problems, placeAt } from './problems.js'

/** A larger file is refused. */
const mostText = 1024 * 1024

export interface SideFile<T> {
  readonly value: T
  /** Tells what is wrong with a value; what was told is thrown by `done`. */
  problem(
    path: Path,
    code: string,
    message: string,
    more?: { hint?: string; why?: string; find?: string },
  ): void
  placeOf(path: Path): SourcePlace
  /** Throws `InfraErrors` with all that was told. */
  done(): void
}

/** Reads the file, or throws `InfraErrors` with all that is wrong with it. `help` is what to do where nothing else is told. */
export function readSideFile<T>(file: SourceFile, schema: z.ZodType<T>, help: string): SideFile<T> {
  const problems = collectProblems()
  const value = parse(file, problems)
  problems.throwIfAny()
  const document = { file, from: 0, to: file.text.length, fromLine: 1, line: 1, value, references: false }
  for (const misfit of checkValue(schema, value, []))
    problems.add({ ...misfit, hint: misfit.hint ?? help, document })
  problems.throwIfAny()
  let found: Places | undefined
  const places = () => {
    found ??= readPlaces(file.text)
    return found
  }
  return {
    value: schema.parse(value),
    problem: (path, code, message, more = {}) => problems.add({ path, code, message, ...more, document }),
    placeOf(path) {
      const mark = places().find(path, 'value')
      return placeAt(file, mark.offset, mark.length)
    },
    done: () => problems.throwIfAny(),
  }
}

function parse(file: SourceFile, problems: Problems): Json {
  if (file.text.length > mostText) {
    problems.add({
      code: 'too-large',
      message: `${file.name} has more than 1 MiB.`,
      place: { file: file.name, line: 1, column: 1 },
    })
    return null
  }
  const parsed = readExact(file.text)
  if ('value' in parsed) return parsed.value
  for (const { offset, length, ...what } of parsed.problems)
    problems.add({ ...what, place: placeAt(file, offset, length) })
  return null
}
