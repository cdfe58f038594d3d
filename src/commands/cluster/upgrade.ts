import { Args, Flags } from '@oclif/core'
import { yesFlag } from '../../cli/act-flags.js'
import { ClusterActCommand } from '../../cli/clusters/act-plan.js'
import { actFlags, nameHelp } from '../../cli/clusters/flags.js'
import { InfraError } from '../../model/error.js'
import { isObject } from '../../model/value.js'

export default class ClusterUpgrade extends ClusterActCommand {
  static override summary = 'Bring a virtual cluster to another chart or Kubernetes version.'
  static override description =
    'Planned, journaled and read back as an apply is. Its control plane restarts; an upgrade that fails is rolled back. Write ' +
    'the version into its document, too: the next apply brings what the document says.'
  static override examples = [
    '<%= config.bin %> cluster upgrade team-a --kubernetes-version v1.36.0',
    '<%= config.bin %> cluster upgrade team-a --chart-version 0.36.1 --yes',
  ]
  static override args = { name: Args.string({ description: nameHelp, required: true }) }
  static override flags = {
    ...actFlags,
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
    await this.act(flags, [args.name], 'Upgrade it? Its control plane restarts.', ({ spec }) => ({
      ...spec,
      ...(wanted.kubernetesVersion !== undefined && {
        kubernetesVersion: wanted.kubernetesVersion.replace(/^v?/, 'v'),
      }),
      ...(wanted.chartVersion !== undefined && {
        chart: {
          ...(isObject(spec.chart) ? spec.chart : {}),
          version: wanted.chartVersion.replace(/^v/, ''),
        },
      }),
    }))
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
