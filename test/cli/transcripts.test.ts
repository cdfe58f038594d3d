import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { beforeAll, describe, expect, it } from 'vitest'
import { formatTranscript, parseTranscript, replay } from './transcript.js'

const folder = fileURLToPath(new URL('.', import.meta.url))
const names = readdirSync(folder).filter(name => name.endsWith('.txt'))

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
