/** What a connection of type vcluster can be told. Apart from the provider: a stack is held to it before anything is connected. */
import { z } from 'zod'
import { span } from './kinds/span.js'

export const vclusterSettings = z.strictObject({
  kubeconfig: z
    .string()
    .min(1)
    .optional()
    .describe('Kubeconfig of the host cluster, relative to the stack; ~/.kube/config by default'),
  context: z.string().min(1).optional().describe('Context in it; its current one by default'),
  helm: z.string().min(1).optional().describe('The helm binary; `helm` on the PATH by default'),
  vcluster: z
    .string()
    .min(1)
    .optional()
    .describe('The vcluster tool, for backups; `vcluster` on the PATH by default'),
  kubeconfigFolder: z
    .string()
    .min(1)
    .optional()
    .describe(
      "Folder of the virtual clusters' kubeconfigs; `kubeconfigs/CONNECTION` in the state's folder by default",
    ),
  removal: span('How long a namespace may take to go away; 2m by default').optional(),
  timeout: span('How long one answer of the API server may take; 15s by default').optional(),
  patience: span(
    'How long a call is tried again while the API server is busy or away; 1m by default',
  ).optional(),
})
