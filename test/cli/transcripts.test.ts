import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { beforeAll, describe, expect, it } from 'vitest'
import { formatTranscript, parseTranscript, replay } from './transcript.js'

const folder = fileURLToPath(new URL('.', import.meta.url))

/**
 * What a run of `./check` on another Node replays (vitest.config.ts says what it rests on): in these, processes live, wait, are
 * killed and end with a code, and sockets fail. The others show what commands say, which the first version has shown.
 */
const ofProcesses = [
  'cluster',
  'crash',
  'drift-watch',
  'exit-codes',
  'failure',
  'interrupted',
  'lock',
  'spine',
]
const replayed =
  process.env.INFRA_CHECK_LEAVES_OUT === 'another Node'
    ? new RegExp(`^(${ofProcesses.join('|')})\\.txt$`)
    : /\.txt$/
const names = readdirSync(folder).filter(name => replayed.test(name))

describe.concurrent('transcripts', () => {
  beforeAll(() => {
    const built = existsSync(new URL('../../dist/cli/main.js', import.meta.url))
    if (!built) throw new Error('transcripts run what is built: npm run build')
  })

  it.each(names)('%s', async name => {
    const text = readFileSync(folder + name, 'utf8')
    const now = formatTranscript(await replay(parseTranscript(text)))
    if (process.env.UPDATE_TRANSCRIPTS) writeFileSync(folder + name, now)
    else expect(now).toBe(text)
  })
})
