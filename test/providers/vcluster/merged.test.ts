/** Contexts of virtual clusters in a kubeconfig of the user's: one a cluster, and nobody else's is touched. */
import { load } from 'js-yaml'
import { describe, expect, it } from 'vitest'
import { putIn, readConfig, takeOut, writeConfig } from '../../../src/providers/vcluster/kubeconfig/merged.js'

const kubeconfig = (server: string) =>
  JSON.stringify({
    clusters: [{ name: 'my-vcluster', cluster: { server } }],
    users: [{ name: 'my-vcluster', user: { token: `token of ${server}` } }],
    contexts: [{ name: 'my-vcluster', context: { cluster: 'my-vcluster', user: 'my-vcluster' } }],
  })
const of = (host: string, name = 'team', namespace = name) => ({ host, name, namespace })
const mine = {
  apiVersion: 'v1',
  kind: 'Config',
  clusters: [{ name: 'c', cluster: { server: 'https://own' } }],
  contexts: [{ name: 'mine', context: { cluster: 'c', user: 'u' } }],
  users: [{ name: 'u', user: {} }],
  'current-context': 'mine',
  preferences: { colors: true },
}

interface Entry {
  readonly name: string
  readonly cluster?: { readonly server: string }
  readonly context?: { readonly cluster: string; readonly user: string }
  readonly user?: { readonly token: string }
}

/** Where a context leads to, by the names in the file as it is written. */
function leadsTo(config: object, name: string): readonly (string | undefined)[] {
  const read = load(Buffer.from(writeConfig(config as never)).toString()) as Record<string, Entry[]>
  const { context } = read.contexts?.find(one => one.name === name) ?? {}
  const cluster = read.clusters?.find(one => one.name === context?.cluster)
  const user = read.users?.find(one => one.name === context?.user)
  return [cluster?.cluster?.server, user?.user?.token]
}

/** Puts these in, one after the other; resolves to the contexts' names. */
function merged(...clusters: { of: ReturnType<typeof of>; host: string; server: string }[]) {
  const names: string[] = []
  let config: object = mine
  for (const one of clusters) {
    const done = putIn(config as never, kubeconfig(one.server), one.of, one.host)
    config = done.config
    names.push(done.context)
  }
  return { config: config as Readonly<Record<string, unknown>>, names }
}

describe('a context that is merged', () => {
  const rows = [
    {
      reason: 'is named by cluster, namespace and the host’s context',
      clusters: [{ of: of('https://a'), host: 'lab', server: 'https://1' }],
      names: ['infra_team_team_lab'],
    },
    {
      reason: 'leaves that of another host’s cluster of the same name',
      clusters: [
        { of: of('https://a'), host: 'lab', server: 'https://1' },
        { of: of('https://b'), host: 'far', server: 'https://2' },
      ],
      names: ['infra_team_team_lab', 'infra_team_team_far'],
    },
    {
      reason: 'leaves it where the hosts’ contexts have one name, too',
      clusters: [
        { of: of('https://a'), host: 'admin@kubernetes', server: 'https://1' },
        { of: of('https://b'), host: 'admin@kubernetes', server: 'https://2' },
        { of: of('https://c'), host: 'admin@kubernetes', server: 'https://3' },
      ],
      names: [
        'infra_team_team_admin@kubernetes',
        'infra_team_team_admin@kubernetes-2',
        'infra_team_team_admin@kubernetes-3',
      ],
    },
    {
      reason: 'leaves that of another namespace of the same host',
      clusters: [
        { of: of('https://a', 'team', 'one'), host: 'lab', server: 'https://1' },
        { of: of('https://a', 'team', 'two'), host: 'lab', server: 'https://2' },
      ],
      names: ['infra_team_one_lab', 'infra_team_two_lab'],
    },
  ]
  it.each(rows)('$reason', ({ clusters, names }) => {
    const { config, names: made } = merged(...clusters)
    expect(made).toEqual(names)
    for (const [index, { server }] of clusters.entries())
      expect(leadsTo(config, names[index] ?? '')).toEqual([server, `token of ${server}`])
    expect(config).toMatchObject({ preferences: { colors: true }, 'current-context': 'mine' })
    expect(leadsTo(config, 'mine')).toEqual(['https://own', undefined])
  })

  it('takes the place of the cluster’s own, whatever number that has', () => {
    const [a, b] = ['https://a', 'https://b'].map(host => ({
      of: of(host),
      host: 'lab',
      server: `${host}/1`,
    }))
    if (!a || !b) throw new Error('there are two')
    const { config, names } = merged(a, b, { ...b, server: 'https://b/2' })
    expect(names.slice(1)).toEqual(['infra_team_team_lab-2', 'infra_team_team_lab-2'])
    expect((config.contexts as Entry[]).map(one => one.name)).toEqual([
      'mine',
      'infra_team_team_lab',
      'infra_team_team_lab-2',
    ])
    expect(leadsTo(config, 'infra_team_team_lab-2')[0]).toBe('https://b/2')
    expect(leadsTo(config, 'infra_team_team_lab')[0]).toBe('https://a/1')
  })

  it('does not take the place of somebody’s of its name', () => {
    const { config } = putIn(
      { contexts: [{ name: 'infra_team_team_lab', context: { cluster: 'x' } }] },
      kubeconfig('https://1'),
      of('https://a'),
      'lab',
    )
    expect((config.contexts as Entry[]).map(one => one.name)).toEqual([
      'infra_team_team_lab',
      'infra_team_team_lab-2',
    ])
  })
})

describe('a context that is taken out', () => {
  const both = () =>
    merged(
      { of: of('https://a'), host: 'lab', server: 'https://1' },
      { of: of('https://b'), host: 'lab', server: 'https://2' },
    ).config
  const left = (config: Readonly<Record<string, unknown>>) =>
    ['clusters', 'contexts', 'users'].map(list => (config[list] as Entry[]).map(one => one.name))

  it.each([
    ['of this host', 'https://a', 'infra_team_team_lab', 'infra_team_team_lab-2'],
    ['of the other', 'https://b', 'infra_team_team_lab-2', 'infra_team_team_lab'],
  ])('is the one %s, and no other', (_reason, host, gone, stays) => {
    const { config, contexts } = takeOut(both(), { host, name: 'team', namespace: undefined })
    expect(contexts).toEqual([gone])
    expect(left(config)).toEqual([
      ['c', stays],
      ['mine', stays],
      ['u', stays],
    ])
    expect(config['current-context']).toBe('mine')
  })

  it('is no longer the current one', () => {
    const config = { ...both(), 'current-context': 'infra_team_team_lab' }
    const done = takeOut(config, { host: 'https://a', name: 'team', namespace: 'team' })
    expect(done.config['current-context']).toBe('')
  })

  it.each([
    ['another namespace', { host: 'https://a', name: 'team', namespace: 'other' }],
    ['another host', { host: 'https://c', name: 'team', namespace: undefined }],
    ['another name', { host: 'https://a', name: 'mine', namespace: undefined }],
  ])('is none where %s is meant', (_reason, choice) => {
    expect(takeOut(both(), choice)).toMatchObject({ contexts: [], config: { 'current-context': 'mine' } })
    expect(left(takeOut(both(), choice).config)).toEqual(left(both()))
  })

  it('is not guessed where two clusters of the host have the name', () => {
    const { config } = merged(
      { of: of('https://a', 'team', 'one'), host: 'lab', server: 'https://1' },
      { of: of('https://a', 'team', 'two'), host: 'lab', server: 'https://2' },
    )
    const choice = { host: 'https://a', name: 'team' }
    expect(() => takeOut(config, { ...choice, namespace: undefined })).toThrow(
      expect.objectContaining({ code: 'ambiguous-cluster', hint: 'say which with --namespace: one, two' }),
    )
    expect(takeOut(config, { ...choice, namespace: 'two' }).contexts).toEqual(['infra_team_two_lab'])
  })
})

describe('the file', () => {
  it.each([
    ['absent', undefined],
    ['empty', Buffer.from('\n')],
  ])('that is %s is one without anything in it', (_reason, bytes) => {
    expect(readConfig(bytes, 'f')).toEqual({})
  })
  it.each(['a: [', '- one', 'text'])('that is none is refused: %s', text => {
    expect(() => readConfig(Buffer.from(text), 'f')).toThrow(
      expect.objectContaining({ code: 'no-kubeconfig' }),
    )
  })
})
