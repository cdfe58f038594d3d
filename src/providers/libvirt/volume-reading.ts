/** A volume as it was read. */
import { orAbsent } from './connection.js'
import type { Volume } from './rpc/types.js'
import type { VolumeReading } from './xml/domain-observe.js'
import { parseXml } from './xml/parse.js'
import { notRead, readVolume } from './xml/volume.js'

/** libvirt lists a volume until the next refresh, although its file is gone; asked for details it says so. */
export function gone<T>(promise: Promise<T>): Promise<T | undefined> {
  return orAbsent(promise, 'NO_STORAGE_VOL')
}

/** A volume as read, with the pool that libvirt found it in. */
export interface StoredVolume extends VolumeReading {
  readonly key: string
  readonly backingFormat: string | undefined
}

/** What a volume’s XML tells of it; sizes in bytes. A volume that was not looked up has no key yet, and gets that of its XML. */
export function volumeReading(volume: Volume, xml: string): StoredVolume {
  const { pool, name, key } = volume
  const reading = readVolume(parseXml(xml, notRead))
  // not a literal that spreads and overwrites: see `present`
  return Object.assign(reading, { pool, name, key: key === '' ? (reading.key ?? reading.path) : key })
}
