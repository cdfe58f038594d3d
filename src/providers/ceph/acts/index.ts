/** What can be asked of a cluster and done to it outside a stack. Every act returns data. */
export { changeSize, cloneSnapshot } from './change.js'
export { openForActs } from './open.js'
export { poolView, poolViews } from './pools.js'
export { planRollback, type RollbackPlan, rollbackId, rollbackVolume } from './rollback.js'
export { snapshotVolume } from './snapshot.js'
export { type ClusterStatus, clusterStatus } from './status.js'
export {
  type VolumeView,
  volumeDetails,
  volumeViews,
} from './volumes.js'
