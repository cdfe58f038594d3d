/** The spec of a VirtualCluster as it is written. */
import { z } from 'zod'
import { once } from '../../../model/once.js'
import { storeNames } from './shortcuts.js'
import { span } from './span.js'

const quantity = z.union([
  z
    .string()
    .regex(
      /^\d+(\.\d+)?(m|k|Ki|M|Mi|G|Gi|T|Ti|P|Pi|E|Ei)?$/,
      'a Kubernetes quantity such as 500m, 2 or 5Gi is needed',
    ),
  z.number().nonnegative(),
])

const resources = once(() =>
  z.strictObject({
    requests: z
      .record(z.string(), quantity)
      .optional()
      .describe('What the scheduler sets aside: `{ cpu: 200m, memory: 256Mi }`'),
    limits: z.record(z.string(), quantity).optional().describe('What it may use at most: `{ memory: 4Gi }`'),
  }),
)

const chart = once(() =>
  z.strictObject({
    version: z
      .string()
      .regex(/^v?\d+\.\d+\.\d+(-[0-9A-Za-z.-]+)?$/, 'an exact version such as 0.36.1 is needed')
      .optional()
      .describe('Exact version of the chart; 0.36.1 by default'),
    name: z.string().min(1).optional().describe('Name of the chart in its repository; `vcluster` by default'),
    repository: z
      .url({ protocol: /^https?$/ })
      .optional()
      .describe('Helm repository; https://charts.loft.sh by default'),
    oci: z
      .string()
      .regex(/^oci:\/\/.+/, 'an address that begins with oci:// is needed')
      .optional()
      .describe('The chart in an OCI registry: `oci://ghcr.io/acme/charts/vcluster`'),
    path: z.string().min(1).optional().describe('A folder or .tgz of the chart, relative to the stack'),
  }),
)

const switches = z.record(z.string().regex(/^[a-z][A-Za-z]+$/), z.boolean())

export const virtualClusterSchema = once(() =>
  z.strictObject({
    hostCluster: z
      .string()
      .min(1)
      .optional()
      .describe('The connection of type vcluster whose cluster it runs in, by name; `vcluster` by default'),
    namespace: z
      .string()
      .min(1)
      .optional()
      .describe('Namespace in the host cluster, one a cluster; `vcluster-NAME` by default'),
    createNamespace: z
      .boolean()
      .optional()
      .describe('Whether infra makes, owns and removes the namespace; true by default'),
    chart: chart().optional().describe('Where the vCluster chart comes from'),
    kubernetesVersion: z
      .string()
      .regex(/^v?\d+\.\d+\.\d+(-[0-9A-Za-z.-]+)?$/, 'a version such as v1.36.0 is needed')
      .optional()
      .describe("Kubernetes of the virtual cluster; the chart's own by default"),
    values: z.record(z.string(), z.json()).optional().describe('Values of the chart, as in `helm --values`'),
    valuesFiles: z
      .array(
        z.union([
          z.string().min(1),
          z.strictObject({ file: z.string(), content: z.record(z.string(), z.json()) }),
        ]),
      )
      .optional()
      .describe(
        'YAML files of values in the folder of the stack or below; a later one wins, and `values` over them. In a folder that is a stack, name them `*.values.yaml`, or put them into a folder of their own',
      ),
    replicas: z.int().min(1).max(9).optional().describe('Replicas of the control plane; 1 by default'),
    storage: z
      .strictObject({
        size: z
          .string()
          .regex(/^\d+(\.\d+)?(Mi|Gi|Ti|M|G|T)$/, 'a size such as 5Gi is needed')
          .optional()
          .describe('Size of the volume of the control plane; 5Gi by default'),
        class: z
          .string()
          .min(1)
          .optional()
          .describe("Storage class; the host cluster's default one by default"),
      })
      .optional()
      .describe('The volume that holds the virtual cluster'),
    resources: resources()
      .optional()
      .describe("Resources of the control plane's pod; the chart's own by default"),
    backingStore: z
      .enum(storeNames)
      .optional()
      .describe(
        'What keeps the objects: `sqlite` by default; its details belong into `values.controlPlane.backingStore`',
      ),
    expose: z
      .strictObject({
        type: z
          .enum(['ClusterIP', 'NodePort', 'LoadBalancer'])
          .optional()
          .describe('Type of the service; ClusterIP by default'),
        nodePort: z
          .int()
          .min(1)
          .max(65_535)
          .optional()
          .describe('Port on every node, with type NodePort; chosen by the host cluster by default'),
        ingress: z.boolean().optional().describe('Whether an Ingress is made'),
        host: z.string().min(1).optional().describe('Host name of the Ingress'),
      })
      .optional()
      .describe('How the API server is reached'),
    sync: z
      .strictObject({
        toHost: switches
          .optional()
          .describe('Kinds whose objects go to the host cluster: `{ ingresses: true }`'),
        fromHost: switches
          .optional()
          .describe('Kinds whose objects come from the host cluster: `{ nodes: true }`'),
      })
      .optional()
      .describe('Which objects are synced; details belong into `values.sync`'),
    ttl: z
      .union([z.literal('none'), span('A span of time')])
      .optional()
      .describe(
        'How long it lives, counted from its creation on the host: `2h`; then `infra reap` deletes it. `none` by default',
      ),
    paused: z.boolean().optional().describe('Whether it is scaled to nothing; false by default'),
    kubeconfig: z
      .strictObject({
        path: z
          .string()
          .min(1)
          .optional()
          .describe(
            "File that it is written to, relative to the stack; `kubeconfigs/CONNECTION/NAMESPACE.NAME.yaml` in the state's folder by default",
          ),
        server: z
          .url({ protocol: /^https$/ })
          .optional()
          .describe('Address of the API server in it; one that answers from here by default'),
        tokenExpiry: span(
          'Uses a service account token that ends after this long, instead of the certificate of an administrator',
        ).optional(),
        recipient: z
          .string()
          .regex(/^age1[0-9a-z]+$/, 'an age recipient (age1…) is needed')
          .optional()
          .describe('Encrypts the file to this age recipient'),
      })
      .optional()
      .describe('Where and how the kubeconfig is kept'),
    readinessTimeout: span('How long it may take to become ready; 5m by default').optional(),
    handChanges: z
      .literal('none')
      .optional()
      .describe(
        'Always `none`. What was changed behind the stack (values set with helm, objects changed with kubectl) shows here as drift, and an apply puts it back; name it in `lifecycle.ignoreChanges` to leave it',
      ),
  }),
)
