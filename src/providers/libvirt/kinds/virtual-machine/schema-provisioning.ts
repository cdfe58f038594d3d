/** First set-up of a guest: cloud-init as Foundry has it, and Ignition. */
import { z } from 'zod'
import { once } from '../../../../model/once.js'

const keys = z.array(z.string().min(1)).optional()

export const cloudInit = once(() =>
  z.strictObject({
    fqdn: z
      .string()
      .min(1)
      .optional()
      .describe(
        'Host name with its domain: `web.example.org`. The machine’s name by default, without a domain.',
      ),
    sshAuthorizedKeys: keys.describe('SSH public keys that may log in as root.'),
    passwordHash: z
      .string()
      .min(1)
      .optional()
      .describe('Hash of root’s password as in /etc/shadow, beginning with `$`. A secret.'),
    sshPwauth: z.boolean().optional().describe('Allow passwords for SSH. False by default.'),
    sshPasswordAuth: z
      .boolean()
      .optional()
      .describe('Another name of `sshPwauth`, as later documents of Foundry have it.'),
    packages: z.array(z.string().min(1)).optional().describe('Packages that cloud-init installs.'),
    userData: z
      .string()
      .min(1)
      .optional()
      .describe(
        'User-data of your own: `#cloud-config`, a script, any type that cloud-init knows. Where other fields are set too, it comes after what they make. A secret.',
      ),
    rawUserData: z
      .string()
      .min(1)
      .optional()
      .describe(
        'The whole user-data, as later documents of Foundry have it: as it is, and nothing is made of the other fields but `networkConfig` and `bus`. A secret.',
      ),
    networkConfig: z
      .string()
      .min(1)
      .optional()
      .describe(
        'Network configuration (version 1 or 2) of your own, instead of the one made from the interfaces.',
      ),
    bus: z
      .enum(['sata', 'virtio', 'scsi'])
      .optional()
      .describe(
        'Bus of the seed: a CD-ROM on `sata` (the default) or `scsi`, or a disk on `virtio` for kernels without AHCI, such as Debian’s cloud kernel.',
      ),
  }),
)

export const ignition = once(() =>
  z.strictObject({
    fqdn: z.string().min(1).optional().describe('Host name with its domain. The machine’s name by default.'),
    user: z.string().min(1).optional().describe('User that keys and password are for. `core` by default.'),
    sshAuthorizedKeys: keys.describe('SSH public keys that may log in.'),
    passwordHash: z
      .string()
      .min(1)
      .optional()
      .describe('Hash of the user’s password, beginning with `$`. A secret.'),
    config: z
      .string()
      .min(1)
      .optional()
      .describe(
        'An Ignition configuration (JSON, version 3) of your own, merged over what the other fields make. A secret.',
      ),
  }),
)
