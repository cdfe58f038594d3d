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

/** A browser, megabytes of hostile input, and many applies: nothing there depends on the version of Node. */
const sameOnEveryNode = [
  'test/report/html.browser.test.ts',
  'test/hostile/**',
  'test/stack/hostile.test.ts',
  'test/session/clean-apply.test.ts',
]

/** What a run of `./check` leaves out, by the word that it says; nothing where it says none. */
const leftOut: Readonly<Record<string, readonly string[]>> = {
  'another Node': sameOnEveryNode,
  fast: sameOnEveryNode,
}

export default defineConfig({
  test: {
    projects: [
      {
        test: {
          name: 'unit',
          include: ['test/**/*.test.ts'],
          exclude: [
            'test/cli/**',
            'test/**/*.crash.test.ts',
            ...real.map(name => `test/**/*.${name}.test.ts`),
            ...(leftOut[process.env.INFRA_CHECK_LEAVES_OUT ?? ''] ?? []),
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
        },
      })),
    ],
  },
})
