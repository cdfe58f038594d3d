/** The disks of a virtual machine. */
import { z } from 'zod'
import { once } from '../../../../model/once.js'
import { cephAccess } from '../ceph-access.js'

const size = z.number().positive('must be above 0').max(1_000_000, 'is more than 1,000,000 GiB')
const rate = z.number().int().positive('must be above 0').optional()

const limits = once(() =>
  z.strictObject({
    totalIops: rate.describe('Reads and writes a second.'),
    readIops: rate.describe('Reads a second.'),
    writeIops: rate.describe('Writes a second.'),
    totalBytesPerSecond: rate.describe('Bytes read and written a second.'),
    readBytesPerSecond: rate.describe('Bytes read a second.'),
    writeBytesPerSecond: rate.describe('Bytes written a second.'),
  }),
)

const cache = z.enum(['none', 'writeback', 'writethrough', 'directsync', 'unsafe'])
const serial = z.string().regex(/^[A-Za-z0-9_.+-]{1,20}$/, 'must be 1 to 20 letters, digits or any of _.+-')

export const bootDisk = once(() =>
  z.strictObject({
    sizeGB: size.describe('Size in GiB. It grows in place and never shrinks.'),
    image: z
      .string()
      .min(1)
      .optional()
      .describe(
        'The image it starts from: `volume.qcow2` in `imagePool`, `POOL:VOLUME`, or the path of a file (discouraged). This or `empty`.',
      ),
    imagePool: z
      .string()
      .min(1)
      .optional()
      .describe(
        'Storage pool of this image, where it says none itself. The machine’s `imagePool` by default.',
      ),
    format: z
      .enum(['qcow2', 'raw'])
      .optional()
      .describe(
        'Format of the disk. `qcow2` by default; `raw` only with `empty`, as it cannot read through to an image.',
      ),
    empty: z.boolean().optional().describe('True: an empty disk, to be installed on. This or `image`.'),
    cache: cache.optional().describe('QEMU’s cache mode. `none` by default.'),
    serial: serial.optional().describe('Serial number that the guest sees.'),
    limits: limits().optional().describe('Limits of its speed.'),
  }),
)

export const dataDisk = once(() =>
  z.strictObject({
    device: z
      .string()
      .regex(/^vd([b-z]|[a-y][a-z])$/, 'must be vdb, vdc, … (vda is the boot disk)')
      .describe('Its device in the guest: `vdb`, `vdc`, ….'),
    sizeGB: size
      .optional()
      .describe(
        'Size in GiB of a volume of its own, made and deleted with the machine. It grows in place and never shrinks.',
      ),
    volume: z
      .string()
      .min(1)
      .optional()
      .describe(
        'Instead of a size: an existing volume, `VOLUME` in `storagePool` or `POOL:VOLUME`, which outlives the machine.',
      ),
    source: z
      .strictObject({
        rbd: z
          .strictObject({
            pool: z.string().min(1).describe('Ceph pool.'),
            namespace: z.string().min(1).optional().describe('RADOS namespace.'),
            image: z.string().min(1).describe('RBD image.'),
            ...cephAccess,
          })
          .describe('An RBD image of a Ceph cluster. The attribute `disk` of a RbdImage tells all of it.'),
      })
      .optional()
      .describe('Instead of a size: a disk that another system serves.'),
    format: z
      .enum(['qcow2', 'raw'])
      .optional()
      .describe('Format of a volume of its own. `qcow2` by default.'),
    cache: cache.optional().describe('QEMU’s cache mode. QEMU’s own default where absent.'),
    serial: serial.optional().describe('Serial number that the guest sees.'),
    readOnly: z.boolean().optional().describe('The guest cannot write to it. False by default.'),
    limits: limits().optional().describe('Limits of its speed.'),
  }),
)
