/**
 * infra killed at drawn moments on a real libvirtd, and libvirtd in its place, and a full disk: `recover` settles it, and virsh
 * says that nothing is lost or doubled. For longer: `node test/crash/run.mjs --system libvirt --rounds 300`.
 */
import { shortRuns } from './short.js'
import { killedLibvirt } from './systems.js'

shortRuns(await killedLibvirt('test'), 6, [
  { reason: 'infra is killed', fault: 'infra' },
  { reason: 'libvirtd is killed', fault: 'libvirtd' },
  { reason: 'the disk is full', fault: 'room' },
])
