/** The field `host`, which all kinds of libvirt have. */
import { z } from 'zod'

export function hostField() {
  return z
    .string()
    .min(1)
    .optional()
    .describe(
      'Name of the connection (in the stack’s `providers`) to the host. By default the stack’s libvirt connection.',
    )
}
