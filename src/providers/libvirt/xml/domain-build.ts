/** The whole XML of a domain, as Foundry drew it and beyond. */
import { text } from '../kinds/values.js'
import { devicesElement } from './domain-devices.js'
import type { DomainInput } from './domain-input.js'
import { cpuElements, featureElements, fwCfgElement, memoryElements, osElement } from './domain-platform.js'
import { metadataElement } from './metadata.js'
import { element, textElement, type XmlElement } from './tree.js'

/** The whole domain that is defined for a new machine. */
export function buildDomain(input: DomainInput): XmlElement {
  const { spec } = input
  return element(
    'domain',
    { type: text(spec.virtualization) ?? 'kvm' },
    textElement('name', input.name),
    textElement('uuid', input.uuid),
    textElement('title', text(spec.title)),
    textElement('description', text(spec.description)),
    input.metadata === undefined ? undefined : element('metadata', {}, metadataElement(input.metadata)),
    memoryElements(spec),
    cpuElements(spec),
    fwCfgElement(input),
    osElement(input),
    featureElements(spec),
    devicesElement(input),
  )
}
