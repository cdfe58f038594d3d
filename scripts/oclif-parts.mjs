// What the commands use of oclif. Its index loads much more, and asks at every start whether Node is new enough.
export * as Args from '@oclif/core/args'
export { Command } from '@oclif/core/command'
export * as Flags from '@oclif/core/flags'
