/** What can be asked of a cluster and done to it outside a stack. Every act returns data. */
export { changeSize, cloneSnapshot } from './change.js'
export { openForActs } from './open.js'
export { type PoolView, poolView, poolViews } from './pools.js'
export { planRollback, type RollbackPlan, rollbackId, rollbackToken, rollbackVolume } from './rollback.js'
export { durationOf, type Retention, type SnapshotTaken, snapshotVolume } from './snapshot.js'
export { type ClusterStatus, clusterStatus } from './status.js'
export {
  type SnapshotView,
  type VolumeDetails,
  type VolumeView,
  volumeDetails,
  volumeViews,
} from './volumes.js'
