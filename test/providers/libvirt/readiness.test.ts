/** What waiting for a guest asks of it. */
import { expect, test } from 'vitest'
import type { Host } from '../../../src/providers/libvirt/connection.js'
import { untilReady } from '../../../src/providers/libvirt/readiness.js'
import { LibvirtError, libvirtCodes } from '../../../src/providers/libvirt/rpc/errors.js'

interface AgentCommand {
  readonly execute: string
  readonly arguments?: { readonly path?: string }
}

/** A guest whose cloud-init has its result at the look of this number. */
function guest(resultAt: number): { readonly host: Host; readonly run: string[] } {
  const run: string[] = []
  let looks = 0
  const agent = ({ execute, arguments: args }: AgentCommand) => {
    if (execute === 'guest-file-open') {
      looks += 1
      if (looks >= resultAt) return 7
      throw new LibvirtError(
        execute,
        libvirtCodes.INTERNAL_ERROR,
        10,
        `${args?.path}: No such file or directory`,
      )
    }
    if (execute === 'guest-exec') return { pid: run.push(String(args?.path)) }
    if (execute === 'guest-exec-status')
      return {
        exited: true,
        exitcode: 0,
        'out-data': Buffer.from(looks >= resultAt ? 'status: done\n' : 'status: running\n').toString(
          'base64',
        ),
      }
    return {}
  }
  const client = {
    call: async ({ name }: { readonly name: string }, args: { readonly command?: string }) =>
      name === 'domainIsActive'
        ? true
        : JSON.stringify({ return: agent(JSON.parse(args.command ?? '') as AgentCommand) }),
  }
  return { host: { client } as unknown as Host, run }
}

test('cloud-init is not started in the guest before it has written its result', async () => {
  const { host, run } = guest(4)
  const spec = { readiness: { until: 'cloudInit', timeoutSeconds: 8 } }
  const call = { signal: new AbortController().signal, progress: () => undefined }
  await untilReady(host, { name: 'web', uuid: 'u', id: 1 }, spec, call)
  expect(run).toEqual(['cloud-init'])
})
