import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { defineConfig } from 'vitest/config'

/**
 * Projects by what they need, fast ones first. A test's file name says where it belongs:
 * `*.test.ts` needs nothing, those in test/cli what is built; `*.crash.test.ts` kills processes; `*.libvirt.test.ts`, `*.ceph.test.ts` and
 * `*.vcluster.test.ts` need the real system of that name, which test/lab brings up; `*.beside.test.ts` a libvirt, too, with machines of
 * names that no other test has and no network of its own, so that it runs beside the others; `*.together.test.ts` several systems.
 */
const real = ['libvirt', 'beside', 'ceph', 'vcluster', 'together']

/** Those of which two files run at once. */
const pairs = ['beside', 'ceph', 'vcluster']

/** Minutes of computing that few changes can break: not for every save of a file. */
const slow = [
  'test/report/html.browser.test.ts',
  'test/hostile/**',
  'test/stack/hostile.test.ts',
  'test/session/clean-apply.test.ts',
]

/**
 * What a second version of Node proves nothing of. Versions differ in what Node itself does: files, processes, sockets, HTTP, TLS,
 * streams, timers, hashes, compression, the engine's flags. A unit test whose subject uses that makes such things itself, and so
 * imports one of Node's modules; one that imports none only computes, by the language's rules, which the first version has shown.
 * Left out besides, though they read files: texts that are made of plain data, and the scripts of examples.
 */
const sameOnEveryNode = () => [
  ...slow,
  ...['examples', 'formats', 'policy', 'report'].map(folder => `test/${folder}/**`),
  ...readdirSync('test', { recursive: true, encoding: 'utf8' })
    .filter(name => name.endsWith('.test.ts'))
    .map(name => join('test', name))
    .filter(name => !/ from 'node:/.test(readFileSync(name, 'utf8'))),
]

/** What a run of `./check` leaves out, by the word that it says; nothing where it says none. */
function leftOut(): readonly string[] {
  switch (process.env.INFRA_CHECK_LEAVES_OUT) {
    case 'another Node':
      return sameOnEveryNode()
    case 'fast':
      return slow
    default:
      return []
  }
}

export default defineConfig({
  test: {
    // What a file became is kept by its bytes, so that the next of ten runs of a check need not make it again.
    experimental: { fsModuleCache: true },
    projects: [
      {
        test: {
          name: 'unit',
          include: ['test/**/*.test.ts'],
          exclude: [
            'test/cli/**',
            'test/**/*.crash.test.ts',
            ...real.map(name => `test/**/*.${name}.test.ts`),
            ...leftOut(),
          ],
          setupFiles: ['test/check/draws.ts'],
          testTimeout: 60_000,
          // Nothing here has state of its own: modules are loaded once a worker, and a worker may have each processor.
          isolate: false,
          maxWorkers: '100%',
        },
      },
      {
        test: {
          name: 'cli',
          include: ['test/cli/**/*.test.ts'],
          testTimeout: 600_000,
          maxWorkers: '100%',
        },
      },
      {
        test: {
          name: 'crash',
          include: ['test/**/*.crash.test.ts'],
          testTimeout: 180_000,
          hookTimeout: 60_000,
          // One worker, which loads modules once.
          isolate: false,
          fileParallelism: false,
          sequence: { groupOrder: 1 },
        },
      },
      ...real.map(name => ({
        test: {
          name,
          include: [`test/**/*.${name}.test.ts`],
          testTimeout: 300_000,
          hookTimeout: 600_000,
          // A cluster is each file's own, and waits more than it computes. So many at once is a group of its own.
          maxWorkers: pairs.includes(name) ? 2 : 1,
          sequence: { groupOrder: pairs.includes(name) ? 2 : 1 },
          // Guests, daemons and pods share few processors; a second failure in a row is no accident. Retries are printed.
          retry: 1,
          // Many files in one worker, each with a lab of its own: modules are loaded once.
          isolate: !['libvirt', 'ceph'].includes(name),
        },
      })),
    ],
  },
})
