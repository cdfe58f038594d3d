/** What a connection of type libvirt can be told. Apart from the provider: a stack is held to it before anything is connected. */
import { z } from 'zod'

export const libvirtSettings = z.strictObject({
  uri: z
    .string()
    .min(1)
    .optional()
    .describe(
      'Address of libvirt: `qemu:///system` (the default), `qemu+ssh://user@host/system`, `qemu+tls://host/system`.',
    ),
  imageCache: z
    .string()
    .min(1)
    .optional()
    .describe(
      'Folder for downloaded images, from the stack’s folder. `images` in the state’s folder by default.',
    ),
  parallelism: z.int().positive().optional().describe('How many changes at once; 16 by default, 8 by ssh.'),
})
