// biome-ignore-all lint/suspicious/noTemplateCurlyInString: fields of dpkg
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { outputInGuest } from '../../../../src/providers/libvirt/acts/exec.js'
import { listSnapshots } from '../../../../src/providers/libvirt/acts/snapshots.js'
import { upgradeMachine } from '../../../../src/providers/libvirt/acts/upgrade.js'
import { libvirtLab } from '../../../lab/libvirt.js'
import { create, thing } from '../harness.js'
import { type ActWorld, actCall, actWorld, signal } from './world.js'

/** A whole cycle on a real Debian: a local repository with a package that needs a restart, then one that breaks. */
const lab = await libvirtLab({ own: 46 })

/** Makes version $1 of a package in /srv/repo; $2 is what its set-up runs. The repository is the only one. */
const publish = `set -e
d=$(mktemp -d); mkdir -p $d/DEBIAN /srv/repo
printf 'Package: acts-sample\\nVersion: %s\\nArchitecture: all\\nMaintainer: nobody <nobody@example.org>\\nDescription: a sample\\n' "$1" >$d/DEBIAN/control
printf '#!/bin/sh\\n%s\\n' "$2" >$d/DEBIAN/postinst; chmod 755 $d/DEBIAN/postinst
dpkg-deb --build $d /srv/repo/acts-sample.deb >/dev/null
cd /srv/repo
{ dpkg-deb -f acts-sample.deb; echo "Filename: ./acts-sample.deb"; echo "Size: $(stat -c %s acts-sample.deb)"; echo "SHA256: $(sha256sum acts-sample.deb | cut -d' ' -f1)"; echo; } >Packages
rm -rf /etc/apt/sources.list /etc/apt/sources.list.d/*
echo 'deb [trusted=yes] file:/srv/repo ./' >/etc/apt/sources.list
rm -rf /var/lib/apt/lists/*; mkdir -p /var/lib/apt/lists/partial`

describe.skipIf('skip' in lab)(`upgrades of a Debian guest${'skip' in lab ? `: ${lab.skip}` : ''}`, () => {
  if ('skip' in lab) return
  let world: ActWorld
  const name = 'acts-debian'
  const run = async (...command: [string, ...string[]]) => {
    const done = await outputInGuest(await world.machine(name), { command }, signal)
    expect(done).toMatchObject({ status: 0 })
    return done.output
  }
  const version = () => run('dpkg-query', '-W', '-f', '${Version} ${Status}', 'acts-sample')
  const boot = () => run('cat', '/proc/sys/kernel/random/boot_id')

  beforeAll(async () => {
    world = await actWorld(lab)
    const source = { path: `${await lab.guest('debian')}/debian.qcow2` }
    await create(world.provider, thing({ kind: 'Image', name: 'debian', spec: { pool: 'images', source } }))
    const spec = {
      vcpus: 2,
      memoryGiB: 0.625,
      bootDisk: { sizeGB: 2, image: 'debian.qcow2' },
      dataDisks: [],
      readiness: { until: 'agent', timeoutSeconds: 900 },
    }
    await create(world.provider, world.define(name, spec))
    await run('sh', '-c', publish, 'sh', '1', 'exit 0')
    await run('sh', '-c', 'apt-get -q update && apt-get -q -y install acts-sample')
  }, 1_500_000)
  afterAll(async () => {
    await world?.close()
    await lab.clean()
  })

  test('a package that asks for a restart is upgraded, and the guest comes up again', {
    timeout: 1_500_000,
  }, async () => {
    await run('sh', '-c', publish, 'sh', '2', 'touch /run/reboot-required')
    const before = await boot()
    const said: string[] = []
    const done = await upgradeMachine(
      await world.machine(name),
      { output: text => void said.push(text) },
      actCall(),
    )
    expect(done).toEqual({ by: 'apt-get', changed: ['acts-sample 1 → 2'], rebooted: true })
    expect(said.join('')).toContain('Setting up acts-sample (2)')
    expect(await version()).toBe('2 install ok installed')
    expect(await boot()).not.toBe(before)
    expect(await listSnapshots(await world.machine(name), signal)).toEqual([])
  })

  test('a package that breaks is as if it had never been', { timeout: 1_500_000 }, async () => {
    await run('sh', '-c', publish, 'sh', '3', 'echo it cannot be set up >&2; exit 1')
    const upgrade = upgradeMachine(await world.machine(name), {}, actCall())
    await expect(upgrade).rejects.toMatchObject({
      code: 'upgrade-failed',
      why: expect.stringContaining('acts-sample'),
      hint: 'The machine is as it was before.',
    })
    expect(await version()).toBe('2 install ok installed')
    expect(await listSnapshots(await world.machine(name), signal)).toEqual([])
  })
})
