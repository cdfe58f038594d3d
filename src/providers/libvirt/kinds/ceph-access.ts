/** How a host of libvirt reaches a Ceph cluster: the same for a pool of RBD images and for a disk that is one. */
import { z } from 'zod'

/** Fields of a strict object. */
export const cephAccess = {
  monitors: z.array(z.string().min(1)).min(1).describe('Addresses of the monitors, `HOST` or `HOST:PORT`.'),
  user: z.string().min(1).optional().describe('Ceph user without `client.`. None: no authentication.'),
  key: z.string().min(1).optional().describe('The user’s key, stored as a secret of libvirt. A secret.'),
  keyring: z
    .string()
    .min(1)
    .optional()
    .describe(
      'Instead of `key`: the Ceph keyring with it, a file on the machine where infra runs. The key goes from there into a secret of libvirt and is in no plan, state or log.',
    ),
}
