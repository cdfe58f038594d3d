/** The machine itself: memory, CPUs, firmware, features, clock. */
import type { Attributes } from '../../../model/value.js'
import { memoryKib } from '../kinds/units.js'
import { fields, list, number, objects, text } from '../kinds/values.js'
import type { DomainInput } from './domain-input.js'
import { element, textElement, type XmlElement } from './tree.js'

type Elements = (XmlElement | undefined)[]

export function memoryElements(spec: Attributes): Elements {
  const memory = memoryKib(number(spec.memoryGiB) ?? 0)
  const maximum = memoryKib(number(spec.maxMemoryGiB) ?? 0)
  return [
    textElement('memory', Math.max(memory, maximum), { unit: 'KiB' }),
    textElement('currentMemory', memory, { unit: 'KiB' }),
    objects(spec.shares).length > 0
      ? element(
          'memoryBacking',
          {},
          element('source', { type: 'memfd' }),
          element('access', { mode: 'shared' }),
        )
      : undefined,
  ]
}

export function cpuElements(spec: Attributes): Elements {
  const vcpus = number(spec.vcpus) ?? 1
  const maximum = Math.max(vcpus, number(spec.maxVcpus) ?? vcpus)
  const numa = fields(spec.numa)
  const hostNodes = text(numa.hostNodes)
  return [
    textElement('vcpu', maximum, { placement: 'static', current: vcpus === maximum ? undefined : vcpus }),
    hostNodes === undefined
      ? undefined
      : element('numatune', {}, element('memory', { mode: text(numa.mode) ?? 'strict', nodeset: hostNodes })),
    cpuElement(spec, numa),
  ]
}

function cpuElement(spec: Attributes, numa: Attributes): XmlElement {
  const mode = text(spec.cpuMode) ?? 'host-model'
  const topology = fields(spec.cpuTopology)
  const cells = objects(numa.cells)
  return element(
    'cpu',
    {
      mode,
      match: mode === 'custom' ? 'exact' : undefined,
      check: mode === 'custom' || mode === 'host-model' ? 'partial' : 'none',
    },
    mode === 'custom' ? textElement('model', text(spec.cpuModel), { fallback: 'forbid' }) : undefined,
    spec.cpuTopology === undefined
      ? undefined
      : element('topology', {
          sockets: number(topology.sockets),
          dies: 1,
          cores: number(topology.cores),
          threads: number(topology.threads),
        }),
    objects(spec.cpuFeatures).map(({ item }) =>
      element('feature', { policy: text(item.policy), name: text(item.name) }),
    ),
    cells.length === 0
      ? undefined
      : element(
          'numa',
          {},
          cells.map(({ item, index }) =>
            element('cell', {
              id: index,
              cpus: text(item.cpus),
              memory: memoryKib(number(item.memoryGiB) ?? 0),
              unit: 'KiB',
            }),
          ),
        ),
  )
}

/** The firmware is chosen by libvirt from what the host has installed, unless a path is given. */
export function osElement(input: DomainInput): XmlElement {
  const { spec } = input
  const uefi = spec.firmware !== 'bios'
  const secure = spec.secureBoot === true
  const loader = text(spec.firmwareLoader)
  const chosen = uefi && loader === undefined
  const wanted = secure ? 'yes' : 'no'
  return element(
    'os',
    { firmware: chosen ? 'efi' : undefined },
    textElement('type', 'hvm', { arch: input.arch ?? 'x86_64', machine: text(spec.machine) ?? 'q35' }),
    chosen
      ? element(
          'firmware',
          {},
          element('feature', { enabled: wanted, name: 'enrolled-keys' }),
          element('feature', { enabled: wanted, name: 'secure-boot' }),
        )
      : undefined,
    uefi && loader !== undefined
      ? textElement('loader', loader, { readonly: 'yes', secure: secure ? 'yes' : undefined, type: 'pflash' })
      : undefined,
  )
}

export function featureElements(spec: Attributes): Elements {
  const cache = number(spec.tcgCacheMiB)
  return [
    element(
      'features',
      {},
      element('acpi'),
      element('apic'),
      spec.secureBoot === true ? element('smm', { state: 'on' }) : undefined,
      cache === undefined ? undefined : element('tcg', {}, textElement('tb-cache', cache, { unit: 'MiB' })),
    ),
    element(
      'clock',
      { offset: 'utc' },
      element('timer', { name: 'rtc', tickpolicy: 'catchup' }),
      element('timer', { name: 'pit', tickpolicy: 'delay' }),
      element('timer', { name: 'hpet', present: 'no' }),
    ),
    textElement('on_poweroff', 'destroy'),
    textElement('on_reboot', 'restart'),
    textElement('on_crash', 'destroy'),
    element(
      'pm',
      {},
      element('suspend-to-mem', { enabled: 'no' }),
      element('suspend-to-disk', { enabled: 'no' }),
    ),
  ]
}

/** Entries of fw_cfg, the Ignition configuration among them. */
export function fwCfgElement(input: DomainInput): XmlElement | undefined {
  const entries = objects(input.spec.fwCfg).map(({ item }) => {
    const file = text(item.file)
    const name = text(item.name)
    return file === undefined
      ? element('entry', { name }, text(item.value) ?? '')
      : element('entry', { name, file })
  })
  const ignition =
    input.ignitionPath === undefined
      ? []
      : [element('entry', { name: ignitionEntry, file: input.ignitionPath })]
  const all = [...entries, ...ignition]
  return all.length === 0 ? undefined : element('sysinfo', { type: 'fwcfg' }, all)
}

/** Where Ignition looks for its configuration under QEMU. */
export const ignitionEntry = 'opt/com.coreos/config'

/** The devices to boot from, first ones first. */
export function bootOrder(spec: Attributes): readonly string[] {
  const declared = list(spec.bootOrder).filter(name => typeof name === 'string')
  if (declared.length > 0) return declared
  return spec.installIso === undefined ? ['vda'] : ['vda', 'cdrom']
}
