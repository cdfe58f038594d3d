/** How the libvirt of one host reaches that of another. */
import type { LibvirtUri } from '../rpc/uri.js'

/** Parameters that say something of the other host, and nothing of files of the one that connects. */
const portable = ['socket', 'netcat', 'mode', 'proxy']

/**
 * The address by which the libvirt at `from` connects to the one at `to`: the stack's own address, as far as it holds from
 * there. Undefined where `to` is a socket of this machine and `from` is another machine, which cannot reach it so.
 */
export function peerAddress(from: LibvirtUri, to: LibvirtUri): string | undefined {
  const isHere = from.transport === 'unix'
  if (!isHere && to.transport === 'unix') return undefined
  const { open, transport, user, host, port } = to
  const [driver = '', path = ''] = open.split('://')
  const parameters = Object.entries(to.parameters).filter(([name]) => isHere || portable.includes(name))
  const query = parameters.map(([name, value]) => `${name}=${encodeURIComponent(value)}`).join('&')
  const who = user === undefined ? '' : `${encodeURIComponent(user)}@`
  const where = host === undefined ? '' : host.includes(':') ? `[${host}]` : host
  const at = port === undefined ? '' : `:${port}`
  return `${driver}+${transport}://${who}${where}${at}${path}${query === '' ? '' : `?${query}`}`
}
