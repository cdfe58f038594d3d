import { Args, Flags } from '@oclif/core'
import { ClusterCommand } from '../../cli/clusters/cluster-command.js'
import { recordOf } from '../../cli/clusters/find.js'
import { lockFlags, namedFlags, nameHelp, yesFlag } from '../../cli/clusters/flags.js'
import { confirm } from '../../cli/hosts/confirm.js'
import { InfraError } from '../../model/error.js'
import { canonicalJson } from '../../model/value.js'
import { upgradeCluster } from '../../providers/vcluster/acts/upgrade.js'

export default class ClusterUpgrade extends ClusterCommand {
  static override summary = 'Bring a virtual cluster to another chart or Kubernetes version.'
  static override description =
    'Its control plane restarts. One that fails is rolled back to where it was. Write the version into its document, too: the ' +
    'next apply brings what the document says.'
  static override examples = [
    '<%= config.bin %> cluster upgrade team-a --kubernetes-version v1.36.0',
    '<%= config.bin %> cluster upgrade team-a --chart-version 0.36.1 --yes',
  ]
  static override args = { name: Args.string({ description: nameHelp, required: true }) }
  static override flags = {
    ...namedFlags,
    ...lockFlags,
    ...yesFlag,
    'chart-version': Flags.string({
      description: 'Exact version of the vCluster chart.',
      helpValue: 'VERSION',
    }),
    'kubernetes-version': Flags.string({
      description: 'Version of Kubernetes in it.',
      helpValue: 'VERSION',
    }),
  }

  async run(): Promise<void> {
    const { args, flags } = await this.parse(ClusterUpgrade)
    const wanted = {
      ...(flags['chart-version'] !== undefined && {
        chartVersion: version('--chart-version', flags['chart-version']),
      }),
      ...(flags['kubernetes-version'] !== undefined && {
        kubernetesVersion: version('--kubernetes-version', flags['kubernetes-version']),
      }),
    }
    if (Object.keys(wanted).length === 0) {
      throw new InfraError({
        kind: 'configuration',
        code: 'no-version',
        message: 'There is no version to go to',
        hint: 'Say --chart-version, --kubernetes-version, or both.',
      })
    }
    await this.withHosts(flags, { changes: true }, async context => {
      const cluster = await this.find(context, flags, args.name)
      const { address, name, identity, labels, spec } = recordOf(cluster)
      const leave = { yes: flags.yes, interactive: this.interactive, signal: this.signal }
      if (!(await confirm(`Upgrade ${name}? Its control plane restarts.`, leave))) {
        this.exitCode = 1
        return
      }
      const owner = { lineage: context.session.state?.lineage ?? '', address }
      const now = await upgradeCluster(
        cluster.host,
        { address, name, identity, labels, spec, owner, ...wanted },
        { signal: this.signal, keep: async () => undefined, progress: this.progress(flags, name) },
      )
      const changed = canonicalJson(now) !== canonicalJson(spec)
      if (changed) {
        await context.session.editState(`infra cluster upgrade ${name}`, state => {
          const record = state.resources[address]
          return record === undefined
            ? state
            : { ...state, resources: { ...state.resources, [address]: { ...record, spec: now } } }
        })
      }
      this.tell(flags, { address, name, changed, ...wanted }, () =>
        changed
          ? `${name} is upgraded. Write the version into its document, or the next apply takes it back.\n`
          : `${name} is that already.\n`,
      )
    })
  }
}

/** Fails with `no-version` for a text that is no exact version. */
function version(flag: string, text: string): string {
  if (/^v?\d+\.\d+\.\d+(-[0-9A-Za-z.-]+)?$/.test(text)) return text
  throw new InfraError({
    kind: 'configuration',
    code: 'no-version',
    message: `${flag} ${text} is no exact version`,
    hint: 'Such as 0.36.1 or v1.36.0.',
  })
}
