// What is used of Kubernetes' client: see bundle.mjs. All of it is twenty megabytes.
export { KubeConfig } from '@kubernetes/client-node/dist/config.js'
export { Exec } from '@kubernetes/client-node/dist/exec.js'
export { PortForward } from '@kubernetes/client-node/dist/portforward.js'
