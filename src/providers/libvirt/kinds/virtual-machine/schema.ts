/** The fields of a virtual machine. Foundry's own keep their names and meaning; sizes called GB are GiB, as Foundry has them. */
import { z } from 'zod'
import { once } from '../../../../model/once.js'
import { hostField } from '../host-field.js'
import { bootDisk, dataDisk } from './schema-disks.js'
import { networkInterface } from './schema-interfaces.js'
import { cloudInit, ignition } from './schema-provisioning.js'

const count = z.number().int('must be a whole number').positive('must be above 0')
const size = z.number().positive('must be above 0').max(1_000_000, 'is more than 1,000,000 GiB')

export const virtualMachineSchema = once(() =>
  z.strictObject({
    host: hostField(),
    title: z.string().max(200).optional().describe('A short title, shown by other tools of libvirt.'),
    description: z.string().max(4000).optional().describe('A description, kept in the domain.'),

    vcpus: count.describe('Virtual CPUs that the machine has.'),
    maxVcpus: count
      .optional()
      .describe(
        'Virtual CPUs that it can be given while it runs. Equals `vcpus` by default; then more of them need a restart.',
      ),
    memoryGiB: size.describe('Memory in GiB; fractions are rounded up to whole MiB.'),
    maxMemoryGiB: size
      .optional()
      .describe(
        'Memory in GiB up to which it can grow while it runs, by its balloon. Equals `memoryGiB` by default.',
      ),

    bootDisk: bootDisk().describe('The disk that it boots from, device `vda`.'),
    dataDisks: z.array(dataDisk()).optional().describe('Further disks, told apart by their device.'),
    networkInterfaces: z
      .array(networkInterface())
      .min(1, 'at least one network interface is needed')
      .describe('Network interfaces, at least one, in the order in which the machine sees them.'),

    cloudInit: cloudInit()
      .optional()
      .describe('Set-up of the guest by cloud-init, from a NoCloud seed ISO. Not beside `ignition`.'),
    ignition: ignition()
      .optional()
      .describe('Set-up of the guest by Ignition, given through fw_cfg. Not beside `cloudInit`.'),

    cpuMode: z
      .enum(['host-model', 'host-passthrough', 'maximum', 'custom'])
      .optional()
      .describe(
        'What the guest’s CPU looks like: like the host’s model (`host-model`, the default), exactly the host’s (`host-passthrough`), all that the emulator can (`maximum`), or `cpuModel` (`custom`).',
      ),
    cpuModel: z
      .string()
      .min(1)
      .optional()
      .describe('A CPU model that libvirt knows, such as `Haswell`. Only with `cpuMode: custom`.'),
    cpuFeatures: z
      .array(
        z.strictObject({
          name: z.string().min(1).describe('A CPU flag, such as `vmx`.'),
          policy: z
            .enum(['force', 'require', 'optional', 'disable', 'forbid'])
            .describe('Whether the guest gets it.'),
        }),
      )
      .optional()
      .describe('CPU flags beyond or short of the model’s.'),
    cpuTopology: z
      .strictObject({
        sockets: count.describe('Sockets.'),
        cores: count.describe('Cores a socket.'),
        threads: count.describe('Threads a core.'),
      })
      .optional()
      .describe('Sockets × cores × threads; their product is `maxVcpus`.'),
    numa: z
      .strictObject({
        cells: z
          .array(
            z.strictObject({
              cpus: z
                .string()
                .regex(/^\d+(-\d+)?(,\d+(-\d+)?)*$/, 'must be a set of CPUs such as 0-3,8')
                .describe('Virtual CPUs of the cell: `0-3,8`.'),
              memoryGiB: size.describe('Memory of the cell in GiB.'),
            }),
          )
          .min(1)
          .describe('The guest’s NUMA cells. Together they hold all its memory and CPUs.'),
        hostNodes: z
          .string()
          .regex(/^\d+(-\d+)?(,\d+(-\d+)?)*$/, 'must be a set of nodes such as 0-1')
          .optional()
          .describe('NUMA nodes of the host that its memory comes from: `0-1`.'),
        mode: z
          .enum(['strict', 'preferred', 'interleave'])
          .optional()
          .describe('How strictly it comes from them. `strict` by default.'),
      })
      .optional()
      .describe('NUMA cells of the guest and nodes of the host.'),

    autostart: z.boolean().optional().describe('Start it when the host starts. True by default.'),
    powerState: z
      .enum(['running', 'stopped'])
      .optional()
      .describe('Whether it should be running. `running` by default.'),
    storagePool: z
      .string()
      .min(1)
      .optional()
      .describe(
        'Storage pool of its disks and its seed. `foundry-vms` by default, which is made on first use.',
      ),
    imagePool: z
      .string()
      .min(1)
      .optional()
      .describe(
        'Storage pool that an image without a pool of its own is looked up in. `foundry-images` by default.',
      ),

    virtualization: z
      .enum(['kvm', 'qemu'])
      .optional()
      .describe('By the CPU (`kvm`, the default) or emulated (`qemu`, slow, needs nothing of the host).'),
    machine: z
      .string()
      .regex(/^[A-Za-z0-9._-]+$/, 'must be a machine type such as q35 or pc-q35-7.2')
      .optional()
      .describe('QEMU’s machine type. `q35` by default.'),
    firmware: z.enum(['uefi', 'bios']).optional().describe('`uefi` by default.'),
    firmwareLoader: z
      .string()
      .startsWith('/', 'must be an absolute path')
      .optional()
      .describe('Path of a UEFI firmware on the host, where libvirt should not choose one.'),
    secureBoot: z
      .boolean()
      .optional()
      .describe('UEFI Secure Boot with the vendor’s keys enrolled. False by default.'),
    tpm: z.boolean().optional().describe('An emulated TPM 2.0. False by default.'),
    tcgCacheMiB: count
      .optional()
      .describe(
        'Cache of translated code in MiB, for `virtualization: qemu`. QEMU’s default grows to hundreds of MiB.',
      ),

    graphics: z
      .strictObject({
        type: z.enum(['none', 'vnc', 'spice']).describe('The protocol; `none` for no display.'),
        listen: z
          .string()
          .min(1)
          .optional()
          .describe('Address of the host to listen on. `127.0.0.1` by default.'),
        port: z
          .number()
          .int()
          .min(5900)
          .max(65535)
          .optional()
          .describe('A fixed port. By default libvirt picks one.'),
        password: z.string().min(1).optional().describe('Password of the display. A secret.'),
      })
      .optional()
      .describe('A display. None by default.'),
    installIso: z
      .string()
      .min(1)
      .optional()
      .describe(
        'Installation medium for its CD-ROM drive: `POOL:VOLUME`, a volume in `imagePool`, or a path on the host.',
      ),
    bootOrder: z
      .array(z.string().min(1))
      .min(1)
      .optional()
      .describe(
        'Devices to boot from, by their names: `vda`, `cdrom`, an interface’s name. By default the boot disk, then the installation medium.',
      ),
    fwCfg: z
      .array(
        z.strictObject({
          name: z
            .string()
            .regex(/^opt\/[\x21-\x7e]{1,51}$/, 'must begin with opt/ and have at most 55 characters')
            .describe('Its name: `opt/…`.'),
          value: z.string().optional().describe('Its content as text.'),
          file: z
            .string()
            .startsWith('/', 'must be an absolute path')
            .optional()
            .describe('A file of the host that holds its content.'),
        }),
      )
      .optional()
      .describe('Entries of QEMU’s fw_cfg device, read by the guest’s firmware or its set-up.'),
    shares: z
      .array(
        z.strictObject({
          tag: z
            .string()
            .regex(/^[A-Za-z0-9._-]{1,36}$/, 'must be 1 to 36 letters, digits, dots, dashes or underscores')
            .describe('Name that the guest mounts it by: `mount -t virtiofs TAG /mnt`.'),
          source: z.string().startsWith('/', 'must be an absolute path').describe('Folder of the host.'),
        }),
      )
      .optional()
      .describe('Folders of the host that are shared with the guest by virtiofs.'),
    serialLog: z
      .union([z.boolean(), z.string().startsWith('/', 'must be an absolute path')])
      .optional()
      .describe(
        'Keep what the serial console says in a file of the host: true (the default) beside its disks, or a path.',
      ),

    readiness: z
      .strictObject({
        until: z
          .enum(['running', 'agent', 'tcp', 'cloudInit'])
          .describe('It runs; its guest agent answers; a TCP port is open; cloud-init has finished.'),
        port: z.number().int().min(1).max(65535).optional().describe('The TCP port for `until: tcp`.'),
        address: z.string().min(1).optional().describe('The address for `until: tcp`, if not its first one.'),
        timeoutSeconds: count.optional().describe('How long to wait for it. 300 by default.'),
      })
      .optional()
      .describe('When the machine counts as made; what depends on it waits for this. `running` by default.'),
    updatePolicy: z
      .strictObject({
        restart: z
          .enum(['never', 'allowed'])
          .describe(
            'Whether an apply may restart it for a change that needs it; else the change is stored and waits.',
          ),
      })
      .optional()
      .describe('How changes reach the running machine. Nothing restarts it by default.'),
    shutdownTimeoutSeconds: count
      .optional()
      .describe(
        'How long the guest gets to shut down before it is switched off. By default 60 on a stop or restart, 5 on a delete.',
      ),
  }),
)
