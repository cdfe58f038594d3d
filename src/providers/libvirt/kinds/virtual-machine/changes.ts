/** How a change of each field is met on a real machine, as measured on libvirt 9. The first rule that matches wins. */
import type { Json } from '../../../../model/value.js'
import type { ChangeRule, Hazard } from '../../../kind.js'
import { fields, grows, shrinks } from '../values.js'

function live(path: string, more: Partial<ChangeRule> = {}): ChangeRule {
  return { path, how: 'live', ...more }
}

function restart(path: string, why: string, more: Partial<ChangeRule> = {}): ChangeRule {
  return { path, how: 'restart', why, hazards: ['restarts-vm'], ...more }
}

function replace(path: string, why: string): ChangeRule {
  return { path, how: 'replace', why, hazards: ['stops-vm', 'deletes-data'] }
}

const owned = {
  text: 'the disk is the machine’s own (`sizeGB`)',
  holds: (from: Json | undefined): boolean => fields(from).sizeGB !== undefined,
}

const shrink: Partial<ChangeRule> = {
  when: shrinks,
  how: 'refuse',
  why: 'libvirt would cut the disk off below the guest without a warning',
  hint: 'Keep the size, or ask for a new machine with `--replace`, which deletes its data.',
}

const losesData: readonly Hazard[] = ['detaches-disk', 'deletes-data']
const bootOnly = 'the guest reads its set-up when it boots'
const hardware = 'the emulated hardware is fixed while the machine runs'

export const machineChanges: readonly ChangeRule[] = [
  live('vcpus', { when: grows }),
  restart('vcpus', 'a running guest seldom gives CPUs back'),
  restart('maxVcpus', hardware),
  live('memoryGiB', { why: 'by the balloon, with the guest’s help' }),
  restart('maxMemoryGiB', hardware),

  live('bootDisk.sizeGB', { when: grows }),
  { path: 'bootDisk.sizeGB', ...shrink, how: 'refuse' },
  replace('bootDisk.image', 'its disk begins with the image'),
  replace('bootDisk.empty', 'its disk begins with the image'),
  replace('bootDisk.format', 'the disk would have to be made anew'),
  live('bootDisk.limits'),
  restart('bootDisk', hardware),

  live('dataDisks[].sizeGB', { op: 'change', when: grows }),
  { path: 'dataDisks[].sizeGB', op: 'change', ...shrink, how: 'refuse' },
  live('dataDisks[].sizeGB', { op: 'remove', why: 'another disk is attached instead', hazards: losesData }),
  live('dataDisks[].sizeGB', {
    op: 'add',
    why: 'a new disk is attached instead',
    hazards: ['detaches-disk'],
  }),
  live('dataDisks[].volume', { why: 'another disk is attached instead', hazards: ['detaches-disk'] }),
  live('dataDisks[].source', { why: 'another disk is attached instead', hazards: ['detaches-disk'] }),
  {
    path: 'dataDisks[].format',
    op: 'change',
    how: 'refuse',
    why: 'the disk would have to be made anew',
    hint: 'Add a disk with the other format, copy what is on the old one, then remove that.',
  },
  live('dataDisks[].format', { why: 'it follows from where the disk comes from' }),
  live('dataDisks[].limits'),
  restart('dataDisks[].cache', hardware),
  restart('dataDisks[].serial', hardware),
  restart('dataDisks[].readOnly', hardware),
  live('dataDisks[]', { op: 'add' }),
  live('dataDisks[]', {
    op: 'remove',
    when: owned,
    why: 'at once if the guest lets go of it, else when it restarts',
    hazards: losesData,
  }),
  live('dataDisks[]', {
    op: 'remove',
    why: 'at once if the guest lets go of it, else when it restarts',
    hazards: ['detaches-disk'],
  }),
  live('dataDisks'),

  live('networkInterfaces[].bridge', { op: 'change', hazards: ['interrupts-service'] }),
  live('networkInterfaces[].network', { op: 'change', hazards: ['interrupts-service'] }),
  restart('networkInterfaces[].bridge', hardware),
  restart('networkInterfaces[].network', hardware),
  restart('networkInterfaces[].ethernet', hardware),
  live('networkInterfaces[].link', { hazards: ['interrupts-service'] }),
  live('networkInterfaces[].filter'),
  live('networkInterfaces[].bandwidth'),
  restart('networkInterfaces[].mac', hardware),
  restart('networkInterfaces[].tap', hardware),
  restart('networkInterfaces[].model', hardware),
  restart('networkInterfaces[].mtu', hardware),
  restart('networkInterfaces[].vlan', hardware),
  live('networkInterfaces[]', { op: 'add', why: 'the guest configures it at its next boot' }),
  live('networkInterfaces[]', {
    op: 'remove',
    why: 'at once if the guest lets go of it, else when it restarts',
    hazards: ['detaches-interface'],
  }),
  restart('networkInterfaces', bootOnly),

  restart('cloudInit', `${bootOnly}; a changed seed makes cloud-init run its first-boot steps again`),
  replace('ignition', 'Ignition runs once, on the first boot'),

  live('autostart'),
  live('title'),
  live('description'),
  live('readiness'),
  live('updatePolicy'),
  live('shutdownTimeoutSeconds'),
  live('powerState', {
    when: { text: 'it is to be stopped', holds: (_, to) => to === 'stopped' },
    hazards: ['stops-vm'],
  }),
  live('powerState'),

  restart('cpuMode', hardware),
  restart('cpuModel', hardware),
  restart('cpuFeatures', hardware),
  restart('cpuTopology', hardware),
  restart('numa', hardware),
  restart('virtualization', hardware),
  restart('machine', hardware),
  restart('firmware', 'a guest that was installed under one firmware may not boot under the other'),
  restart('firmwareLoader', hardware),
  restart('secureBoot', `${hardware}; its UEFI variables begin anew`),
  restart('tpm', hardware, {
    when: { text: 'it is removed', holds: (_, to) => to === false },
    hazards: ['restarts-vm', 'deletes-data'],
  }),
  restart('tpm', hardware),
  restart('tcgCacheMiB', hardware),
  live('graphics.password'),
  restart('graphics', hardware),
  live('installIso', { op: 'change', why: 'the medium in its drive is changed' }),
  restart('installIso', 'a CD-ROM drive cannot be plugged into a running machine'),
  restart('bootOrder', hardware),
  restart('fwCfg', hardware),
  restart('shares', 'the memory of the machine has to be shared from the start'),
  restart('serialLog', hardware),

  live('imagePool', { why: 'the image itself is what counts' }),
  replace('storagePool', 'its disks are in the pool'),
  replace('host', 'it would be made anew on the other host; `infra vm migrate` moves it'),
]
