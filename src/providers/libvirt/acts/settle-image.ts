/** Settling what was cut off as it put an image into a pool, or deleted one. */
import { InfraError } from '../../../model/error.js'
import { type Attributes, isObject } from '../../../model/value.js'
import { findPool, findVolume } from '../connection.js'
import { deleteVolume, readingOf } from '../storage.js'
import type { ActCall } from './each.js'
import { deleteImage, type PutImage, putImage } from './images.js'
import type { MachineAct } from './journaled.js'
import type { Direction, KnownAct } from './known-act.js'
import type { NamedHost } from './open.js'

interface PutAct extends MachineAct {
  readonly verb: 'image-put'
  readonly pool: string
  readonly image: PutImage
}

interface DeleteAct extends MachineAct {
  readonly verb: 'image-delete'
  readonly pool: string
  readonly path: string
}

/** Of an image, by the name of its volume; before, none was there, or the one that is to be deleted. */
export type ImageAct = PutAct | DeleteAct

/** The act of a journal's record; undefined for what this version does not know. */
export function imageAct(what: Attributes): KnownAct | undefined {
  const { pool, image, path } = what
  const whole =
    typeof pool === 'string' &&
    (what.verb === 'image-put' ? isObject(image) && typeof image.name === 'string' : typeof path === 'string')
  if (!whole) return undefined
  const act = what as unknown as ImageAct
  return {
    way: direction => imageWay(act, direction),
    // one that fails takes back what it made, and says so itself
    isOver: async () => false,
    settle: ({ host }, direction, call) =>
      act.verb === 'image-put'
        ? settlePut(act, host, direction, call)
        : settleDelete(act, host, direction, call),
  }
}

/** What settling it would do, in words. */
export function imageWay(act: ImageAct, direction: Direction): string {
  const reference = `${act.pool}:${act.name}`
  const forward = direction === 'forward'
  if (act.verb === 'image-put') {
    return forward ? `${reference} is made anew from its source.` : `${reference} is removed.`
  }
  return forward
    ? `${reference} is deleted.`
    : `${reference} stays, where it is not deleted yet: what is deleted cannot be brought back.`
}

/** Whoever uses it already took it for whole: then it is left as it is, and that is told. */
async function settlePut(act: PutAct, host: NamedHost, direction: Direction, call: ActCall): Promise<string> {
  const reference = `${act.pool}:${act.name}`
  const there = await volumeOf(act, host, call.signal)
  if (there !== undefined) {
    const reading = await readingOf(host.host, there, call.signal)
    try {
      const place = { pool: act.pool, name: act.name, path: reading?.path ?? '' }
      await host.host.usage.refuse(host.host, place, call.signal)
    } catch (error) {
      if (!(error instanceof InfraError) || error.code !== 'volume-in-use') throw error
      return `${reference} is in use, and was left as it is (${error.why}).`
    }
    await deleteVolume(host.host, there, call.signal)
  }
  if (direction === 'forward') {
    await putImage(host, act.image, call)
    return `${reference} is there.`
  }
  if ((await volumeOf(act, host, call.signal)) === undefined) return `${reference} is not there.`
  throw notGone(reference)
}

async function settleDelete(
  act: DeleteAct,
  host: NamedHost,
  direction: Direction,
  call: ActCall,
): Promise<string> {
  const { pool, name, path } = act
  const reference = `${pool}:${name}`
  if (direction === 'forward') {
    await deleteImage(host, { pool, name, path, reference }, call.signal)
    return `${reference} is not there.`
  }
  return (await volumeOf(act, host, call.signal)) === undefined
    ? `${reference} is deleted, and cannot be brought back.`
    : `${reference} is there.`
}

async function volumeOf({ pool, name }: ImageAct, { host }: NamedHost, signal: AbortSignal) {
  const found = await findPool(host, pool, signal)
  return found && findVolume(host, found, name, signal)
}

function notGone(reference: string): InfraError {
  return new InfraError({
    kind: 'storage',
    code: 'not-so',
    message: `The image ${reference} was reported as deleted and is still there`,
  })
}
