/** What a host cluster's refusals and failures mean, in its own words. */
import { type ErrorKind, InfraError, messageOf } from '../../../model/error.js'

interface Status {
  readonly message?: string
  readonly reason?: string
}

const codes: Readonly<Record<number, readonly [ErrorKind, string]>> = {
  400: ['operation', 'bad-request'],
  401: ['connection', 'host-login-refused'],
  403: ['connection', 'host-forbidden'],
  404: ['operation', 'host-object-missing'],
  409: ['operation', 'host-conflict'],
  410: ['operation', 'host-list-expired'],
  422: ['validation', 'host-object-invalid'],
  429: ['connection', 'host-busy'],
}

/** An answer that is not a success, as an error. */
export function statusError(status: number, body: string, what: string, host: string): InfraError {
  const answer = parse(body)
  const [kind, code] =
    codes[status] ?? (status >= 500 ? ['connection', 'host-failed'] : ['operation', 'host-refused'])
  const hint = hintFor(status, answer.message)
  return new InfraError({
    kind: kind as ErrorKind,
    code: status === 409 && answer.reason === 'AlreadyExists' ? 'host-object-exists' : (code as string),
    message: `The host cluster ${host} answered ${status} to ${what}.`,
    ...(answer.message !== undefined && { why: answer.message }),
    ...(hint !== undefined && { hint }),
  })
}

/**
 * No answer at all. Where there is not even a connection, the call is not named: many are made at once, and it is chance which
 * of them is given up first.
 */
export function unreachable(error: unknown, what: string, host: string): InfraError {
  return new InfraError({
    kind: 'connection',
    code: 'host-unreachable',
    message: `The host cluster ${host} did not answer${isConnect(error) ? '' : ` to ${what}`}.`,
    why: reasonOf(error),
    hint: 'check that the address is right and the API server runs: `kubectl get --raw /readyz`',
    cause: error,
  })
}

/** Whether the error is one of ours with this code. */
export function hasCode(error: unknown, ...wanted: readonly string[]): boolean {
  return error instanceof InfraError && wanted.includes(error.code)
}

/** Whether it failed before anything was asked: the name was not found, or nobody listens there. */
function isConnect(error: unknown): boolean {
  const { syscall, errors } = error as { syscall?: unknown; errors?: readonly unknown[] }
  // A name with several addresses: an error each.
  if (Array.isArray(errors) && errors.length > 0) return errors.every(isConnect)
  return syscall === 'connect' || syscall === 'getaddrinfo'
}

function reasonOf(error: unknown): string {
  const cause = error as { code?: unknown; errors?: readonly unknown[] }
  if (messageOf(error) === '' && Array.isArray(cause.errors)) return cause.errors.map(messageOf).join('; ')
  return messageOf(error)
}

function parse(body: string): Status {
  try {
    const value: unknown = JSON.parse(body)
    return typeof value === 'object' && value !== null ? (value as Status) : {}
  } catch {
    // a proxy between says something of its own
    return body === '' ? {} : { message: body.slice(0, 300) }
  }
}

function hintFor(status: number, message: string | undefined): string | undefined {
  if (status === 401) return 'the token or certificate in the kubeconfig is refused; get a new one'
  if (status === 403) return message === undefined ? undefined : ruleFor(message)
  return undefined
}

/** The RBAC rule that a refusal asks for, from the words that Kubernetes has for it. */
export function ruleFor(message: string): string | undefined {
  const match = /cannot (\w+) resource "([^"]+)" in API group "([^"]*)"(?: in the namespace "([^"]+)")?/.exec(
    message,
  )
  if (match === null) return undefined
  const [, verb, resource, group, namespace] = match
  const where =
    namespace === undefined ? 'a ClusterRole' : `a Role in namespace ${namespace}, or a ClusterRole`
  return `add to ${where}: { apiGroups: ["${group}"], resources: ["${resource}"], verbs: ["${verb}"] }`
}
