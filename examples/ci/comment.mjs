#!/usr/bin/env node
// comment.mjs post FILE   posts a plan as the one comment of this pull or merge request, or brings it up to date
// comment.mjs digest      prints the digest of the plan that was reviewed on the request that this commit merged
//
// Knows GitHub and GitLab by the variables that their jobs have. Needs Node 20 and nothing else. Tokens: GITHUB_TOKEN with
// `pull-requests: write`, or INFRA_COMMENT_TOKEN, a project's access token with scope `api`, on GitLab.
import { readFile } from 'node:fs/promises'

/** The line that `infra plan --format markdown` begins with. */
const mark = /^<!-- infra plan [\w.]* -->\r?\n/
const command = /^infra apply --digest ([0-9a-f]{64})(?: |$)/gm

const [verb, file] = process.argv.slice(2)
const platform = process.env.GITHUB_ACTIONS ? github(process.env) : process.env.GITLAB_CI ? gitlab(process.env) : undefined

try {
  if (!platform) throw new Error('neither GitHub nor GitLab runs this job')
  if (verb === 'post' && file) await post(platform, await readFile(file, 'utf8'))
  else if (verb === 'digest') console.log(await digest(platform))
  else throw new Error('usage: comment.mjs post FILE | comment.mjs digest')
} catch (error) {
  console.error(`comment.mjs: ${error.message}`)
  process.exitCode = 1
}

async function post({ request, list, create, update }, text) {
  const first = text.match(mark)?.[0]
  if (!first) throw new Error('the file is no plan: its first line is not the mark of one')
  const number = await request()
  const own = (await list(number)).find(comment => comment.text.startsWith(first.trim()))
  if (own) await update(number, own.id, text)
  else await create(number, text)
  console.log(own ? `Comment ${own.id} is up to date.` : 'Commented.')
}

async function digest({ merged, list }) {
  const number = await merged()
  if (number === undefined) throw new Error('this commit merged no request: apply by hand, with a digest that somebody read')
  const plans = (await list(number)).filter(comment => mark.test(comment.text))
  const found = new Set(plans.flatMap(comment => [...comment.text.matchAll(command)].map(match => match[1])))
  if (found.size !== 1) throw new Error(`request ${number} has ${found.size} reviewed plans, not one`)
  return [...found][0]
}

/** Comments of others never count: `list` gives only those of the pipeline's own user. */
function github(env) {
  const base = `${env.GITHUB_API_URL ?? 'https://api.github.com'}/repos/${env.GITHUB_REPOSITORY}`
  const headers = { authorization: `Bearer ${env.GITHUB_TOKEN}`, accept: 'application/vnd.github+json' }
  const call = (method, path, body) => fetched(method, base + path, headers, body)
  return {
    async request() {
      const event = JSON.parse(await readFile(env.GITHUB_EVENT_PATH, 'utf8'))
      const number = event.pull_request?.number
      if (!number) throw new Error('this job runs for no pull request')
      return number
    },
    async merged() {
      const requests = await call('GET', `/commits/${env.GITHUB_SHA}/pulls`)
      return requests.find(one => one.merged_at && one.merge_commit_sha === env.GITHUB_SHA)?.number
    },
    async list(number) {
      const comments = await pages(page => call('GET', `/issues/${number}/comments?per_page=100&page=${page}`))
      return comments
        .filter(one => one.user?.login === 'github-actions[bot]' && one.user.type === 'Bot')
        .map(one => ({ id: one.id, text: one.body ?? '' }))
    },
    create: (number, body) => call('POST', `/issues/${number}/comments`, { body }),
    update: (_number, id, body) => call('PATCH', `/issues/comments/${id}`, { body }),
  }
}

function gitlab(env) {
  const base = `${env.CI_API_V4_URL}/projects/${env.CI_PROJECT_ID}`
  const headers = { 'private-token': env.INFRA_COMMENT_TOKEN }
  const call = (method, path, body) => fetched(method, base + path, headers, body)
  const self = async () => (await fetched('GET', `${env.CI_API_V4_URL}/user`, headers)).id
  return {
    async request() {
      const number = Number(env.CI_MERGE_REQUEST_IID)
      if (!number) throw new Error('this job runs for no merge request')
      return number
    },
    async merged() {
      const requests = await call('GET', `/repository/commits/${env.CI_COMMIT_SHA}/merge_requests`)
      return requests.find(one => one.state === 'merged' && [one.merge_commit_sha, one.squash_commit_sha, one.sha].includes(env.CI_COMMIT_SHA))?.iid
    },
    async list(number) {
      const id = await self()
      const notes = await pages(page => call('GET', `/merge_requests/${number}/notes?per_page=100&page=${page}`))
      return notes.filter(one => one.author?.id === id && !one.system).map(one => ({ id: one.id, text: one.body ?? '' }))
    },
    create: (number, body) => call('POST', `/merge_requests/${number}/notes`, { body }),
    update: (number, id, body) => call('PUT', `/merge_requests/${number}/notes/${id}`, { body }),
  }
}

async function pages(get) {
  const all = []
  for (let page = 1; page <= 50; page++) {
    const some = await get(page)
    all.push(...some)
    if (some.length < 100) break
  }
  return all
}

async function fetched(method, url, headers, body) {
  const response = await fetch(url, {
    method,
    headers: { ...headers, ...(body && { 'content-type': 'application/json' }) },
    ...(body && { body: JSON.stringify(body) }),
    signal: AbortSignal.timeout(30_000),
  })
  if (!response.ok) throw new Error(`${method} ${new URL(url).pathname} answered ${response.status}`)
  return response.json()
}
