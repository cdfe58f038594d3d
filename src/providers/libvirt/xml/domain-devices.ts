/** What else is in a domain: ports, console, guest agent, display, TPM, shares. */
import type { Attributes } from '../../../model/value.js'
import { fields, number, objects, text } from '../kinds/values.js'
import { diskElements } from './domain-disks.js'
import type { DomainInput } from './domain-input.js'
import { interfaceElements } from './domain-interfaces.js'
import { element, textElement, type XmlElement } from './tree.js'

/** PCIe ports beyond those in use, so that disks and interfaces can be plugged into a running machine. */
const sparePorts = 8
/** Ports that the fixed devices take: console channel, balloon, random numbers. */
const fixedPorts = 3

export function devicesElement(input: DomainInput): XmlElement {
  const { spec } = input
  const disks = diskElements(input)
  const interfaces = interfaceElements(input)
  const graphics = graphicsElements(fields(spec.graphics))
  const scsi = fields(spec.cloudInit).bus === 'scsi' && spec.cloudInit !== undefined
  const used =
    disks.length +
    interfaces.length +
    objects(spec.shares).length +
    (graphics.length > 0 ? 2 : 0) +
    (scsi ? 1 : 0)
  return element(
    'devices',
    {},
    disks,
    portElements(text(spec.machine) ?? 'q35', used + fixedPorts + sparePorts),
    graphics.length > 0
      ? element('controller', { type: 'usb', index: 0, model: 'qemu-xhci' })
      : element('controller', { type: 'usb', index: 0, model: 'none' }),
    scsi ? element('controller', { type: 'scsi', index: 0, model: 'virtio-scsi' }) : undefined,
    shareElements(spec),
    interfaces,
    consoleElements(input),
    element(
      'channel',
      { type: 'unix' },
      element('target', { type: 'virtio', name: 'org.qemu.guest_agent.0' }),
    ),
    spec.tpm === true
      ? element('tpm', { model: 'tpm-crb' }, element('backend', { type: 'emulator', version: '2.0' }))
      : undefined,
    graphics,
    element('memballoon', { model: 'virtio' }, element('stats', { period: 10 })),
    element('rng', { model: 'virtio' }, textElement('backend', '/dev/urandom', { model: 'random' })),
  )
}

/** Only PCIe machines have root ports; on the old `pc` every slot takes a device as it is. */
function portElements(machine: string, count: number): XmlElement[] {
  if (!machine.includes('q35')) return []
  return Array.from({ length: count + 1 }, (_, index) =>
    element('controller', { type: 'pci', index, model: index === 0 ? 'pcie-root' : 'pcie-root-port' }),
  )
}

/** A pty with what it says kept in a file: the console stream itself remembers nothing. */
function consoleElements(input: DomainInput): XmlElement[] {
  const log = input.serialLogPath
  return [
    element(
      'serial',
      { type: 'pty' },
      log === undefined ? undefined : element('log', { file: log, append: 'on' }),
      element('target', { type: 'isa-serial', port: 0 }),
    ),
    element('console', { type: 'pty' }, element('target', { type: 'serial', port: 0 })),
  ]
}

function graphicsElements(graphics: Attributes): XmlElement[] {
  const type = text(graphics.type)
  if (type === undefined || type === 'none') return []
  const port = number(graphics.port)
  const listen = text(graphics.listen) ?? '127.0.0.1'
  return [
    element(
      'graphics',
      {
        type,
        port: port ?? -1,
        autoport: port === undefined ? 'yes' : 'no',
        listen,
        passwd: text(graphics.password),
      },
      element('listen', { type: 'address', address: listen }),
    ),
    element('video', {}, element('model', { type: 'vga' })),
    element('input', { type: 'tablet', bus: 'usb' }),
  ]
}

function shareElements(spec: Attributes): XmlElement[] {
  return objects(spec.shares).map(({ item }) =>
    element(
      'filesystem',
      { type: 'mount', accessmode: 'passthrough' },
      element('driver', { type: 'virtiofs' }),
      element('source', { dir: text(item.source) }),
      element('target', { dir: text(item.tag) }),
    ),
  )
}
