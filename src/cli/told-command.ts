/** A command line as a lock, a journal and a checkpoint tell it: they are kept, so that nothing secret may be in it. */

/** The words of a command line, with the values of variables and what an address holds beside its place left out. */
export function toldCommand(id: string, argv: readonly string[]): string {
  const words = argv.map((word, index) => {
    if (argv[index - 1] === '--var') return withoutValue(word)
    if (word.startsWith('--var=')) return `--var=${withoutValue(word.slice('--var='.length))}`
    return withoutCredentials(word)
  })
  return ['infra', ...id.split(':'), ...words].join(' ')
}

/** Which variables are secret only the stack says, which may not be readable: none is told. */
function withoutValue(variable: string): string {
  const at = variable.indexOf('=')
  return at < 0 ? variable : `${variable.slice(0, at)}=...`
}

/** `https://user:password@host/path?token=1` holds a password and a token. */
function withoutCredentials(word: string): string {
  return word
    .replace(/([a-z][a-z0-9+.-]*:\/\/[^\s/?#:@]*):[^\s/?#@]*@/gi, '$1:...@')
    .replace(/([a-z][a-z0-9+.-]*:\/\/[^\s?#]*)\?[^\s#]*/gi, '$1?...')
}
