/**
 * infra killed at drawn moments on a real Ceph cluster, and an OSD or the monitor in its place, and a full disk: `recover`
 * settles it, and ceph and rbd say that nothing is lost or doubled. For longer: `node test/crash/run.mjs --system ceph --rounds 300`.
 */
import { shortRuns } from './short.js'
import { killedCeph } from './systems.js'

shortRuns(await killedCeph('test'), 10, [
  { reason: 'infra is killed', fault: 'infra' },
  { reason: 'an OSD is killed', fault: 'osd.0' },
  { reason: 'the monitor is killed', fault: 'mon.a' },
  { reason: 'the disk is full', fault: 'room' },
])
