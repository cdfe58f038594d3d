/** Addresses of objects in the Kubernetes API. Every name is encoded: it comes from a stack. */
const enc = encodeURIComponent

const inNamespace = (group: string, namespace: string, plural: string, name?: string) =>
  `${group}/namespaces/${enc(namespace)}/${plural}${name === undefined ? '' : `/${enc(name)}`}`
const core = (plural: string) => (namespace: string, name?: string) =>
  inNamespace('/api/v1', namespace, plural, name)
const apps = (plural: string) => (namespace: string, name?: string) =>
  inNamespace('/apis/apps/v1', namespace, plural, name)

export const paths = {
  namespaces: '/api/v1/namespaces',
  namespace: (name: string) => `/api/v1/namespaces/${enc(name)}`,
  pods: core('pods'),
  secrets: core('secrets'),
  services: core('services'),
  configMaps: core('configmaps'),
  claims: core('persistentvolumeclaims'),
  events: core('events'),
  statefulSets: apps('statefulsets'),
  deployments: apps('deployments'),
  volumes: '/api/v1/persistentvolumes',
  volume: (name: string) => `/api/v1/persistentvolumes/${enc(name)}`,
  nodes: '/api/v1/nodes',
  storageClass: (name: string) => `/apis/storage.k8s.io/v1/storageclasses/${enc(name)}`,
  access: '/apis/authorization.k8s.io/v1/selfsubjectaccessreviews',
  all: {
    pods: '/api/v1/pods',
    secrets: '/api/v1/secrets',
    services: '/api/v1/services',
    claims: '/api/v1/persistentvolumeclaims',
    statefulSets: '/apis/apps/v1/statefulsets',
    deployments: '/apis/apps/v1/deployments',
  },
} as const
