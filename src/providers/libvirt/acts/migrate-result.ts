/** What a move came to. */
export interface MigrateResult {
  readonly from: string
  readonly to: string
  /** Whether it went on running. */
  readonly live: boolean
  readonly state: 'running' | 'shut off'
  readonly volumes: readonly string[]
  readonly remarks: readonly string[]
  /** What of it could not be removed from where it was. */
  readonly left: readonly string[]
}
