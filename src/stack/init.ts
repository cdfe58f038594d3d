// biome-ignore-all lint/suspicious/noTemplateCurlyInString: the syntax of references
/** The text of a first stack, which applies as it is: on the embedded world, until it names a connection. */
import { InfraError } from '../model/error.js'
import { isName, nameHint } from './name.js'

export interface InitInput {
  readonly name: string
  /** Where the JSON Schema is, for the modeline: a path beside the file, or an address. */
  readonly schema: string
}

/** A stack of an image and a machine with a second disk, with what a newcomer needs to know in its comments. */
export function firstStack({ name, schema }: InitInput): string {
  if (!isName(name)) {
    const message = `A stack cannot be named ${JSON.stringify(name.slice(0, 60))}`
    throw new InfraError({ kind: 'configuration', code: 'invalid-name', message, hint: nameHint })
  }
  return `# yaml-language-server: $schema=${schema}

# The stack itself. Without connections it runs on the embedded world, which needs nothing installed.
# To run it on libvirt, add under spec:
#   providers:
#     libvirt: {uri: qemu:///system}
apiVersion: infra/v1
kind: Stack
metadata:
  name: ${name}
spec:
  variables:
    sshKey:
      description: Public key that may log in as root
      default: ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIFirstStackReplaceThisKeyByYourOwnPublicKey0 you@example.org
  outputs:
    addresses: \${VirtualMachine.web.addresses}

---
# The disk image that the machine starts from. Pin it: replace none by sha256:…
apiVersion: infra/v1
kind: Image
metadata:
  name: debian-12
spec:
  source:
    url: https://cloud.debian.org/images/cloud/bookworm/latest/debian-12-generic-amd64.qcow2
  checksum: none

---
apiVersion: infra/v1
kind: VirtualMachine
metadata:
  name: web
  labels:
    role: web
spec:
  vcpus: 2
  memoryGiB: 2
  bootDisk:
    sizeGB: 10
    image: \${Image.debian-12.reference}
  dataDisks:
    - device: vdb
      sizeGB: 5
  networkInterfaces:
    - ip: 192.168.122.10/24
      gateway: 192.168.122.1
      dnsServers: [192.168.122.1]
      bridge: virbr0
  cloudInit:
    fqdn: web.example.org
    sshAuthorizedKeys:
      - \${var.sshKey}
`
}
