import { execFileSync } from 'node:child_process'
import { describe, expect, test } from 'vitest'
import { shellWord } from '../../src/model/shell-word.js'

describe('a word for a shell', () => {
  test('is what the shell makes of it again, whatever is in it', () => {
    const texts = [
      'plain',
      '/a/b.c',
      '',
      ' ',
      "it's",
      '$HOME `id`',
      'a\nb',
      '*',
      '~',
      '-n',
      '"',
      '\\',
      'é;&|<>()#!',
    ]
    const told = execFileSync('sh', ['-c', `printf '%s\\0' ${texts.map(shellWord).join(' ')}`], {
      encoding: 'utf8',
    })
    expect(told.split('\0').slice(0, -1)).toEqual(texts)
  })

  test('is left as it is where a person would not quote it', () => {
    expect(['infra.yaml', 'qemu:///system', '/var/lib/x', 'a=b'].map(shellWord)).toEqual([
      'infra.yaml',
      'qemu:///system',
      '/var/lib/x',
      'a=b',
    ])
  })
})
