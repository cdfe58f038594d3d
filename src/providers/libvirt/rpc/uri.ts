/** Addresses of libvirt as its own clients write them: `qemu:///system`, `qemu+ssh://user@host/system?keyfile=…`. */
import { InfraError } from '../../../model/error.js'

export interface LibvirtUri {
  /** What is asked of libvirtd once connected: `qemu:///system`. */
  readonly open: string
  readonly transport: 'unix' | 'ssh' | 'tls'
  readonly host?: string
  readonly port?: number
  readonly user?: string
  readonly parameters: Readonly<Record<string, string>>
}

const pattern =
  /^([a-z0-9]+)(?:\+([a-z0-9]+))?:\/\/(?:([^@/?#]+)@)?(\[[^\]]+\]|[^:/?#]*)(?::(\d+))?(\/[^?#]*)?(?:\?([^#]*))?$/

function invalid(uri: string, why: string, hint?: string): InfraError {
  return new InfraError({
    kind: 'configuration',
    code: 'libvirt-uri',
    message: `${JSON.stringify(uri)} is no address of libvirt that infra can use`,
    why,
    hint:
      hint ?? 'For example qemu:///system, qemu+ssh://user@host/system or qemu+unix:///system?socket=/path',
  })
}

/** A host or user that could be taken for an option by the ssh command is refused. */
const unsafe = /^-|[\s\0]/

/** Fails with an error that says which part is wrong, where the address is none or could hold an option for ssh. */
export function parseUri(uri: string): LibvirtUri {
  const match = pattern.exec(uri)
  if (match === null) throw invalid(uri, 'It is not of the form driver+transport://host/path')
  const [, driver = '', named, user, bracketed = '', port, path = '/', query] = match
  const host = bracketed.replace(/^\[(.*)\]$/, '$1')
  const parameters = Object.fromEntries(new URLSearchParams(query ?? ''))
  const transport = named ?? (host === '' ? 'unix' : 'tls')
  if (transport !== 'unix' && transport !== 'ssh' && transport !== 'tls') {
    throw invalid(uri, `The transport ${JSON.stringify(transport)} is not one of unix, ssh, tls`)
  }
  if (transport === 'unix' && host !== '') throw invalid(uri, 'A unix socket has no host')
  if (transport !== 'unix' && host === '') throw invalid(uri, `The transport ${transport} needs a host`)
  if (unsafe.test(host) || unsafe.test(user ?? '')) throw invalid(uri, 'The host or user is none')
  if (port !== undefined && (Number(port) < 1 || Number(port) > 65_535))
    throw invalid(uri, `There is no port ${port}`)
  if (transport === 'unix' && path === '/session' && parameters.socket === undefined) {
    throw invalid(
      uri,
      'A session socket has no fixed place',
      'Name it: ?socket=/run/user/1000/libvirt/libvirt-sock',
    )
  }
  return {
    open: `${driver}://${path}`,
    transport,
    parameters,
    ...(host !== '' && { host }),
    ...(port !== undefined && { port: Number(port) }),
    ...(user !== undefined && { user: decodeURIComponent(user) }),
  }
}
