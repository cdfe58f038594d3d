/** What must hold for the first set-up of a guest: Foundry's rules for host name, keys and password. */
import type { Attributes } from '../../../../model/value.js'
import type { Problem } from '../../../kind.js'
import { fields, list, text } from '../values.js'

/** Key types that OpenSSH has. */
const keyTypes = [
  'ssh-rsa',
  'ssh-ed25519',
  'ssh-dss',
  'ecdsa-sha2-nistp256',
  'ecdsa-sha2-nistp384',
  'ecdsa-sha2-nistp521',
  'sk-ssh-ed25519@openssh.com',
  'sk-ecdsa-sha2-nistp256@openssh.com',
]

/** What cloud-init takes for user-data, by its first line. */
const userDataStart =
  /^(#cloud-config|#cloud-boothook|#!\/|#include|## template:|content-type:|mime-version:)/i

export function checkProvisioning(spec: Attributes): readonly Problem[] {
  const both =
    spec.cloudInit !== undefined && spec.ignition !== undefined
      ? [
          {
            path: ['spec', 'ignition'],
            code: 'two-provisioners',
            message: 'The machine has cloud-init and Ignition',
            hint: 'Keep one.',
          },
        ]
      : []
  return [
    ...both,
    ...(['cloudInit', 'ignition'] as const).flatMap(section => checkSection(fields(spec[section]), section)),
  ]
}

function checkSection(section: Attributes, name: 'cloudInit' | 'ignition'): Problem[] {
  const path = ['spec', name]
  const problems: Problem[] = []
  const fqdn = text(section.fqdn)
  const wrong = fqdn === undefined ? undefined : fqdnProblem(fqdn)
  if (wrong !== undefined) {
    problems.push({
      path: [...path, 'fqdn'],
      code: 'invalid-fqdn',
      message: `“${fqdn}” ${wrong}`,
      hint: 'Write a host and its domain, such as `web.example.org`; names beyond ASCII in their xn-- form.',
    })
  }
  for (const [index, value] of list(section.sshAuthorizedKeys).entries()) {
    const key = text(value)
    const problem = key === undefined ? undefined : keyProblem(key)
    if (problem !== undefined) {
      problems.push({
        path: [...path, 'sshAuthorizedKeys', index],
        code: 'invalid-ssh-key',
        message: problem,
        hint: 'Paste the whole line of the .pub file; it begins with its type, such as ssh-ed25519.',
      })
    }
  }
  const { sshPwauth, sshPasswordAuth } = section
  if (sshPasswordAuth !== undefined && sshPwauth !== undefined && sshPasswordAuth !== sshPwauth) {
    problems.push({
      path: [...path, 'sshPasswordAuth'],
      code: 'two-answers',
      message: '`sshPwauth` and `sshPasswordAuth` are the same field and say different things',
      hint: 'Keep one of the two.',
    })
  }
  const hash = text(section.passwordHash)
  if (hash !== undefined && !/^\$[\x21-\x7e]+$/.test(hash)) {
    problems.push({
      path: [...path, 'passwordHash'],
      code: 'invalid-password-hash',
      message: 'The password hash does not begin with $',
      hint: 'Make one with `openssl passwd -6`; a password in clear is never accepted.',
    })
  }
  const raw = name === 'cloudInit' ? text(section.rawUserData) : undefined
  if (raw !== undefined && !userDataStart.test(raw)) {
    problems.push({
      path: [...path, 'rawUserData'],
      code: 'invalid-user-data',
      message: 'The user-data does not begin as cloud-init knows it',
      hint: 'Its first line is `#cloud-config`, `#!/…`, `#include`, `## template: …` or that of a MIME message.',
    })
  }
  if (section.rawUserData !== undefined && section.userData !== undefined) {
    problems.push({
      path: [...path, 'userData'],
      code: 'two-answers',
      message: '`rawUserData` is the whole user-data, and `userData` a part of it',
      hint: 'Keep one of the two.',
    })
  }
  const config = name === 'ignition' ? text(section.config) : undefined
  if (config !== undefined && !isObjectJson(config)) {
    problems.push({
      path: [...path, 'config'],
      code: 'invalid-ignition',
      message: 'The Ignition configuration is no JSON object',
      hint: 'Butane files are turned into it by the `butane` program.',
    })
  }
  return problems
}

/** What is wrong with a fully qualified name; undefined where nothing is. RFC 1123, and at least two labels. */
function fqdnProblem(fqdn: string): string | undefined {
  const name = fqdn.trim().toLowerCase().replace(/\.$/, '')
  if (name.length > 253) return 'has more than 253 characters'
  const labels = name.split('.')
  if (labels.some(label => label.length > 63)) return 'has a part of more than 63 characters'
  if (labels.some(label => !/^[a-z0-9]([a-z0-9-]*[a-z0-9])?$/.test(label))) return 'is no host name'
  return labels.length < 2 ? 'has no domain' : undefined
}

/** Never quotes the key: a private one may have been pasted. */
function keyProblem(key: string): string | undefined {
  const [type, body] = key.trim().split(/\s+/)
  if (type === undefined || !keyTypes.includes(type)) return 'The SSH key does not begin with a known type'
  if (body === undefined || !/^[A-Za-z0-9+/]{16,}={0,3}$/.test(body))
    return `The ${type} key has no valid body`
  return /[\r\n]/.test(key.trim()) ? 'The SSH key has several lines' : undefined
}

function isObjectJson(value: string): boolean {
  try {
    const parsed: unknown = JSON.parse(value)
    return typeof parsed === 'object' && parsed !== null && !Array.isArray(parsed)
  } catch {
    return false
  }
}
